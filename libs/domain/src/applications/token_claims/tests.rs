use serde_json::json;

use super::*;
use crate::{
    ConnectionId,
    core::value::{Name, RoleSlug},
    tenancy::roles::{Cap, RoleName},
};

#[test]
fn names_are_urls_and_facts_are_known() {
    let code = |value: Value| TokenClaims::parse(&value).map(|claims| claims.0.len()).map_err(|e| e.code);
    assert_eq!(code(json!({})), Ok(0));
    assert_eq!(code(json!({"https://app.example.com/org_roles": "org_roles", "http://localhost:3000/name": "org_name"})), Ok(2));
    for value in [json!(null), json!([]), json!("org_roles"), json!(1)] {
        assert_eq!(code(value.clone()), Err("bad_claims"), "{value}");
    }
    let long = format!("https://app.example.com/{}", "x".repeat(200));
    for name in [
        "org_roles",
        "sub",
        "",
        "email_verified",
        "urn:roles",
        "javascript:x",
        "https://",
        "https://app.example.com/a b",
        "https://ä.example/r",
        &long,
    ] {
        assert_eq!(code(json!({name: "org_roles"})), Err("bad_claims"), "{name}");
    }
    for fact in [json!("password"), json!(null), json!(["org_roles"])] {
        assert_eq!(code(json!({"https://app.example.com/x": fact})), Err("unknown_claim"), "{fact}");
    }
    let many: Map<_, _> = (0..11).map(|n| (format!("https://app.example.com/{n}"), json!("org_name"))).collect();
    assert_eq!(code(many.into()), Err("too_many"));
}

fn role(slug: &str, caps: Caps, sources: Vec<Source>) -> EffectiveRole {
    EffectiveRole { id: None, role: RoleName::stored(slug.to_owned()), name: None, caps, sources }
}

fn facts(roles: Vec<EffectiveRole>) -> ClaimFacts {
    ClaimFacts { slug: "acme".to_owned(), name: "The acme company".to_owned(), roles }
}

fn claims(value: Value) -> TokenClaims {
    TokenClaims::parse(&value).unwrap()
}

#[test]
fn they_tell_what_somebody_may_do_now() {
    let of =
        |awake| Source::Connection { id: ConnectionId::new(uuid::Uuid::nil()), name: Name::stored("Keys".to_owned()), awake };
    let billing: Caps = [Cap::BillingManage].into_iter().collect();
    let audit: Caps = [Cap::AuditLogsView].into_iter().collect();
    let facts = facts(vec![
        role("member", Caps::NONE, vec![Source::Membership]),
        role("clerk", billing, vec![of(false)]),
        role("auditor", audit, vec![of(false), Source::Direct]),
    ]);
    let all = claims(json!({
        "https://a.example/roles": "org_roles", "https://a.example/may": "org_permissions",
        "https://a.example/slug": "org_name", "https://a.example/name": "org_display_name",
    }));
    let told = Value::Object(all.told(&facts));
    assert_eq!(told["https://a.example/roles"], json!(["member", "auditor"]), "what a connection gave sleeps");
    assert_eq!(told["https://a.example/may"], json!(["audit_logs.view"]));
    assert_eq!((&told["https://a.example/slug"], &told["https://a.example/name"]), (&json!("acme"), &json!("The acme company")));
    assert_eq!(TokenClaims::stored(all.kept().as_deref()), all);
    assert!(all.tell_roles() && !claims(json!({"https://a.example/slug": "org_name"})).tell_roles());
    assert_eq!(TokenClaims::default().kept(), None);
}

#[test]
fn what_does_not_fit_into_a_token_is_left_out() {
    let slug = |n: usize| RoleSlug::stored(format!("{n:0>60}"));
    let roles = |n| (0..n).map(|n| role(slug(n).as_str(), Caps::ALL, vec![Source::Direct])).collect();
    let both = claims(json!({"https://a.example/roles": "org_roles", "https://a.example/slug": "org_name"}));
    assert_eq!(both.told(&facts(roles(20))).len(), 2);
    let told = both.told(&facts(roles(50)));
    assert_eq!(told.keys().collect::<Vec<_>>(), ["https://a.example/slug"]);
    assert!(Value::Object(told).to_string().len() <= LONGEST);
}

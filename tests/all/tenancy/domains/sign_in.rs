//! Domains of people's addresses.

use super::*;

const MEMBERS: &[&str] = &[
    "id",
    "org_id",
    "domain",
    "upstream_provider_id",
    "login_policy",
    "announce",
    "verified",
    "verification_token",
    "verification_methods",
    "created_at",
];

fn shape(route: &Value) {
    has(route, MEMBERS, &["verified_at", "checked_at", "failing_since", "lapses_at"]);
}

async fn add(app: &TestApp, by: &User, org: &Org, domain: &str) -> Value {
    let route = app.by(by).post(&org.at("domain-routes"), json!({"domain": domain})).await.ok();
    shape(&route);
    route
}

async fn look(app: &TestApp, by: &User, org: &Org, route: &Value) -> bool {
    let path = org.at(&format!("domain-routes/{}/verify", text(&route["id"])));
    app.by(by).post(&path, json!({})).await.ok()["verified"].as_bool().unwrap()
}

fn record(route: &Value) -> String {
    text(&route["verification_methods"][0]["record_name"])
}

named!(t39_several_organizations_prove_one_domain_each_for_itself, async |app: &TestApp, dns: &NameServer| {
    let (ann, acme) = founded(app, "ann@example.com", "acme").await;
    let (eve, evil) = founded(app, "eve@example.com", "evil").await;
    let first = add(app, &ann, &acme, "ACME.example").await;
    let second = add(app, &eve, &evil, "acme.example").await;
    assert_ne!(record(&first), record(&second), "each has a challenge of its own");
    let hex = acme.id.trim_start_matches("org_");
    assert_eq!(record(&first), format!("_sso-verification-{hex}.acme.example"));
    assert_eq!(first["verification_methods"].as_array().unwrap().len(), 1, "a file proves nothing about mail");
    dns.says(&record(&first), &[&text(&first["verification_token"])]);
    assert!(look(app, &ann, &acme, &first).await && !look(app, &eve, &evil, &second).await);
    // A second proof takes nothing from the first.
    dns.says(&record(&second), &[&text(&second["verification_token"])]);
    assert!(look(app, &eve, &evil, &second).await && look(app, &ann, &acme, &first).await);
    for (who, org) in [(&ann, &acme), (&eve, &evil)] {
        let listed = app.by(who).get(&org.at("domain-routes")).await.ok();
        let [route] = listed.as_array().unwrap().as_slice() else { panic!("{listed}") };
        shape(route);
        assert_eq!((&route["verified"], &route["org_id"]), (&json!(true), &json!(org.id)));
    }
    let one = acme.at(&format!("domain-routes/{}", text(&first["id"])));
    app.by(&ann).delete(&one).await.done();
    app.by(&ann).get(&one).await.refused(404, "NOT_FOUND");
    assert!(look(app, &eve, &evil, &second).await, "and takes nothing from the other when it goes");
    assert_eq!(recorded(app, &ann, &acme, "domain.verified").await[0]["kind"], "sign_in");
    assert_eq!(recorded(app, &ann, &acme, "domain.deleted").await.len(), 1);
});

both!(t39_public_mail_domains_are_nobodys, async |app| {
    let (ann, org) = founded(app, "ann@example.com", "acme").await;
    for domain in ["gmail.com", "GMail.com.", "mail.yahoo.co.uk", "outlook.com", "web.de", "qq.com"] {
        let refused = app.by(&ann).post(&org.at("domain-routes"), json!({"domain": domain})).await.invalid(&["domain"]);
        assert_eq!(refused["details"][0]["code"], "public_mail", "{domain}");
    }
});

both!(a_domain_is_the_organizations_once_and_there_is_a_bound, async |app| {
    let (ann, org) = founded(app, "ann@example.com", "acme").await;
    let first = add(app, &ann, &org, "acme.example").await;
    let again = app.by(&ann).post(&org.at("domain-routes"), json!({"domain": "Acme.example"})).await;
    again.refused_as(400, "DUPLICATE_CONSTRAINT", "domain_exists");
    for n in 1..100 {
        add(app, &ann, &org, &format!("d{n}.example")).await;
    }
    let one_more = async || app.by(&ann).post(&org.at("domain-routes"), json!({"domain": "more.example"})).await;
    one_more().await.refused_as(400, "BAD_REQUEST", "domain_limit");
    assert_eq!(app.by(&ann).get(&org.at("domain-routes")).await.ok().as_array().unwrap().len(), 100);
    app.by(&ann).delete(&org.at(&format!("domain-routes/{}", text(&first["id"])))).await.done();
    one_more().await.ok();
});

both!(they_are_for_those_who_manage_integrations, async |app| {
    let (ann, org) = founded(app, "ann@example.com", "acme").await;
    let route = add(app, &ann, &org, "acme.example").await;
    let one = org.at(&format!("domain-routes/{}", text(&route["id"])));
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let (eve, evil) = founded(app, "eve@example.com", "evil").await;
    for who in [&bob, &eve] {
        app.by(who).get(&org.at("domain-routes")).await.refused(403, "FORBIDDEN");
        app.by(who).get(&one).await.refused(403, "FORBIDDEN");
        app.by(who).delete(&one).await.refused(403, "FORBIDDEN");
        app.by(who).post(&format!("{one}/verify"), json!({})).await.refused(403, "FORBIDDEN");
    }
    // In their own organization it is not there.
    let theirs = evil.at(&format!("domain-routes/{}", text(&route["id"])));
    app.by(&eve).get(&theirs).await.refused(404, "NOT_FOUND");
    app.by(&eve).delete(&theirs).await.refused(404, "NOT_FOUND");
    app.by(&eve).post(&format!("{theirs}/verify"), json!({})).await.refused(404, "NOT_FOUND");
});

named!(a_sign_in_domain_lapses_as_a_host_does, async |app: &TestApp, dns: &NameServer| {
    let (ann, org) = founded(app, "ann@example.com", "acme").await;
    let route = add(app, &ann, &org, "acme.example").await;
    dns.says(&record(&route), &[&text(&route["verification_token"])]);
    assert!(look(app, &ann, &org, &route).await);
    dns.says(&record(&route), &[]);
    days(app, 8).await;
    let ann = app.again(&ann).await;
    let known = app.by(&ann).get(&org.at(&format!("domain-routes/{}", text(&route["id"])))).await.ok();
    assert_eq!((&known["verified"], known.get("lapses_at")), (&json!(false), None));
    assert_eq!(recorded(app, &ann, &org, "domain.lapsed").await[0]["kind"], "sign_in");
});

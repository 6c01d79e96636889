//! How the people of an organization have to sign in: the policy, and what becomes of sessions that did less.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Client, Options, Org, PASSWORD, PasskeyDevice, Response, TestApp, User, answers, both, text};

use crate::core::shapes::has_exactly;

const SHAPE: &[&str] = &["methods", "mfa", "max_age_seconds", "networks", "sso", "break_glass", "mfa_trusts_connection"];

async fn founded(app: &TestApp) -> (User, Org) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    (ann, org)
}

fn behind_a_proxy() -> Options {
    Options::default().set("server.trusted_proxies", "127.0.0.0/8")
}

async fn set(app: &TestApp, org: &Org, changes: Value) -> Value {
    app.client().bearer(&org.access).patch(&org.at("sign-in/policy"), changes).await.ok()
}

/// A sign-in from an address.
async fn sign_in(app: &TestApp, email: &str, org: Option<&str>, from: Option<&str>) -> Response {
    let request = app.client().request(Method::POST, "/api/auth/login");
    let request = request.json(&json!({"email": email, "password": PASSWORD, "org_slug": org}));
    from.into_iter().fold(request, |request, from| request.header("x-forwarded-for", from)).send().await
}

/// Signs in to the organization with the code that it asks for: the tokens.
async fn with_code(app: &TestApp, email: &str, org: &str) -> Value {
    let asked = sign_in(app, email, Some(org), None).await.ok();
    assert_eq!(asked["refresh_token"], "", "a code is asked for: {asked}");
    app.worker().await;
    let verify = json!({"preauth_token": asked["access_token"], "code": app.mailed_code(email)});
    app.client().post("/api/auth/mfa/verify", verify).await.ok()
}

fn bearer(app: &TestApp, tokens: &Value) -> Client {
    app.client().bearer(&text(&tokens["access_token"]))
}

async fn refresh(app: &TestApp, token: &str) -> Response {
    app.client().post("/api/auth/refresh", json!({"refresh_token": token})).await
}

/// Who is asked for more: what, and how the header says it to clients that know RFC 9470.
#[track_caller]
fn asked_for(answer: &Response, needs: &str, challenge: &str) -> Value {
    let step_up = answer.json()["step_up"].clone();
    assert_eq!((&step_up["organization"], &step_up["needs"]), (&json!("acme"), &json!(needs)), "{answer}");
    assert_eq!(answer.header("www-authenticate"), format!("Bearer error=\"insufficient_user_authentication\", {challenge}"));
    answer.clone().refused_as(403, "FORBIDDEN", "step_up_required");
    step_up
}

both!(the_policy_is_read_changed_and_recorded, async |app| {
    let (ann, org) = founded(app).await;
    let usual = app.by(&ann).get(&org.at("sign-in/policy")).await.ok();
    has_exactly(&usual, SHAPE);
    assert_eq!(
        usual,
        json!({"methods": ["password", "passkey", "mail"], "mfa": "off", "max_age_seconds": null, "networks": [], "sso": "optional", "break_glass": [], "mfa_trusts_connection": false})
    );
    let changed = set(app, &org, json!({"max_age_seconds": 3600, "networks": ["127.0.0.1", "203.0.113.7/24"]})).await;
    let networks = json!(["127.0.0.1/32", "203.0.113.0/24"]);
    let mut expected = usual.clone();
    (expected["max_age_seconds"], expected["networks"]) = (json!(3600), networks.clone());
    assert_eq!(changed, expected);
    assert_eq!(set(app, &org, json!({})).await, changed, "nothing sent, nothing changed");
    set(app, &org, json!({"networks": [], "max_age_seconds": null})).await;
    assert_eq!(app.by(&ann).get(&org.at("sign-in/policy")).await.ok(), usual);
    app.worker().await;
    let log = app.by(&ann).get(&org.at("audit-log?action=sign_in_policy.updated")).await.ok();
    let logs = log["logs"].as_array().unwrap();
    assert_eq!(logs.len(), 2, "an empty change is none: {log}");
    assert_eq!((&logs[1]["metadata"]["networks"], &logs[1]["metadata"]["max_age_seconds"]), (&networks, &json!(3600)));
    assert_eq!(app.count("select count(*) from organizations where sign_in_policy is not null").await, 0);
});

both!(who_may_not_and_what_is_no_policy, async |app| {
    let (ann, org) = founded(app).await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let olga = app.sign_up("olga@example.com").await;
    app.create_org(&olga, "other").await;
    let key = json!({"name": "Key", "permissions": ["org.settings.manage"]});
    let key = text(&app.by(&ann).post(&org.at("api-keys"), key).await.ok()["secret"]);
    let (at, simulate) = (org.at("sign-in/policy"), org.at("sign-in/simulate"));
    let forged = json!({"email": "ann@example.com", "authentications": [{"method": "connection"}]});
    answers! {
        "a member reads": app.by(&bob).get(&at) => refused_as(403, "FORBIDDEN", "missing_permission"),
        "a member changes": app.by(&bob).patch(&at, json!({"mfa": "required"})) => refused_as(403, "FORBIDDEN", "missing_permission"),
        "a member simulates": app.by(&bob).post(&simulate, json!({"email": "ann@example.com"})) => refused(403, "FORBIDDEN"),
        "another tenant": app.by(&olga).patch(&at, json!({"mfa": "required"})) => refused_as(403, "FORBIDDEN", "not_a_member"),
        "a key reads": app.client().bearer(&key).get(&at) => Ok,
        "a key simulates": app.client().bearer(&key).post(&simulate, json!({"email": "ann@example.com"})) => Ok,
        "a key changes": app.client().bearer(&key).patch(&at, json!({"mfa": "required"})) => refused_as(403, "FORBIDDEN", "person_required"),
        "all of it wrong": app.by(&ann).patch(&at, json!({"mfa": "maybe", "max_age_seconds": 299, "networks": ["here"]})) => Invalid(&["mfa", "max_age_seconds", "networks"]),
        "other types": app.by(&ann).patch(&at, json!({"mfa": 1, "max_age_seconds": "1", "networks": "10.0.0.0/8"})) => Invalid(&["mfa", "max_age_seconds", "networks"]),
        "nulls": app.by(&ann).patch(&at, json!({"mfa": null, "networks": null})) => Invalid(&["mfa", "networks"]),
        "too many": app.by(&ann).patch(&at, json!({"networks": vec!["10.0.0.0/8"; 21]})) => Invalid(&["networks"]),
        "too long": app.by(&ann).patch(&at, json!({"max_age_seconds": 31_622_401})) => Invalid(&["max_age_seconds"]),
        "nobody to simulate": app.by(&ann).post(&simulate, json!({})) => Invalid(&["email"]),
        "what only a provider can say": app.by(&ann).post(&simulate, forged) => Invalid(&["authentications"]),
        "no list": app.by(&ann).post(&simulate, json!({"email": "a@b.de", "authentications": {}, "ip_address": "here"})) => Invalid(&["authentications", "ip_address"]),
        "more than a session keeps": app.by(&ann).post(&simulate, json!({"email": "a@b.de", "authentications": vec![json!({"method": "password"}); 9]})) => Invalid(&["authentications"]),
    }
    assert_eq!(app.by(&ann).get(&at).await.ok()["mfa"], "off");
});

both!(a_second_factor_is_asked_for_at_every_use, async |app| {
    let (ann, org) = founded(app).await;
    let other = app.create_org(&ann, "other").await;
    set(app, &org, json!({"mfa": "required"})).await;
    let owner = app.client().bearer(&org.access);
    let step_up = asked_for(&owner.get(&org.path).await, "second_factor", "acr_values=\"2\"");
    assert_eq!(step_up["methods"], json!(["totp", "recovery_code", "mail_code", "passkey"]));
    answers! {
        "reading": owner.get(&org.at("members")) => refused_as(403, "FORBIDDEN", "step_up_required"),
        "changing": owner.patch(&org.path, json!({"name": "Other"})) => refused_as(403, "FORBIDDEN", "step_up_required"),
        "undoing": owner.patch(&org.at("sign-in/policy"), json!({"mfa": "off"})) => refused_as(403, "FORBIDDEN", "step_up_required"),
        "selecting": app.by(&ann).post_empty(&org.at("select")) => refused_as(403, "FORBIDDEN", "step_up_required"),
        "renewing": refresh(app, &org.refresh) => refused_as(403, "FORBIDDEN", "step_up_required"),
        "T14: her other organization": owner.get(&other.path) => Ok,
        "its tokens": refresh(app, &other.refresh) => Ok,
        "her account": owner.get("/api/user") => Ok,
        "her organizations": owner.get("/api/organizations") => Ok,
    }
    let tokens = with_code(app, "ann@example.com", "acme").await;
    let again = bearer(app, &tokens);
    answers! {
        "with a code": again.get(&org.at("members")) => Ok,
        "changing with it": again.patch(&org.path, json!({"name": "Mine"})) => Ok,
        "the other organization": again.post_empty(&other.at("select")) => Ok,
        "renewing with it": refresh(app, &text(&tokens["refresh_token"])) => Ok,
    }
    // The family that was refused lives: what is no longer demanded, it need not give.
    again.patch(&org.at("sign-in/policy"), json!({"mfa": "off"})).await.ok();
    refresh(app, &org.refresh).await.ok();
    owner.get(&org.path).await.ok();
});

both!(an_old_sign_in_is_asked_for_a_fresh_one, async |app| {
    let (ann, org) = founded(app).await;
    set(app, &org, json!({"max_age_seconds": 300})).await;
    app.client().bearer(&org.access).get(&org.path).await.ok();
    app.advance(TimeDelta::seconds(300));
    app.client().bearer(&org.access).get(&org.path).await.ok();
    app.advance(TimeDelta::seconds(1));
    let step_up = asked_for(&app.client().bearer(&org.access).get(&org.path).await, "fresh_first_factor", "max_age=\"300\"");
    assert_eq!((&step_up["methods"], &step_up["max_age_seconds"]), (&json!(["password", "passkey", "mail"]), &json!(300)));
    // A renewal is no sign-in.
    refresh(app, &org.refresh).await.refused_as(403, "FORBIDDEN", "step_up_required");
    refresh(app, &ann.refresh).await.ok();
    let fresh = sign_in(app, "ann@example.com", Some("acme"), None).await.ok();
    bearer(app, &fresh).get(&org.path).await.ok();
});

both!(a_network_is_asked_before_everything, behind_a_proxy(), async |app| {
    let (ann, org) = founded(app).await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    let key = json!({"name": "Key", "permissions": ["org.members.view"]});
    let key = text(&app.by(&ann).post(&org.at("api-keys"), key).await.ok()["secret"]);
    let shut = app.by(&ann).patch(&org.at("sign-in/policy"), json!({"networks": ["203.0.113.0/24"]})).await;
    shut.refused_as(400, "BAD_REQUEST", "keeps_you_out");
    set(app, &org, json!({"networks": ["127.0.0.0/8", "203.0.113.0/24"]})).await;
    let at = async |token: &str, from: &str| {
        let request = app.client().bearer(token).request(Method::GET, &org.path);
        request.header("x-forwarded-for", from).send().await
    };
    at(&bob.access, "203.0.113.9").await.ok();
    at(&bob.access, "203.0.114.9").await.refused_as(403, "FORBIDDEN", "network_not_allowed");
    at(&org.access, "2001:db8::1").await.refused_as(403, "FORBIDDEN", "network_not_allowed");
    assert_eq!(at(&key, "203.0.114.9").await.status, 200, "keys have networks of their own");
    // The right password is told why; a wrong one is not told that there is such a rule.
    let refused = sign_in(app, "bob@example.com", Some("acme"), Some("203.0.114.9")).await;
    refused.refused_as(403, "FORBIDDEN", "network_not_allowed");
    sign_in(app, "bob@example.com", None, Some("203.0.114.9")).await.ok();
    let login = json!({"email": "bob@example.com", "password": "not the password", "org_slug": "acme"});
    let wrong = app.client().request(Method::POST, "/api/auth/login").json(&login).header("x-forwarded-for", "203.0.114.9");
    wrong.send().await.refused_as(401, "UNAUTHORIZED", "invalid_credentials");
    app.worker().await;
    let log = app.by(&ann).get(&org.at("audit-log?action=user.login.failed")).await.ok();
    let reasons: Vec<_> = log["logs"].as_array().unwrap().iter().map(|one| text(&one["metadata"]["reason"])).collect();
    assert_eq!(reasons, ["invalid_credentials", "network_not_allowed"]);
});

both!(a_code_that_comes_after_the_policy_became_stricter_does_not_open, behind_a_proxy(), async |app| {
    let (ann, org) = founded(app).await;
    app.member(&ann, "acme", "bob@example.com", "admin").await;
    set(app, &org, json!({"mfa": "required"})).await;
    let asked = sign_in(app, "bob@example.com", Some("acme"), Some("203.0.114.9")).await.ok();
    app.worker().await;
    let owner = bearer(app, &with_code(app, "ann@example.com", "acme").await);
    owner.patch(&org.at("sign-in/policy"), json!({"networks": ["127.0.0.1"]})).await.ok();
    let verify = json!({"preauth_token": asked["access_token"], "code": app.mailed_code("bob@example.com")});
    let request = app.client().request(Method::POST, "/api/auth/mfa/verify").json(&verify);
    let answer = request.header("x-forwarded-for", "203.0.114.9").send().await;
    answer.refused_as(403, "FORBIDDEN", "network_not_allowed");
    assert_eq!(
        app.count("select count(*) from sessions s join users u on u.id = s.user_id where u.email = 'bob@example.com'").await,
        1
    );
});

both!(operators_mend_and_look_whatever_the_policy_says, async |app| {
    let (ann, org) = founded(app).await;
    let root = app.platform_owner().await;
    set(app, &org, json!({"mfa": "required"})).await;
    answers! {
        "a platform owner reads the policy": app.by(&root).get(&org.at("sign-in/policy")) => Ok,
        "and signs in to it": sign_in(app, &root.email, Some("acme"), None) => Ok,
        "and mends it, from anywhere": app.by(&root).patch(&org.at("sign-in/policy"), json!({"networks": ["203.0.113.0/24"]})) => Ok,
    }
    let begun = app.by(&root).post("/api/platform/impersonate", json!({"user_id": ann.id})).await.ok();
    let acting = bearer(app, &begun);
    answers! {
        "as the owner": acting.get(&org.at("members")) => Ok,
        "who does not say how people sign in": acting.patch(&org.at("sign-in/policy"), json!({"mfa": "off"})) => refused_as(403, "FORBIDDEN", "impersonated"),
        "the owner herself": app.by(&ann).get(&org.path) => refused_as(403, "FORBIDDEN", "network_not_allowed"),
    }
});

both!(what_somebody_would_be_told_is_simulated, async |app| {
    let (ann, org) = founded(app).await;
    app.member(&ann, "acme", "bob@example.com", "member").await;
    app.sign_up("zed@example.com").await;
    set(app, &org, json!({"max_age_seconds": 600, "networks": ["127.0.0.1", "203.0.113.0/24"]})).await;
    let owner = app.by(&ann);
    let would = async |body: Value| owner.post(&org.at("sign-in/simulate"), body).await.ok();
    let of_bob = |done: Value| json!({"email": "bob@example.com", "authentications": done});
    let until = json!((app.now() + TimeDelta::seconds(600)).format("%Y-%m-%dT%H:%M:%S.000000Z").to_string());
    let before = app.dump().await;
    for (what, body, expected) in [
        (
            "with a password",
            json!({"email": "bob@example.com"}),
            json!({"outcome": "enter", "role": "member", "two_factors": false, "until": until}),
        ),
        (
            "from elsewhere",
            json!({"email": "Bob@example.com", "ip_address": "10.0.0.1"}),
            json!({"outcome": "refuse", "reason": "network_not_allowed", "role": "member"}),
        ),
        ("nobody's address", json!({"email": "nobody@example.com"}), json!({"outcome": "refuse", "reason": "not_a_member"})),
        ("a stranger's address", json!({"email": "zed@example.com"}), json!({"outcome": "refuse", "reason": "not_a_member"})),
        (
            "too long ago",
            of_bob(json!([{"method": "password", "age_seconds": 601}])),
            json!({
                "outcome": "step_up", "reason": "step_up_required", "role": "member",
                "step_up": {"organization": "acme", "needs": "fresh_first_factor", "methods": ["password", "passkey", "mail"], "connections": [], "max_age_seconds": 600},
            }),
        ),
        (
            "nothing at all",
            of_bob(json!([])),
            json!({
                "outcome": "step_up", "reason": "step_up_required", "role": "member",
                "step_up": {"organization": "acme", "needs": "first_factor", "methods": ["password", "passkey", "mail"], "connections": []},
            }),
        ),
        (
            "with a second factor",
            of_bob(json!([{"method": "password"}, {"method": "mail_code"}])),
            json!({"outcome": "enter", "role": "member", "two_factors": true, "until": until}),
        ),
    ] {
        assert_eq!(would(body).await, expected, "{what}");
    }
    assert_eq!(app.dump().await, before, "nobody signed in");
});

both!(a_policy_that_cannot_be_read_lets_nobody_in, async |app| {
    let (ann, org) = founded(app).await;
    app.allow_5xx();
    app.execute(r#"update organizations set sign_in_policy = '{"mfa":"off","something_newer":true}'"#).await;
    answers! {
        "reading": app.by(&ann).get(&org.path) => refused(500, "INTERNAL_SERVER_ERROR"),
        "renewing": refresh(app, &org.refresh) => refused(500, "INTERNAL_SERVER_ERROR"),
        "signing in": sign_in(app, "ann@example.com", Some("acme"), None) => refused(500, "INTERNAL_SERVER_ERROR"),
        "elsewhere": app.by(&ann).get("/api/organizations") => Ok,
    }
});

both!(sessions_from_before_had_a_password_at_an_unknown_time, async |app| {
    let (_, org) = founded(app).await;
    app.execute("update sessions set authn = null").await;
    let owner = app.client().bearer(&org.access);
    owner.patch(&org.at("sign-in/policy"), json!({"max_age_seconds": 31_622_400})).await.ok();
    asked_for(&owner.get(&org.path).await, "fresh_first_factor", "max_age=\"31622400\"");
    app.execute("update sessions set authn = 'nothing that one could read'").await;
    let refused = owner.get(&org.path).await;
    assert_eq!(refused.json()["step_up"]["needs"], "first_factor", "{refused}");
});

both!(a_confined_session_lists_the_organizations_that_it_came_to, async |app| {
    let (ann, org) = founded(app).await;
    app.create_org(&ann, "other").await;
    let authn =
        json!([{"m": "con", "t": 1_764_000_000, "c": {"o": org.id, "i": "con_00000000000000000000000000000001", "g": 1}}]);
    app.execute(&format!("update sessions set authn = '{authn}'")).await;
    let listed = app.by(&ann).get("/api/organizations").await.ok();
    let slugs: Vec<_> = listed.as_array().unwrap().iter().map(|one| text(&one["organization"]["slug"])).collect();
    assert_eq!(slugs, ["acme"]);
    // A connection that the organization does not list opens nothing there either.
    app.by(&ann).get(&org.path).await.refused_as(403, "FORBIDDEN", "step_up_required");
    app.by(&ann).post("/api/organizations", json!({"slug": "third", "name": "Third"})).await.refused(403, "FORBIDDEN");
});

both!(which_of_ones_own_ways_count_is_the_organizations_to_say, async |app| {
    let (ann, org) = founded(app).await;
    let owner = app.client().bearer(&org.access);
    assert_eq!(owner.get(&org.at("sign-in/policy")).await.ok()["methods"], json!(["password", "passkey", "mail"]));
    for bad in [json!([]), json!(["sms"]), json!("password"), json!([1]), json!(["mail", "mail", "mail", "mail"]), json!(null)] {
        owner.patch(&org.at("sign-in/policy"), json!({"methods": bad})).await.invalid(&["methods"]);
    }
    let changed = set(app, &org, json!({"methods": ["mail", "passkey"]})).await;
    assert_eq!(changed["methods"], json!(["passkey", "mail"]), "their order says nothing");
    // It is asked at every use: her session was a password's.
    let refused = owner.get(&org.path).await.expect(403).json();
    assert_eq!(
        (&refused["step_up"]["needs"], &refused["step_up"]["methods"][0]),
        (&json!("first_factor"), &json!("passkey")),
        "{refused}"
    );
    sign_in(app, "ann@example.com", Some("acme"), None).await.expect(403);
    let tokens = sign_in(app, "ann@example.com", None, None).await.ok();
    let mut device = PasskeyDevice::at(app);
    device.register(&bearer(app, &tokens), "Laptop").await;
    let challenge = app.client().post_empty("/api/auth/passkeys/authenticate/start").await.ok();
    device.counter += 1;
    let answer = json!({"challenge_id": challenge["challenge_id"], "credential": device.sign(&challenge), "org_slug": "acme"});
    let tokens = app.client().post("/api/auth/passkeys/authenticate/finish", answer).await.ok();
    let owner = bearer(app, &tokens);
    // Who may break the glass has a passkey, which is both factors.
    let changed = owner.patch(&org.at("sign-in/policy"), json!({"break_glass": [ann.id]})).await.ok();
    assert_eq!(changed["break_glass"], json!([ann.id]));
    assert_eq!(app.count("select count(*) from events where name = 'sign_in_policy.updated'").await, 2);
});

both!(nobody_of_a_managed_account_takes_their_own_way_in, async |app| {
    let (ann, org) = founded(app).await;
    let ben = app.member(&ann, "acme", "ben@example.com", "admin").await;
    app.execute(&format!(
        "update users set realm = (select id from organizations where slug = 'acme') where email = '{}'",
        ben.email
    ))
    .await;
    let by = app.by(&ben);
    by.patch(&org.at("sign-in/policy"), json!({"methods": ["passkey"]})).await.refused_as(400, "BAD_REQUEST", "keeps_you_out");
    by.patch(&org.at("sign-in/policy"), json!({"methods": ["passkey", "password"]})).await.ok();
    by.patch(&org.at("sign-in/policy"), json!({"methods": ["mail"]})).await.ok();
});

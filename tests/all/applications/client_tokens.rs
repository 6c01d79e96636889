//! Clients of the platform and of organizations, and their tokens.

mod assertions;
mod managing;
mod organizations;

use crypto::foreign::ForeignKeys;
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Client, Options, Response, TestApp, User, answers, both, text};

use crate::core::shapes::has_exactly;

const AUDIENCE: &str = "https://api.example.com/";

/// A client that authenticates with a secret: its name in OAuth, and the secret.
struct Program {
    id: String,
    name: String,
    secret: String,
}

async fn client(by: &Client, name: &str) -> Program {
    let made = by.post("/api/platform/clients", json!({"name": name})).await.ok();
    let client = &made["client"];
    Program { id: text(&client["id"]), name: text(&client["client_id"]), secret: text(&made["client_secret"]) }
}

async fn api(by: &Client, audience: &str, scopes: &[&str]) -> Value {
    by.post("/api/platform/resource-servers", json!({"audience": audience, "name": "An API", "scopes": scopes})).await.ok()
}

async fn grant(by: &Client, program: &Program, audience: &str, scopes: &[&str]) -> Value {
    by.post("/api/platform/client-grants", json!({"client": program.id, "audience": audience, "scopes": scopes})).await.ok()
}

/// A platform owner, and a client that may read and write orders.
async fn granted(app: &TestApp) -> (User, Program) {
    let root = app.platform_owner().await;
    let by = app.by(&root);
    let program = client(&by, "Billing").await;
    api(&by, AUDIENCE, &["read:orders", "write:orders", "admin"]).await;
    grant(&by, &program, AUDIENCE, &["read:orders", "write:orders"]).await;
    (root, program)
}

async fn form(app: &TestApp, path: &str, pairs: &[(&str, &str)]) -> Response {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(pairs);
    let request = app.client().request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
    request.body(body.finish()).send().await
}

/// Asks with the secret in the body, and these parameters.
async fn ask(app: &TestApp, program: &Program, more: &[(&str, &str)]) -> Response {
    let own = [("grant_type", "client_credentials"), ("client_id", &program.name), ("client_secret", &program.secret)];
    form(app, "/oauth/token", &[&own, more].concat()).await
}

/// A refusal as RFC 6749 has it.
#[track_caller]
fn refused_with(answer: &Response, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{answer}");
    has_exactly(&answer.json(), &["error", "error_description"]);
    assert_eq!(answer.json()["error"], error, "{answer}");
    assert_eq!((answer.header("cache-control"), answer.header("www-authenticate")), ("no-store", ""), "{answer}");
}

/// What an API reads in a token, with the keys that we publish.
async fn read(app: &TestApp, token: &str) -> Value {
    let set = app.client().get("/.well-known/jwks.json").await.ok();
    let keys = ForeignKeys::parse(set["keys"].as_array().unwrap()).unwrap();
    keys.open(token, &[Some("at+jwt")]).unwrap()
}

both!(a_client_gets_a_token_that_an_api_verifies_by_itself, async |app| {
    let (_, program) = granted(app).await;
    let answer = ask(app, &program, &[]).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let made = answer.ok();
    has_exactly(&made, &["access_token", "token_type", "expires_in", "scope"]);
    assert_eq!((&made["token_type"], &made["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!(made["scope"], "read:orders write:orders", "everything that was granted");
    let claims = read(app, &text(&made["access_token"])).await;
    let server = app.client().get("/.well-known/oauth-authorization-server").await.ok();
    assert_eq!((&claims["iss"], &claims["aud"]), (&server["issuer"], &json!(AUDIENCE)));
    assert!(text(&claims["iss"]).ends_with('/'));
    assert_eq!((&claims["client_id"], &claims["azp"]), (&json!(program.name), &json!(program.name)));
    assert_eq!((&claims["sub"], &claims["gty"]), (&json!(format!("{}@clients", program.name)), &json!("client-credentials")));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);
    assert_eq!(claims["org_id"], Value::Null);
    let again = ask(app, &program, &[]).await.ok();
    assert_ne!(read(app, &text(&again["access_token"])).await["jti"], claims["jti"]);
});

both!(however_the_client_authenticates, async |app| {
    let (_, program) = granted(app).await;
    let basic = |name: &str, secret: &str| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let encode = |half: &str| url::form_urlencoded::byte_serialize(half.as_bytes()).collect::<String>();
        format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(name), encode(secret))))
    };
    let send = async |header: Option<String>, body: &str| {
        let request =
            app.client().request(Method::POST, "/oauth/token").header("content-type", "application/x-www-form-urlencoded");
        let request = header.iter().fold(request, |request, value| request.another_header("authorization", value));
        request.body(body).send().await
    };
    let cc = "grant_type=client_credentials";
    send(Some(basic(&program.name, &program.secret)), cc).await.ok();
    send(Some(basic(&program.name, &program.secret)), &format!("{cc}&client_id={}", program.name)).await.ok();
    let json = json!({
        "grant_type": "client_credentials", "client_id": program.name, "client_secret": program.secret, "audience": AUDIENCE, "scope": null,
    });
    app.client().post("/oauth/token", json).await.ok();
    for (what, header, body, status, error) in [
        ("nothing", None, cc.to_owned(), 400, "invalid_client"),
        (
            "a wrong secret",
            Some(basic(&program.name, "cs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
            cc.to_owned(),
            401,
            "invalid_client",
        ),
        ("no secret of ours", Some(basic(&program.name, "secret")), cc.to_owned(), 401, "invalid_client"),
        ("nobody", Some(basic("nobody", &program.secret)), cc.to_owned(), 401, "invalid_client"),
        ("NUL for a name", Some(basic("\0", &program.secret)), cc.to_owned(), 401, "invalid_client"),
        ("a long name", Some(basic(&"x".repeat(5000), &program.secret)), cc.to_owned(), 401, "invalid_client"),
        (
            "two ways",
            Some(basic(&program.name, &program.secret)),
            format!("{cc}&client_secret={}", program.secret),
            400,
            "invalid_request",
        ),
        ("two names", Some(basic(&program.name, &program.secret)), format!("{cc}&client_id=other"), 400, "invalid_request"),
        ("another scheme", Some("Bearer x".to_owned()), cc.to_owned(), 400, "invalid_request"),
        ("no scheme", Some("x".to_owned()), cc.to_owned(), 400, "invalid_request"),
        ("no base64", Some("Basic ???".to_owned()), cc.to_owned(), 400, "invalid_request"),
        ("a secret without a name", None, format!("{cc}&client_secret={}", program.secret), 400, "invalid_request"),
    ] {
        let answer = send(header, &body).await;
        assert_eq!(answer.status, status, "{what}: {answer}");
        refused_with(&answer, status, error);
    }
});

both!(what_is_no_request_for_a_token, async |app| {
    let (root, program) = granted(app).await;
    let by = app.by(&root);
    let own = format!("client_id={}&client_secret={}", program.name, program.secret);
    let send = async |media: &str, body: String| {
        app.client().request(Method::POST, "/oauth/token").header("content-type", media).body(body).send().await
    };
    let cc = format!("grant_type=client_credentials&{own}");
    for (what, body, error) in [
        ("no grant type", own.clone(), "invalid_request"),
        ("another grant type", format!("grant_type=password&{own}"), "unsupported_grant_type"),
        ("a parameter twice", format!("{cc}&audience={AUDIENCE}&audience={AUDIENCE}"), "invalid_request"),
        ("even an empty one", format!("{cc}&scope=&scope="), "invalid_request"),
        ("two APIs", format!("{cc}&audience={AUDIENCE}&resource=https://other.example/"), "invalid_target"),
        ("an API that nobody knows", format!("{cc}&audience=https://other.example/"), "invalid_target"),
        ("our own audience", format!("{cc}&audience=platform"), "invalid_target"),
        ("a scope that was not granted", format!("{cc}&scope=admin"), "invalid_scope"),
        ("what is no scope", format!("{cc}&scope=%22"), "invalid_scope"),
        ("an organization", format!("{cc}&organization=acme"), "unauthorized_client"),
        ("NUL", format!("{cc}&audience=%00"), "invalid_request"),
        ("too much", format!("{cc}&x={}", "x".repeat(9000)), "invalid_request"),
        ("too many", format!("{cc}{}", (0..40).map(|n| format!("&p{n}=1")).collect::<String>()), "invalid_request"),
    ] {
        let answer = send("application/x-www-form-urlencoded", body).await;
        assert_eq!(answer.json()["error"], error, "{what}: {answer}");
        refused_with(&answer, 400, error);
    }
    for media in ["text/plain", "multipart/form-data; boundary=x", ""] {
        refused_with(&send(media, cc.clone()).await, 400, "invalid_request");
    }
    for body in ["{", "[]", "7", r#"{"grant_type": 7}"#, r#"{"grant_type": "a", "grant_type": "b"}"#] {
        refused_with(&send("application/json", body.to_owned()).await, 400, "invalid_request");
    }
    // Some of what it asks for is enough; the rest is left out.
    let some = ask(app, &program, &[("scope", "admin write:orders"), ("resource", AUDIENCE)]).await.ok();
    assert_eq!(some["scope"], "write:orders");
    // With two APIs it has to say which; with none it gets nothing.
    api(&by, "orders", &[]).await;
    grant(&by, &program, "orders", &[]).await;
    refused_with(&ask(app, &program, &[]).await, 400, "invalid_request");
    let without = ask(app, &program, &[("audience", "orders")]).await.ok();
    has_exactly(&without, &["access_token", "token_type", "expires_in"]);
    let poor = client(&by, "Poor").await;
    refused_with(&ask(app, &poor, &[]).await, 400, "unauthorized_client");
});

both!(such_a_token_opens_nothing_of_ours, async |app| {
    let (_, program) = granted(app).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let token = text(&ask(app, &program, &[]).await.ok()["access_token"]);
    let by = app.client().bearer(&token);
    for path in ["/api/user", "/api/organizations", org.path.as_str(), "/api/platform/clients", "/api/service/info"] {
        by.get(path).await.refused(401, "JWT_ERROR");
    }
    // Nor does one of ours pass for one of theirs.
    let own = [("client_id", program.name.as_str()), ("client_secret", &program.secret), ("token", &ann.access)];
    assert_eq!(form(app, "/oauth/introspect", &own).await.ok(), json!({"active": false}));
});

both!(introspection_tells_what_a_token_is_worth_now, async |app| {
    let (root, program) = granted(app).await;
    let by = app.by(&root);
    let (other, stranger) = (client(&by, "Orders").await, client(&by, "Stranger").await);
    let given = grant(&by, &other, AUDIENCE, &["read:orders"]).await;
    let made = ask(app, &program, &[("scope", "read:orders")]).await.ok();
    let token = text(&made["access_token"]);
    let look = async |who: &Program, token: &str| {
        let own = [("client_id", who.name.as_str()), ("client_secret", &who.secret), ("token", token)];
        form(app, "/oauth/introspect", &own).await.ok()
    };
    let seen = look(&program, &token).await;
    has_exactly(&seen, &["active", "token_type", "client_id", "sub", "aud", "scope", "iss", "jti", "iat", "exp"]);
    assert_eq!(
        (&seen["active"], &seen["client_id"], &seen["scope"]),
        (&json!(true), &json!(program.name), &json!("read:orders"))
    );
    assert_eq!(look(&other, &token).await["active"], true, "of the same API");
    let nothing = json!({"active": false});
    assert_eq!(look(&stranger, &token).await, nothing);
    for wrong in ["x", "a.b.c", &format!("{}x", token)] {
        assert_eq!(look(&program, wrong).await, nothing);
    }
    refused_with(&form(app, "/oauth/introspect", &[("token", &token)]).await, 400, "invalid_client");
    let own = [("client_id", program.name.as_str()), ("client_secret", &program.secret)];
    refused_with(&form(app, "/oauth/introspect", &own).await, 400, "invalid_request");
    // What was granted is taken back, or less of it is left, or the API defines it no more.
    let others = text(&ask(app, &other, &[]).await.ok()["access_token"]);
    assert_eq!(look(&program, &others).await["active"], true);
    by.patch(&format!("/api/platform/client-grants/{}", text(&given["id"])), json!({"scopes": []})).await.ok();
    assert_eq!(look(&program, &others).await, nothing);
    by.delete(&format!("/api/platform/client-grants/{}", text(&given["id"]))).await.expect(204);
    assert_eq!(look(&other, &token).await, nothing, "none of its business any more");
    // Granted again later it is another grant, of which that token is none.
    app.advance(chrono::TimeDelta::seconds(2));
    grant(&by, &other, AUDIENCE, &["read:orders"]).await;
    assert_eq!(look(&program, &others).await, nothing);
    app.advance(chrono::TimeDelta::seconds(600));
    assert_eq!(look(&program, &token).await, nothing, "expired");
    let fresh = text(&ask(app, &program, &[]).await.ok()["access_token"]);
    by.delete(&format!("/api/platform/clients/{}", program.id)).await.expect(401);
    let root = app.again(&root).await;
    app.by(&root).delete(&format!("/api/platform/clients/{}", program.id)).await.expect(204);
    refused_with(&ask(app, &program, &[]).await, 401, "invalid_client");
    assert_eq!(look(&stranger, &fresh).await, nothing);
});

both!(
    t41_whoever_tries_secrets_is_slowed_and_nobody_else,
    Options::default().rate_limits().set("rate_limits.sign_in_burst", 5).set("server.trusted_proxies", "127.0.0.0/8"),
    async |app| {
        let (_, program) = granted(app).await;
        let own = |secret: &str| format!("grant_type=client_credentials&client_id={}&client_secret={secret}", program.name);
        let send = async |from: &str, body: String| {
            let request = app.client().request(Method::POST, "/oauth/token").header("x-forwarded-for", from);
            request.header("content-type", "application/x-www-form-urlencoded").body(body).send().await
        };
        let guess = own("cs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        for _ in 0..5 {
            refused_with(&send("203.0.113.9", guess.clone()).await, 401, "invalid_client");
        }
        let slowed = send("203.0.113.9", guess).await;
        refused_with(&slowed, 429, "slow_down");
        assert!(!slowed.header("retry-after").is_empty());
        // Who has the right secret is counted by itself, wherever it comes from.
        send("203.0.113.9", own(&program.secret)).await.ok();
    }
);

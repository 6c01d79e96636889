//! T31: clients that sign (private_key_jwt), and what an assertion must be.

use chrono::TimeDelta;
use crypto::{Alg, KeySet, SigningKey};
use tenantry_tests::{Database, run};

use super::*;

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct Signer {
    name: String,
    keys: KeySet,
}

impl Signer {
    /// A client that signs with a key of this algorithm, and is granted an API.
    async fn new(app: &TestApp, by: &Client, alg: Alg) -> Self {
        let key = SigningKey::generate(alg).unwrap().0;
        let body = json!({"name": "Signs", "auth_method": "private_key_jwt", "jwks": {"keys": [key.jwk()]}});
        let made = by.post("/api/platform/clients", body).await.ok();
        assert_eq!(made["client_secret"], Value::Null, "a client that signs has no secret");
        let name = text(&made["client"]["client_id"]);
        let id = text(&made["client"]["id"]);
        grant(by, &Program { id, name: name.clone(), secret: String::new() }, AUDIENCE, &[]).await;
        Self { name, keys: KeySet::new(vec![(key, app.now(), None)]) }
    }

    fn claims(&self, app: &TestApp) -> Value {
        let now = app.now().timestamp();
        let aud = format!("{}/", app.client().base());
        json!({"iss": self.name, "sub": self.name, "aud": aud, "iat": now, "exp": now + 60, "jti": now.to_string()})
    }

    fn sign(&self, app: &TestApp, typ: &str, claims: &Value) -> String {
        self.keys.sign(typ, claims, app.now()).unwrap()
    }
}

async fn send(app: &TestApp, assertion: &str, more: &[(&str, &str)]) -> Response {
    let own = [("grant_type", "client_credentials"), ("client_assertion_type", TYPE), ("client_assertion", assertion)];
    form(app, "/oauth/token", &[&own, more].concat()).await
}

both!(a_client_signs_instead_of_sending_a_secret, async |app| {
    let root = app.platform_owner().await;
    let by = app.by(&root);
    api(&by, AUDIENCE, &[]).await;
    for alg in [Alg::Es256, Alg::Rs256, Alg::EdDsa] {
        let signer = Signer::new(app, &by, alg).await;
        let assertion = signer.sign(app, "JWT", &signer.claims(app));
        send(app, &assertion, &[("client_id", &signer.name)]).await.ok();
        // Each works once.
        refused_with(&send(app, &assertion, &[]).await, 401, "invalid_client");
        app.advance(TimeDelta::seconds(1));
        let without_slash = {
            let mut claims = signer.claims(app);
            claims["aud"] = json!([app.client().base()]);
            claims
        };
        send(app, &signer.sign(app, "client-authentication+jwt", &without_slash), &[]).await.ok();
        app.advance(TimeDelta::seconds(1));
    }
    // Used ones are forgotten when they could not be used any more.
    app.advance(TimeDelta::minutes(10));
    app.run_jobs().await;
    assert_eq!(app.count("select count(*) from seen").await, 0);
});

both!(t31_an_assertion_is_for_us_for_now_and_of_its_client, async |app| {
    let root = app.platform_owner().await;
    let by = app.by(&root);
    api(&by, AUDIENCE, &[]).await;
    let (ours, other) = (Signer::new(app, &by, Alg::Es256).await, Signer::new(app, &by, Alg::Es256).await);
    let now = app.now().timestamp();
    let base = app.client().base().to_owned();
    let with = |name: &str, value: Value| {
        let mut claims = ours.claims(app);
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = ours.claims(app);
        claims.as_object_mut().unwrap().remove(name);
        claims
    };
    for (what, claims) in [
        ("for the token endpoint", with("aud", json!(format!("{base}/oauth/token")))),
        ("for us and others", with("aud", json!([format!("{base}/"), "https://other.example/"]))),
        ("for somebody else", with("aud", json!("https://other.example/"))),
        ("for nobody", without("aud")),
        ("expired", with("exp", json!(now - 61))),
        ("good for too long", with("exp", json!(now + 361))),
        ("without an end", without("exp")),
        ("an end that is a text", with("exp", json!((now + 60).to_string()))),
        ("not yet", with("nbf", json!(now + 61))),
        ("made later", with("iat", json!(now + 61))),
        ("without an id", without("jti")),
        ("an empty id", with("jti", json!(""))),
        ("of somebody else", with("iss", json!("somebody"))),
        ("about another client", with("sub", json!(other.name))),
        ("of another client", {
            let mut claims = with("sub", json!(other.name));
            claims["iss"] = json!(other.name);
            claims
        }),
    ] {
        let answer = send(app, &ours.sign(app, "JWT", &claims), &[]).await;
        assert_eq!(answer.status, 401, "{what}: {answer}");
        refused_with(&answer, 401, "invalid_client");
    }
    let good = ours.claims(app);
    for (what, assertion, more) in [
        ("of another type", ours.sign(app, "at+jwt", &good), vec![]),
        ("beside another name", ours.sign(app, "JWT", &good), vec![("client_id", other.name.as_str())]),
        ("signed by another client", other.sign(app, "JWT", &good), vec![]),
        ("no token", "x".to_owned(), vec![]),
    ] {
        let answer = send(app, &assertion, &more).await;
        assert_eq!(answer.status, 401, "{what}: {answer}");
    }
    let assertion = ours.sign(app, "JWT", &good);
    let form = |pairs: Vec<(&'static str, String)>| pairs;
    for pairs in [
        form(vec![("client_assertion", assertion.clone())]),
        form(vec![("client_assertion", assertion.clone()), ("client_assertion_type", "other".to_owned())]),
        form(vec![
            ("client_assertion", assertion.clone()),
            ("client_assertion_type", TYPE.to_owned()),
            ("client_secret", "x".to_owned()),
        ]),
    ] {
        let pairs: Vec<_> =
            pairs.iter().map(|(name, value)| (*name, value.as_str())).chain([("grant_type", "client_credentials")]).collect();
        refused_with(&super::form(app, "/oauth/token", &pairs).await, 400, "invalid_request");
    }
    // None of these used it up.
    send(app, &assertion, &[]).await.ok();
    // A secret does not open a client that signs.
    let with_secret = [
        ("grant_type", "client_credentials"),
        ("client_id", ours.name.as_str()),
        ("client_secret", "cs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ];
    refused_with(&super::form(app, "/oauth/token", &with_secret).await, 401, "invalid_client");
});

#[test]
fn an_assertion_that_was_refused_for_now_can_be_sent_again() {
    // Redis has a clock of its own.
    let options = Options::default().rate_limits().set("rate_limits.account_reads_burst", 3);
    run(Database::Sqlite, options, async |app| {
        let root = app.platform_owner().await;
        let by = app.by(&root);
        api(&by, AUDIENCE, &[]).await;
        let signer = Signer::new(app, &by, Alg::Es256).await;
        let assertion = |jti: &str| {
            let mut claims = signer.claims(app);
            claims["jti"] = json!(jti);
            signer.sign(app, "JWT", &claims)
        };
        let mut n = 0;
        let refused = loop {
            let assertion = assertion(&n.to_string());
            let answer = send(app, &assertion, &[]).await;
            if answer.status == 429 {
                break assertion;
            }
            answer.ok();
            n += 1;
            assert!(n < 100, "no limit");
        };
        assert_eq!(app.count("select count(*) from seen").await, n, "nothing is written for who is refused");
        app.advance(TimeDelta::seconds(30));
        send(app, &refused, &[]).await.ok();
    });
}

both!(of_many_who_send_the_same_assertion_one_gets_a_token, async |app| {
    let root = app.platform_owner().await;
    let by = app.by(&root);
    api(&by, AUDIENCE, &[]).await;
    let signer = Signer::new(app, &by, Alg::Es256).await;
    let assertion = signer.sign(app, "JWT", &signer.claims(app));
    let answers = futures::future::join_all((0..24).map(|_| send(app, &assertion, &[]))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
});

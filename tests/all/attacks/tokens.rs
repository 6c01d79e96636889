//! Access tokens (T31): only ours, only whole, only of their type, only in their time. Forgeries that need a good signature get one,
//! from the key the server itself uses: what is refused then is refused for the one thing that is wrong.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::TimeDelta;
use crypto::{Alg, KeySet, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tenantry_tests::{PASSWORD, Receiver, Response, TestApp, User, both};

/// A part of a JWT.
fn part(token: &str, index: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

async fn call(app: &TestApp, token: &str) -> Response {
    app.client().bearer(token).get("/api/user").await
}

/// The server's own signing keys.
async fn keys(app: &TestApp) -> KeySet {
    let stored = app.deps.store.signing_keys(app.now()).await.unwrap();
    KeySet::new(stored.into_iter().map(|k| (k.key, k.active_from, k.retired_at)).collect())
}

/// Ann's claims with changes; null takes a claim away.
fn claims(user: &User, changes: &Value) -> Value {
    let mut claims = part(&user.access, 1);
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    claims
}

both!(t31_the_algorithm_is_not_the_tokens_choice, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let (header, payload) = (part(&ann.access, 0), ann.access.split('.').nth(1).unwrap());
    let with = |changes: Value| {
        let mut header = header.clone();
        header.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        encode(&header)
    };
    let signature = ann.access.split('.').nth(2).unwrap();
    for alg in ["none", "None", "nOnE", "", "ES384", "ES256K", "RS256", "PS256", "EdDSA", "HS256", "HS512", "dir"] {
        for signature in ["", signature, "AA"] {
            call(app, &format!("{}.{payload}.{signature}", with(json!({"alg": alg})))).await.refused(401, "JWT_ERROR");
        }
    }
    for header in [
        json!({"alg": null}),
        json!({"alg": ["ES256"]}),
        json!({"alg": 7}),
        json!({"typ": null}),
        json!({"kid": null}),
        json!({"kid": {"$ne": ""}}),
    ] {
        call(app, &format!("{}.{payload}.{signature}", with(header))).await.refused(401, "JWT_ERROR");
    }
    // HS256 with everything that a library might take for the key when it looks at the public one.
    let jwk = app.client().get("/.well-known/jwks.json").await.ok()["keys"][0].clone();
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let point = [&[4][..], &coordinate("x"), &coordinate("y")].concat();
    let der = [&hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap()[..], &point].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", STANDARD.encode(&der));
    let texts = [
        jwk.to_string().into_bytes(),
        point,
        der,
        pem.clone().into_bytes(),
        format!("{pem}\n").into_bytes(),
        Vec::new(),
        b"secret".to_vec(),
    ];
    for key in texts {
        let signed = format!("{}.{payload}", with(json!({"alg": "HS256"})));
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any key");
        mac.update(signed.as_bytes());
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        call(app, &token).await.refused(401, "JWT_ERROR");
    }
    call(app, &ann.access).await.ok();
});

both!(t31_a_token_does_not_bring_its_own_key, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let (receiver, kid) = (Receiver::start().await, part(&ann.access, 0)["kid"].as_str().unwrap().to_owned());
    let (mine, der) = SigningKey::generate(Alg::Es256).unwrap();
    let pretending = SigningKey::from_pkcs8(kid.clone(), Alg::Es256, &der).unwrap();
    let from = app.now() - TimeDelta::days(1);
    for key in [mine.clone(), pretending] {
        let set = KeySet::new(vec![(key, from, None)]);
        let token = set.sign("at+jwt", &part(&ann.access, 1), app.now()).unwrap();
        call(app, &token).await.refused(401, "JWT_ERROR");
    }
    let (payload, signature) = ann.access.split_once('.').unwrap().1.split_once('.').unwrap();
    for (name, value) in [
        ("jku", json!(receiver.url)),
        ("x5u", json!(receiver.url)),
        ("jwk", mine.jwk()),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("' union select 'x' --")),
        ("kid", json!(receiver.url)),
        ("kid", json!("k".repeat(2000))),
        ("kid", json!("a\u{0}b")),
    ] {
        let mut header = part(&ann.access, 0);
        header[name] = value;
        call(app, &format!("{}.{payload}.{signature}", encode(&header))).await.refused(401, "JWT_ERROR");
    }
    app.worker().await;
    assert!(receiver.received().is_empty(), "the server asked the token's own key server");
});

both!(t31_types_issuers_and_audiences_are_not_mixed_up, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let keys = keys(app).await;
    for typ in
        ["JWT", "jwt", "AT+JWT", "at+jwt ", "application/at+jwt", "", "tenantry-mfa-preauth+jwt", "logout+jwt", "secevent+jwt"]
    {
        let token = keys.sign(typ, &part(&ann.access, 1), app.now()).unwrap();
        call(app, &token).await.refused(401, "JWT_ERROR");
    }
    let base = app.client().base().to_owned();
    for changes in [
        json!({"iss": "https://evil.example"}),
        json!({"iss": format!("{base}/")}),
        json!({"iss": base.to_uppercase()}),
        json!({"iss": [base]}),
        json!({"iss": null}),
        json!({"aud": "org:acme"}),
        json!({"aud": ["platform"]}),
        json!({"aud": null}),
        json!({"org": "acme"}),
        json!({"token_use": "mfa_preauth"}),
        json!({"token_use": null}),
        json!({"sid": null}),
        json!({"sid": "ses_00000000000000000000000000000000"}),
        json!({"gid": "grn_00000000000000000000000000000000"}),
        json!({"sub": null}),
        json!({"sub": 7}),
        json!({"sub": "admin"}),
    ] {
        let token = keys.sign("at+jwt", &claims(&ann, &changes), app.now()).unwrap();
        let answer = call(app, &token).await;
        assert_eq!(answer.status, 401, "{changes}: {answer}");
        assert!(matches!(answer.json()["error_code"].as_str(), Some("JWT_ERROR" | "UNAUTHORIZED")), "{changes}: {answer}");
    }
    // The flag in the token opens nothing: it is read from the database.
    let flagged = keys.sign("at+jwt", &claims(&ann, &json!({"is_platform_owner": true})), app.now()).unwrap();
    app.client().bearer(&flagged).get("/api/platform/organizations").await.refused(403, "FORBIDDEN");
});

both!(t31_times_are_whole_numbers_and_count_to_the_second, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let (keys, now) = (keys(app).await, app.now().timestamp());
    let signed = |changes: Value| keys.sign("at+jwt", &claims(&ann, &changes), app.now()).unwrap();
    let (edge, over) = (signed(json!({"exp": now + 1})), signed(json!({"exp": now})));
    call(app, &edge).await.ok();
    call(app, &over).await.refused(401, "TOKEN_EXPIRED");
    call(app, &signed(json!({"exp": now - 1}))).await.refused(401, "TOKEN_EXPIRED");
    app.advance(TimeDelta::milliseconds(999));
    call(app, &edge).await.ok();
    app.advance(TimeDelta::milliseconds(1));
    call(app, &edge).await.refused(401, "TOKEN_EXPIRED");
    let far = now + 500;
    for exp in [
        json!(far.to_string()),
        json!(far as f64 + 0.5),
        json!([far]),
        json!({}),
        json!(true),
        json!(null),
        json!(-1),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!("never"),
    ] {
        call(app, &signed(json!({"exp": exp}))).await.refused(401, "JWT_ERROR");
    }
    for nbf in [json!(now + 2), json!(far), json!("0"), json!(0.5), json!(i64::MAX)] {
        call(app, &signed(json!({"nbf": nbf}))).await.refused(401, "JWT_ERROR");
    }
    call(app, &signed(json!({"iat": "yesterday"}))).await.refused(401, "JWT_ERROR");
    call(app, &signed(json!({"nbf": now}))).await.ok();
});

both!(t31_garbage_is_no_token, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let [header, payload, signature] = ann.access.split('.').collect::<Vec<_>>().try_into().unwrap();
    let garbage = [
        "x".repeat(20_000),
        format!("{header}.{}.{signature}", "A".repeat(20_000)),
        format!("{}.{payload}.{signature}", "A".repeat(20_000)),
        format!("{header}.{payload}"),
        format!("{header}.{payload}.{signature}."),
        format!("{header}.{payload}.{signature}="),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{header}.{payload}.{}", "A".repeat(86)),
        format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
        format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode("null")),
        format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode([0xff, 0xfe])),
        format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode("[".repeat(700))),
        format!("{}.{}.{signature}", header, encode(&json!([]))),
        "%00".to_owned(),
        "..".to_owned(),
        "null".to_owned(),
        "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA".to_owned(),
    ];
    for token in garbage {
        call(app, &token).await.refused(401, "JWT_ERROR");
    }
    call(app, &ann.access).await.ok();
});

both!(t31_a_good_token_of_an_ended_session_is_none, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let other = app.login("ann@example.com", PASSWORD).await;
    for _ in 0..2 {
        call(app, &other.access).await.ok();
    }
    app.by(&ann).delete("/api/user/sessions").await.ok();
    call(app, &other.access).await.refused_as(401, "UNAUTHORIZED", "session_ended");
    app.by(&ann).post_empty("/api/auth/logout").await.ok();
    for path in ["/api/user", "/api/user/sessions", "/api/organizations", "/api/invitations"] {
        app.by(&ann).get(path).await.refused_as(401, "UNAUTHORIZED", "session_ended");
    }
    // Signed anew for the ended session: still nothing.
    let again = keys(app).await.sign("at+jwt", &claims(&ann, &json!({"jti": "another"})), app.now()).unwrap();
    call(app, &again).await.refused_as(401, "UNAUTHORIZED", "session_ended");
});

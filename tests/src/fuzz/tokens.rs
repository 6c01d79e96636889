//! Tokens: nothing but what we have signed verifies, and what we sign verifies only if it says the right things.

use std::sync::LazyLock;

use chrono::DateTime;
use crypto::{Alg, AudienceRule, Expected, KeySet, Purpose, SigningKey, opaque as opaque_tokens};
use domain::Time;
use serde_json::{Value, json};

use super::text;

const NOW: i64 = 1_800_000_000;

fn now() -> Time {
    DateTime::from_timestamp(NOW, 0).expect("a moment")
}

static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let key = |alg| (SigningKey::generate(alg).expect("a key").0, now(), None);
    KeySet::new(vec![key(Alg::EdDsa), key(Alg::Es256)])
});

static GOOD: LazyLock<Vec<String>> = LazyLock::new(|| {
    let claims = json!({"iss": "https://sso.test", "aud": "api", "sub": "usr_1", "exp": NOW + 600});
    [Alg::EdDsa, Alg::Es256].map(|alg| KEYS.sign_with(alg, "at+jwt", &claims, now()).expect("a token")).into()
});

fn expected() -> Expected {
    Expected { typ: "at+jwt", issuer: "https://sso.test".into(), audience: Some(AudienceRule::Exactly("api".into())) }
}

/// The bytes as a token, as its first part, and as changes of good ones: pairs of a place and what stands there instead.
pub(super) fn jwt(data: &[u8]) {
    let verify = |token: &str| KEYS.verify::<Value>(token, &expected(), now());
    assert!(verify(text(data)).is_err(), "{:?} verifies", text(data));
    for good in GOOD.iter() {
        assert!(verify(good).is_ok());
        let (_, rest) = good.split_once('.').expect("a token");
        assert!(verify(&format!("{}.{rest}", text(data))).is_err() || good.starts_with(text(data)));
        let mut bytes = good.clone().into_bytes();
        for change in data.chunks_exact(2) {
            let at = usize::from(change[0]) * bytes.len() / 256;
            bytes[at] = change[1];
        }
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        assert!(changed == *good || verify(&changed).is_err(), "{changed} verifies as well as {good}");
    }
}

/// Claims that somebody got us to sign.
pub(super) fn claims(data: &[u8]) {
    let Ok(claims) = serde_json::from_slice::<Value>(data) else { return };
    let Ok(token) = KEYS.sign("at+jwt", &claims, now()) else { return };
    if KEYS.verify::<Value>(&token, &expected(), now()).is_ok() {
        let whole = |name: &str| claims[name].as_i64();
        assert!(claims["iss"] == "https://sso.test" && (claims["aud"] == "api" || claims["aud"] == json!(["api"])), "{claims}");
        assert!(whole("exp").is_some_and(|exp| exp > NOW), "{claims}");
        assert!(claims.get("nbf").is_none() || whole("nbf").is_some_and(|nbf| nbf <= NOW), "{claims}");
        assert!(claims.get("iat").is_none() || whole("iat").is_some(), "{claims}");
    }
}

const PURPOSES: [Purpose; 8] = [
    Purpose::Refresh,
    Purpose::VerifyEmail,
    Purpose::ResetPassword,
    Purpose::ChangeEmail,
    Purpose::Invitation,
    Purpose::Scim,
    Purpose::ApiKey,
    Purpose::PlatformOwner,
];

/// A text is recognised for one purpose at most, and then has exactly our shape.
pub(super) fn opaque(data: &[u8]) {
    let s = text(data);
    let purposes: Vec<_> = PURPOSES.into_iter().filter(|purpose| opaque_tokens::recognises(*purpose, s)).collect();
    assert!(purposes.len() <= 1, "{s:?}: {purposes:?}");
    for purpose in purposes {
        let body = s.strip_prefix(purpose.prefix()).and_then(|s| s.strip_prefix('_')).expect("a prefix");
        assert!(body.len() == 43 && body.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{s:?}");
    }
    assert_eq!(opaque_tokens::hash(s).len(), 64);
}

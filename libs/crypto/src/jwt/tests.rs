//! Signing, rotation and publication as the service uses them.

use chrono::{DateTime, TimeDelta};
use domain::Kind;
use serde_json::{Value, json};

use super::*;

fn now() -> Time {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn key(alg: Alg) -> SigningKey {
    SigningKey::generate(alg).unwrap().0
}

fn expected() -> Expected {
    Expected { typ: "at+jwt", issuer: "https://sso.test".into(), audience: Some(AudienceRule::Exactly("api".into())) }
}

fn claims() -> Value {
    json!({"iss": "https://sso.test", "aud": "api", "sub": "usr_1", "iat": 1_800_000_000, "exp": 1_800_000_600})
}

fn kids(set: &KeySet, at: Time) -> Vec<String> {
    set.jwks(at)["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_signed_verifies_with_every_algorithm() {
    for alg in [Alg::Es256, Alg::Rs256, Alg::EdDsa] {
        let set = KeySet::new(vec![(key(alg), now(), None)]);
        let token = set.sign("at+jwt", &claims(), now()).unwrap();
        assert_eq!(set.verify::<Value>(&token, &expected(), now()).unwrap(), claims(), "{alg}");
    }
}

#[test]
fn each_algorithm_signs_with_its_own_newest_key() {
    let (es, rs) = (key(Alg::Es256), key(Alg::Rs256));
    let set = KeySet::new(vec![(es.clone(), now(), None), (rs.clone(), now() - TimeDelta::days(1), None)]);
    let kid = |token: String| check::header(&token).unwrap().kid;
    assert_eq!(kid(set.sign("JWT", &claims(), now()).unwrap()), es.kid());
    assert_eq!(kid(set.sign_with(Alg::Rs256, "JWT", &claims(), now()).unwrap()), rs.kid());
    assert_eq!(set.sign_with(Alg::EdDsa, "JWT", &claims(), now()).unwrap_err().kind, Kind::Internal);
}

#[test]
fn rotation_publishes_first_signs_later_and_retires_last() {
    let (old, new) = (key(Alg::Es256), key(Alg::Es256));
    let (switch, end) = (now() + TimeDelta::days(1), now() + TimeDelta::days(2));
    let set = KeySet::new(vec![(old.clone(), now(), Some(end)), (new.clone(), switch, None)]);
    let before = set.sign("at+jwt", &claims(), now()).unwrap();

    assert_eq!(kids(&set, now()), [old.kid(), new.kid()], "the active key first, the next one already published");
    assert_eq!(kids(&set, switch), [new.kid(), old.kid()], "the previous key stays while its tokens live");
    assert_eq!(kids(&set, end), [new.kid()], "a retired key is gone");

    let mut late = claims();
    late["exp"] = json!(end.timestamp() + 600);
    let after = set.sign("at+jwt", &late, switch).unwrap();
    assert_eq!(check::header(&before).unwrap().kid, old.kid());
    assert_eq!(check::header(&after).unwrap().kid, new.kid());
    assert!(set.verify::<Value>(&after, &expected(), end).is_ok());
    // A clock that runs a little behind the signer's must not refuse the new key's tokens.
    assert!(set.verify::<Value>(&after, &expected(), now()).is_ok());
    assert_eq!(set.verify::<Value>(&before, &expected(), end), Err(JwtError::UnknownKey));
}

#[test]
fn without_a_living_key_nothing_is_signed() {
    let dead = KeySet::new(vec![(key(Alg::Es256), now() - TimeDelta::days(1), Some(now()))]);
    for set in [KeySet::new(vec![]), dead] {
        assert_eq!(set.sign("at+jwt", &claims(), now()).unwrap_err().kind, Kind::Internal);
    }
}

#[test]
fn while_no_key_is_active_the_oldest_signs() {
    let (early, late) = (key(Alg::Es256), key(Alg::Es256));
    let kid = early.kid().to_owned();
    let hour = TimeDelta::hours(1);
    let set = KeySet::new(vec![(late, now() + hour + hour, None), (early, now() + hour, None)]);
    let token = set.sign("at+jwt", &claims(), now()).unwrap();
    assert_eq!(check::header(&token).unwrap().kid, kid);
    assert!(set.verify::<Value>(&token, &expected(), now()).is_ok());
}

#[test]
fn a_token_ends_with_the_second_it_names_and_begins_with_nbf() {
    let set = KeySet::new(vec![(key(Alg::EdDsa), now(), None)]);
    let token = set.sign("at+jwt", &claims(), now()).unwrap();
    let at = |seconds| set.verify::<Value>(&token, &expected(), now() + TimeDelta::seconds(seconds)).map(drop);
    assert_eq!((at(599), at(600), at(601)), (Ok(()), Err(JwtError::Expired), Err(JwtError::Expired)));
    let mut later = claims();
    later["nbf"] = json!(1_800_000_010);
    let token = set.sign("at+jwt", &later, now()).unwrap();
    assert_eq!(set.verify::<Value>(&token, &expected(), now()), Err(JwtError::Wrong));
    assert!(set.verify::<Value>(&token, &expected(), now() + TimeDelta::seconds(10)).is_ok());
}

#[test]
fn audiences_are_one_text_or_several() {
    let set = KeySet::new(vec![(key(Alg::EdDsa), now(), None)]);
    let try_it = |aud: Value, audience: Option<AudienceRule>| {
        let mut claims = claims();
        claims["aud"] = aud;
        let token = set.sign("at+jwt", &claims, now()).unwrap();
        set.verify::<Value>(&token, &Expected { audience, ..expected() }, now()).map(drop)
    };
    let exactly = || Some(AudienceRule::Exactly("api".into()));
    let any = || Some(AudienceRule::AnyOf(vec!["web".into(), "api".into()]));
    assert_eq!(try_it(json!(["api"]), exactly()), Ok(()));
    assert_eq!(try_it(json!(["api", "web"]), exactly()), Err(JwtError::Wrong));
    assert_eq!(try_it(json!(["other", "web"]), any()), Ok(()));
    for foreign in [json!("other"), json!([]), json!("API"), json!("api,web")] {
        assert_eq!(try_it(foreign.clone(), exactly()), Err(JwtError::Wrong), "{foreign}");
        assert_eq!(try_it(foreign.clone(), any()), Err(JwtError::Wrong), "{foreign}");
        assert_eq!(try_it(foreign, None), Ok(()));
    }
    for mistyped in [json!(1), json!(null), json!({"api": 1}), json!(["api", 1])] {
        assert_eq!(try_it(mistyped.clone(), any()), Err(JwtError::Malformed), "{mistyped}");
    }
}

#[test]
fn claims_too_long_to_be_read_are_not_signed() {
    let set = KeySet::new(vec![(key(Alg::Es256), now(), None)]);
    assert!(set.sign("at+jwt", &json!({"x": "y".repeat(9_000)}), now()).is_err());
}

#[test]
fn errors_tell_callers_whether_to_refresh() {
    for (error, code) in [
        (JwtError::Expired, "token_expired"),
        (JwtError::Malformed, "invalid_token"),
        (JwtError::UnknownKey, "invalid_token"),
        (JwtError::Wrong, "invalid_token"),
    ] {
        let error = Error::from(error);
        assert_eq!((error.kind, error.code), (Kind::Unauthenticated, code));
    }
}

use chrono::DateTime;
use domain::{Clock, core::clock::SystemClock};

use super::*;
use crate::OsRandom;

const BODY: &[u8] = br#"{"event":"user.created"}"#;
const FIVE_MINUTES: TimeDelta = TimeDelta::minutes(5);

fn at() -> Time {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn get<'a>(headers: &'a [(&'static str, String)], name: &str) -> &'a str {
    &headers.iter().find(|(known, _)| *known == name).unwrap().1
}

fn check(secret: &str, signature: &str, timestamp: &str) -> Result<(), WebhookError> {
    verify_standard(&[secret], &Received { id: "evt_1", timestamp, signature }, BODY, at(), FIVE_MINUTES)
}

#[test]
fn the_contracts_headers_are_keyed_with_the_whole_secret_text() {
    // Computed with: printf '%s' BODY | openssl dgst -sha256 -hmac 'whsec_AAAA…'
    let secret = format!("whsec_{}", STANDARD.encode([0; 32]));
    let headers = headers(&[&secret], "evt_1", at(), BODY).unwrap();
    let by_hand = |message: &[u8]| hex::encode(finish(mac(secret.as_bytes(), &[message])));
    assert_eq!(get(&headers, "X-Webhook-Signature"), format!("sha256={}", by_hand(BODY)));
    assert_eq!(get(&headers, "X-Webhook-Signature"), "sha256=c92bba876cfbd85488a319f95bd6398bbca9a54bd687830ce12ac9aa32d23c16");
    assert_eq!(get(&headers, "X-Webhook-Timestamp"), "1800000000");
    let timed = by_hand(&[b"1800000000.".as_slice(), BODY].concat());
    assert_eq!(get(&headers, "X-Webhook-Signature-V1"), format!("t=1800000000,v1={timed}"));
}

#[test]
fn the_public_library_accepts_our_signature_from_each_live_secret() {
    let (current, previous) = (new_secret(&OsRandom::new()), new_secret(&OsRandom::new()));
    let ours = headers(&[&current, &previous], "evt_1", SystemClock.now(), BODY).unwrap();
    let mut sent = http::HeaderMap::new();
    for (name, value) in &ours {
        sent.insert(*name, value.parse().unwrap());
    }
    for secret in [&current, &previous] {
        standardwebhooks::Webhook::new(secret).unwrap().verify(BODY, &sent).unwrap();
        assert!(standardwebhooks::Webhook::new(secret).unwrap().verify(b"{}", &sent).is_err());
    }
    let stranger = standardwebhooks::Webhook::new(&new_secret(&OsRandom::new())).unwrap();
    assert!(stranger.verify(BODY, &sent).is_err());
}

#[test]
fn we_accept_the_public_librarys_signature() {
    let secret = new_secret(&OsRandom::new());
    let theirs = standardwebhooks::Webhook::new(&secret).unwrap().sign("evt_1", at().timestamp(), BODY).unwrap();
    assert_eq!(check(&secret, &theirs, "1800000000"), Ok(()));
    assert_eq!(check(secret.strip_prefix("whsec_").unwrap(), &theirs, "1800000000"), Ok(()));
}

#[test]
fn truncated_empty_and_foreign_signatures_are_refused() {
    let secret = new_secret(&OsRandom::new());
    let headers = headers(&[&secret], "evt_1", at(), BODY).unwrap();
    let good = get(&headers, "webhook-signature");
    assert_eq!(check(&secret, good, "1800000000"), Ok(()));
    for length in 0..good.len() {
        assert_eq!(check(&secret, &good[..length], "1800000000"), Err(WebhookError::Signature), "first {length}");
    }
    let body = good.strip_prefix("v1,").unwrap();
    let short = STANDARD.encode(&STANDARD.decode(body).unwrap()[..16]);
    let hostile = [
        body.to_owned(),
        format!("v1a,{body}"),
        format!("v2,{body}"),
        format!("V1,{body}"),
        format!("v1={body}"),
        format!("v1,{body}AAAA"),
        format!("v1,{short}"),
        "v1,".to_owned(),
        "v1,!".to_owned(),
        vec![format!("v1,{}", STANDARD.encode([0; 32])); 1_000].join(" "),
    ];
    for signature in hostile {
        assert_eq!(check(&secret, &signature, "1800000000"), Err(WebhookError::Signature), "{signature:.60}");
    }
    assert_eq!(check(&secret, &format!("v2,x v1,{} {good}", STANDARD.encode([0; 32])), "1800000000"), Ok(()));
}

#[test]
fn id_timestamp_and_body_are_all_signed() {
    let secret = new_secret(&OsRandom::new());
    let headers = headers(&[&secret], "evt_1", at(), BODY).unwrap();
    let good = Received { id: "evt_1", timestamp: "1800000000", signature: get(&headers, "webhook-signature") };
    let verify = |received: Received<'_>, body| verify_standard(&[&secret], &received, body, at(), FIVE_MINUTES);
    assert_eq!(verify(good, BODY), Ok(()));
    assert_eq!(verify(Received { id: "evt_2", ..good }, BODY), Err(WebhookError::Signature));
    assert_eq!(verify(Received { timestamp: "1800000001", ..good }, BODY), Err(WebhookError::Signature));
    assert_eq!(verify(good, b"{}"), Err(WebhookError::Signature));
}

#[test]
fn timestamps_outside_the_tolerance_or_misspelt_are_refused() {
    let secret = new_secret(&OsRandom::new());
    for (seconds, accepted) in [(0, true), (-300, true), (300, true), (-301, false), (301, false)] {
        let then = at() + TimeDelta::seconds(seconds);
        let headers = headers(&[&secret], "evt_1", then, BODY).unwrap();
        let result = check(&secret, get(&headers, "webhook-signature"), get(&headers, "webhook-timestamp"));
        assert_eq!(result.is_ok(), accepted, "{seconds}");
    }
    for text in
        ["", "x", "+1800000000", "01800000000", "1800000000.0", " 1800000000", "-9223372036854775808", "99999999999999999999"]
    {
        assert_eq!(check(&secret, "v1,", text), Err(WebhookError::Timestamp), "{text}");
    }
}

#[test]
fn nothing_is_signed_without_a_usable_secret() {
    let none: [&str; 0] = [];
    assert_eq!(headers(&none, "evt_1", at(), BODY), Err(WebhookError::Secret));
    for secret in ["", "whsec_", "whsec_!!"] {
        assert_eq!(headers(&[secret], "evt_1", at(), BODY), Err(WebhookError::Secret), "{secret}");
    }
    assert_eq!(
        verify_standard(&none, &Received { id: "", timestamp: "1800000000", signature: "v1," }, b"", at(), FIVE_MINUTES),
        Err(WebhookError::Signature)
    );
}

#[test]
fn a_timed_header_is_checked_as_stripe_sends_it() {
    let (secret, body) = ("whsec_test_secret", br#"{"id": "evt_1"}"#.as_slice());
    let now = Time::UNIX_EPOCH + TimeDelta::seconds(1_700_000_000);
    let check = |header: &str, body: &[u8]| verify_timed(secret, header, body, now, TimeDelta::minutes(5));
    let good = timed_signature(secret, now, body);
    let (at, v1) = good.split_once(',').unwrap();
    assert_eq!(check(&good, body), Ok(()));
    // A secret is being rolled: one signature of each, and one of a scheme that is only for tests.
    let other = timed_signature("whsec_other", now, body);
    let other = other.split_once(',').unwrap().1;
    assert_eq!(check(&format!("{at},{other},{v1},v0=00"), body), Ok(()));
    assert_eq!(check(&format!("{at}, {v1}"), body), Ok(()));
    let refused = [
        (format!("{at},{other}"), WebhookError::Signature),
        (format!("{at},{}", v1.replace("v1=", "v0=")), WebhookError::Signature),
        (format!("{at},{}", &v1[..v1.len() - 2]), WebhookError::Signature),
        (at.to_owned(), WebhookError::Signature),
        (v1.to_owned(), WebhookError::Timestamp),
        (format!("{at},{at},{v1}"), WebhookError::Timestamp),
        (format!("t=1700000001,{v1}"), WebhookError::Signature),
        (format!("t=+1700000000,{v1}"), WebhookError::Timestamp),
        (String::new(), WebhookError::Timestamp),
    ];
    for (header, why) in refused {
        assert_eq!(check(&header, body), Err(why), "{header}");
    }
    assert_eq!(check(&good, b"{}"), Err(WebhookError::Signature));
    assert_eq!(verify_timed("", &good, body, now, TimeDelta::minutes(5)), Err(WebhookError::Secret));
    for (away, fine) in [(300, true), (301, false), (-300, true), (-301, false)] {
        let then = timed_signature(secret, now - TimeDelta::seconds(away), body);
        assert_eq!(check(&then, body).is_ok(), fine, "{away}");
    }
}

#[test]
fn a_secret_of_polar_is_its_text_or_what_the_standard_says() {
    let now = Time::UNIX_EPOCH + TimeDelta::seconds(1_700_000_000);
    let body = b"{}";
    let signed = |key: &[u8]| format!("v1,{}", STANDARD.encode(finish(mac(key, &[b"msg_1.1700000000.", body]))));
    let check = |secret: &str, signature: &str, id: &str| {
        let received = Received { id, timestamp: "1700000000", signature };
        verify_polar(secret, &received, body, now, TimeDelta::minutes(5))
    };
    assert_eq!(check("polar_whs_secret", &signed(b"polar_whs_secret"), "msg_1"), Ok(()));
    let standard = format!("whsec_{}", STANDARD.encode(b"a key of the standard"));
    assert_eq!(check(&standard, &signed(b"a key of the standard"), "msg_1"), Ok(()));
    assert_eq!(check(&standard, &signed(standard.as_bytes()), "msg_1"), Ok(()));
    assert_eq!(check("polar_whs_secret", &signed(b"another"), "msg_1"), Err(WebhookError::Signature));
    assert_eq!(check("polar_whs_secret", &signed(b"polar_whs_secret"), "msg_2"), Err(WebhookError::Signature));
    assert_eq!(
        check("polar_whs_secret", &signed(b"polar_whs_secret").replace("v1,", "v1a,"), "msg_1"),
        Err(WebhookError::Signature)
    );
    assert_eq!(check("", &signed(b""), "msg_1"), Err(WebhookError::Secret));
    let late = verify_polar(
        "polar_whs_secret",
        &Received { id: "msg_1", timestamp: "1700000000", signature: &signed(b"polar_whs_secret") },
        body,
        now + TimeDelta::seconds(301),
        TimeDelta::minutes(5),
    );
    assert_eq!(late, Err(WebhookError::Timestamp));
}

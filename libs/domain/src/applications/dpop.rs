//! Tokens that are bound to a key (RFC 9449): whoever uses one shows with each request that they hold the key, so a token that was only read somewhere
//! opens nothing. [`judge`] decides whether a proof is for a request; that its signature holds, and that it comes for the first time, others see to.

use chrono::TimeDelta;
use serde::Deserialize;
use url::Url;

use crate::Time;

/// How far a proof's time may be from ours.
pub const SKEW: TimeDelta = TimeDelta::seconds(60);
/// Characters of a proof's name at most.
const LONGEST_NAME: usize = 200;

/// What a proof claims (RFC 9449, 4.2).
#[derive(Clone, Debug, Deserialize)]
pub struct Possession {
    /// Its name; each works once.
    pub jti: String,
    /// The request's method.
    pub htm: String,
    /// Where the request goes.
    pub htu: String,
    /// When it was made, in Unix seconds.
    pub iat: i64,
    /// Names the access token that is used (base64url of its SHA-256).
    #[serde(default)]
    pub ath: Option<String>,
}

/// A request that a proof has to be for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a str,
    /// Where it came, as the operator calls us: never as the request does.
    pub url: &'a str,
    /// The access token that it uses, as [`Possession::ath`] names it; `None`: it asks for one.
    pub token: Option<&'a str>,
}

/// Until when a proof for this request has to be remembered. `Err`: it is for none, and what to do.
pub fn judge(proof: &Possession, request: &Request<'_>, now: Time) -> Result<Time, &'static str> {
    if !(1..=LONGEST_NAME).contains(&proof.jti.len()) {
        return Err("`jti` of the proof has to be there, with 200 characters at most.");
    }
    if proof.htm != request.method || place(&proof.htu).is_none_or(|at| Some(at) != place(request.url)) {
        return Err("The proof is for another request: look at `htm` and `htu`.");
    }
    if request.token.is_some_and(|token| proof.ath.as_deref() != Some(token)) {
        return Err("The proof is for another access token: look at `ath`.");
    }
    let made = Time::from_timestamp(proof.iat, 0).filter(|made| (*made - now).abs() <= SKEW);
    // A moment longer than it counts.
    made.map(|made| made + SKEW + TimeDelta::seconds(1))
        .ok_or("The proof is old, or of a time to come: make one for each request, and set the clock.")
}

/// An address without its query and fragment, in one spelling (RFC 9449, 4.3).
fn place(text: &str) -> Option<Url> {
    let mut url = Url::parse(text).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;
    const TOKEN_ENDPOINT: &str = "https://sso.example.com/oauth/token";

    fn proof() -> Possession {
        Possession { jti: "one".to_owned(), htm: "POST".to_owned(), htu: TOKEN_ENDPOINT.to_owned(), iat: NOW, ath: None }
    }

    fn told(proof: &Possession, token: Option<&str>) -> Result<i64, &'static str> {
        let request = Request { method: "POST", url: TOKEN_ENDPOINT, token };
        judge(proof, &request, Time::from_timestamp(NOW, 0).unwrap()).map(|until| until.timestamp())
    }

    #[test]
    fn a_proof_is_for_one_request() {
        assert_eq!(told(&proof(), None), Ok(NOW + 61));
        for same in [
            "https://sso.example.com:443/oauth/token",
            "HTTPS://SSO.example.com/oauth/token?x=1#y",
            "https://sso.example.com/a/../oauth/token",
        ] {
            assert!(told(&Possession { htu: same.to_owned(), ..proof() }, None).is_ok(), "{same}");
        }
        for other in [
            "",
            "/oauth/token",
            "https://sso.example.com/oauth/token/",
            "https://sso.example.com/oauth/Token",
            "http://sso.example.com/oauth/token",
            "https://sso.example.com:8443/oauth/token",
            "https://sso.example.com.evil.example/oauth/token",
            "https://ann@sso.example.com/oauth/token",
            "https://sso.example.com/userinfo",
            "https://sso.example.com/oauth%2Ftoken",
        ] {
            assert!(told(&Possession { htu: other.to_owned(), ..proof() }, None).is_err(), "{other}");
        }
        for method in ["", "GET", "post"] {
            assert!(told(&Possession { htm: method.to_owned(), ..proof() }, None).is_err(), "{method}");
        }
        for jti in [String::new(), "x".repeat(201)] {
            assert!(told(&Possession { jti, ..proof() }, None).is_err());
        }
    }

    #[test]
    fn it_is_for_now_and_remembered_for_longer_than_it_counts() {
        for (iat, counts) in
            [(NOW - 61, false), (NOW - 60, true), (NOW + 60, true), (NOW + 61, false), (i64::MAX, false), (i64::MIN, false)]
        {
            let told = told(&Possession { iat, ..proof() }, None);
            assert_eq!(told.is_ok(), counts, "{iat}");
            // At the last second at which it counts it is still known.
            assert!(told.is_err() || told.unwrap() > iat + 60);
        }
    }

    #[test]
    fn where_a_token_is_used_it_names_that_token() {
        let of = |ath: Option<&str>| Possession { ath: ath.map(str::to_owned), ..proof() };
        assert!(told(&of(Some("hash")), Some("hash")).is_ok());
        assert!(told(&of(Some("other")), Some("hash")).is_err());
        assert!(told(&of(None), Some("hash")).is_err());
        assert!(told(&of(Some("any")), None).is_ok(), "where none is used yet it is of no account");
    }
}

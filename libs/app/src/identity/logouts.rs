//! What a client is told whose person's session has ended (OpenID Connect Back-Channel Logout, 2.4): a token of its own type, which opens nothing.

use chrono::TimeDelta;
use crypto::KeySet;
use domain::{Error, IdGen, Result, SessionId, Time};
use serde::Serialize;
use store::{
    Store,
    identity::logouts::{ClaimedLogout, ToldClient},
};

use super::flows::subject;
use crate::applications::client_tokens::algorithm;

/// The `typ` header of a logout token.
pub const LOGOUT_TYP: &str = "logout+jwt";
/// How long one is good for: it is read when it arrives.
const LASTS: TimeDelta = TimeDelta::seconds(120);
/// What has happened.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: String,
    sid: SessionId,
    /// Each attempt has its own: a client that takes each once takes the second after a lost answer as well.
    jti: String,
    iat: i64,
    exp: i64,
    events: serde_json::Value,
}

/// A logout token for one attempt. `issuer`: us, with a slash.
pub async fn logout_token(
    store: &Store,
    ids: &dyn IdGen,
    (issuer, job, client): (&str, &ClaimedLogout, &ToldClient),
    now: Time,
) -> Result<String> {
    let keys = store.signing_keys(now).await?;
    let keys = KeySet::new(keys.into_iter().map(|k| (k.key, k.active_from, k.retired_at)).collect());
    let alg = algorithm(client.alg);
    if !keys.has(alg, now) {
        return Err(Error::internal("no key signs logout tokens of this client"));
    }
    let claims = Claims {
        iss: issuer,
        aud: &client.client_id,
        sub: subject(job.user),
        sid: job.session,
        jti: ids.uuid(now).to_string(),
        iat: now.timestamp(),
        exp: (now + LASTS).timestamp(),
        events: serde_json::json!({ EVENT: {} }),
    };
    keys.sign_with(alg, LOGOUT_TYP, &claims, now)
}

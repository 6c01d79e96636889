//! Signatures of outgoing webhooks, so that a receiver knows that we sent the body and when.
//!
//! Three kinds of headers leave together: the plain HMAC of our contract, the contract's timestamped form, and Standard Webhooks
//! (<https://www.standardwebhooks.com>), for which libraries exist in every language. One secret serves all three. It is
//! `whsec_<base64 of 32 bytes>`: the contract's HMAC key is that whole text, the standard's key is the decoded 32 bytes.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use domain::{IdGen, Time};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

const PREFIX: &str = "whsec_";

/// More signatures than this in one header are not read: no honest sender has that many live secrets.
const MOST_SIGNATURES: usize = 16;

/// Why a webhook could not be signed or was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// There is no secret, or it is not base64 after the optional `whsec_`.
    #[error("there is no usable webhook secret")]
    Secret,
    /// The timestamp is not a whole number of seconds, or is too far from now.
    #[error("the webhook's timestamp is missing, malformed or too far from now")]
    Timestamp,
    /// No signature in the header is ours.
    #[error("the webhook's signature does not match its id, timestamp and body")]
    Signature,
}

impl From<WebhookError> for domain::Error {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::Secret => Self::internal(error),
            _ => Self::unauthenticated("invalid_signature", error.to_string()),
        }
    }
}

/// A fresh endpoint secret: show it once, store it sealed.
pub fn new_secret(random: &dyn IdGen) -> String {
    format!("{PREFIX}{}", STANDARD.encode(*Zeroizing::new(random.secret())))
}

/// All signature headers for one delivery attempt. `secrets` are the endpoint's live ones: the current first, then those being
/// rotated out. The contract's headers carry the current one only; the standard header carries a signature for each. `id` names
/// the event and stays the same over retries, `at` is this attempt, `body` the exact bytes sent.
///
/// # Errors
///
/// [`WebhookError::Secret`] when there is none, or one is malformed: nothing must leave unsigned.
pub fn headers<S: AsRef<str>>(
    secrets: &[S],
    id: &str,
    at: Time,
    body: &[u8],
) -> Result<Vec<(&'static str, String)>, WebhookError> {
    let current = secrets.first().ok_or(WebhookError::Secret)?.as_ref().as_bytes();
    let at = at.timestamp().to_string();
    let plain = hex::encode(finish(mac(current, &[body])));
    let timed = hex::encode(finish(mac(current, &[at.as_bytes(), b".", body])));
    let mut standard = Vec::with_capacity(secrets.len());
    for secret in secrets {
        let mac = standard_mac(secret.as_ref(), id, &at, body)?;
        standard.push(format!("v1,{}", STANDARD.encode(finish(mac))));
    }
    Ok(vec![
        ("X-Webhook-Signature", format!("sha256={plain}")),
        ("X-Webhook-Timestamp", at.clone()),
        ("X-Webhook-Signature-V1", format!("t={at},v1={timed}")),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", at),
        ("webhook-signature", standard.join(" ")),
    ])
}

/// `t=<seconds>,v1=<hex>`: the HMAC-SHA256 of seconds, `.` and the body, under the bytes of the secret's text.
pub fn timed_signature(secret: &str, at: Time, body: &[u8]) -> String {
    let at = at.timestamp().to_string();
    format!("t={at},v1={}", hex::encode(finish(mac(secret.as_bytes(), &[at.as_bytes(), b".", body]))))
}

/// The three headers of a Standard Webhook, as they arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// `webhook-id`. Remember it for as long as the tolerance lasts: a repeated id is a replay.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`: one or more `v1,<base64>`, separated by spaces.
    pub signature: &'a str,
}

/// Checks a received Standard Webhook: some `v1` signature must match one of `secrets` in full, compared in constant time, and
/// the timestamp must be at most `tolerance` away from `now` in either direction. Signatures of other versions are ignored.
///
/// # Errors
///
/// Says which of the checks failed.
pub fn verify_standard<S: AsRef<str>>(
    secrets: &[S],
    received: &Received<'_>,
    body: &[u8],
    now: Time,
    tolerance: TimeDelta,
) -> Result<(), WebhookError> {
    check_timestamp(received.timestamp, now, tolerance)?;
    for secret in secrets {
        if is_signed(&standard_key(secret.as_ref())?, received, body) {
            return Ok(());
        }
    }
    Err(WebhookError::Signature)
}

/// Checks a Standard Webhook of Polar's, whose key is the secret's text as it stands; a secret in the standard's own form is taken as
/// the standard says, too.
///
/// # Errors
///
/// Says which of the checks failed.
pub fn verify_polar(
    secret: &str,
    received: &Received<'_>,
    body: &[u8],
    now: Time,
    tolerance: TimeDelta,
) -> Result<(), WebhookError> {
    check_timestamp(received.timestamp, now, tolerance)?;
    if secret.is_empty() {
        return Err(WebhookError::Secret);
    }
    let standard = standard_key(secret).is_ok_and(|key| is_signed(&key, received, body));
    if is_signed(secret.as_bytes(), received, body) || standard { Ok(()) } else { Err(WebhookError::Signature) }
}

/// Checks a header `t=<seconds>,v1=<hex>`, as Stripe sends it: of several `v1` some one must match, compared in constant time, and the
/// time must be at most `tolerance` away from `now` in either direction. What is signed otherwise is ignored.
///
/// # Errors
///
/// Says which of the checks failed.
pub fn verify_timed(secret: &str, header: &str, body: &[u8], now: Time, tolerance: TimeDelta) -> Result<(), WebhookError> {
    if secret.is_empty() {
        return Err(WebhookError::Secret);
    }
    let parts = || header.split(',').filter_map(|part| part.trim_ascii().split_once('='));
    let mut times = parts().filter_map(|(name, text)| (name == "t").then_some(text));
    let (Some(at), None) = (times.next(), times.next()) else { return Err(WebhookError::Timestamp) };
    check_timestamp(at, now, tolerance)?;
    let mac = mac(secret.as_bytes(), &[at.as_bytes(), b".", body]);
    let signatures = parts().filter_map(|(name, text)| (name == "v1").then_some(text)).take(MOST_SIGNATURES);
    let genuine =
        signatures.filter_map(|text| hex::decode(text).ok()).any(|signature| mac.clone().verify_slice(&signature).is_ok());
    if genuine { Ok(()) } else { Err(WebhookError::Signature) }
}

/// Whether some `v1` signature is of this key.
fn is_signed(key: &[u8], received: &Received<'_>, body: &[u8]) -> bool {
    let mac = mac(key, &[received.id.as_bytes(), b".", received.timestamp.as_bytes(), b".", body]);
    let signatures = received.signature.split(' ').filter_map(|part| part.strip_prefix("v1,")).take(MOST_SIGNATURES);
    // `verify_slice` refuses every other length, then compares without stopping early.
    let mut decoded = signatures.filter_map(|text| STANDARD.decode(text).ok());
    decoded.any(|signature| mac.clone().verify_slice(&signature).is_ok())
}

fn check_timestamp(text: &str, now: Time, tolerance: TimeDelta) -> Result<(), WebhookError> {
    let seconds = text.parse::<i64>().ok().filter(|seconds| seconds.to_string() == text).ok_or(WebhookError::Timestamp)?;
    let distance = now.timestamp().checked_sub(seconds).ok_or(WebhookError::Timestamp)?;
    if distance.unsigned_abs() > tolerance.num_seconds().unsigned_abs() { Err(WebhookError::Timestamp) } else { Ok(()) }
}

fn standard_mac(secret: &str, id: &str, at: &str, body: &[u8]) -> Result<Hmac<Sha256>, WebhookError> {
    Ok(mac(&standard_key(secret)?, &[id.as_bytes(), b".", at.as_bytes(), b".", body]))
}

fn standard_key(secret: &str) -> Result<Zeroizing<Vec<u8>>, WebhookError> {
    let text = secret.strip_prefix(PREFIX).unwrap_or(secret);
    let key = Zeroizing::new(STANDARD.decode(text).map_err(|_| WebhookError::Secret)?);
    if key.is_empty() { Err(WebhookError::Secret) } else { Ok(key) }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().fold(mac, |mac, part| mac.chain_update(part))
}

fn finish(mac: Hmac<Sha256>) -> [u8; 32] {
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;

//! Key sets (RFC 7517). A set may hold what we do not know: that is passed over, not refused.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::identity::connections::documents::{Keys, Miss};
use serde_json::{Value, json};

/// More than anybody rotates.
const MOST_KEYS: usize = 20;
/// RSA keys below are refused.
const RSA_BITS: usize = 2048;

pub(super) fn read(bytes: &[u8]) -> Result<Keys, Miss> {
    let all: Value = serde_json::from_slice(bytes).map_err(|_| Miss::Unreadable)?;
    let all = all["keys"].as_array().ok_or(Miss::Unreadable)?;
    let usable: Vec<_> = all.iter().filter_map(usable).take(MOST_KEYS).collect();
    if usable.is_empty() { Err(Miss::NoKeys) } else { Ok(Keys(json!({ "keys": usable }))) }
}

/// The public half of a key that verifies signatures, and what says when it is used; `None`: it is none.
fn usable(key: &Value) -> Option<Value> {
    let is_for_signatures = key.get("use").is_none_or(|of| of == "sig");
    let members: &[&str] = match (key["kty"].as_str()?, key["crv"].as_str()) {
        ("RSA", _) if bits(&key["n"])? >= RSA_BITS => &["n", "e"],
        ("EC", Some("P-256" | "P-384" | "P-521")) => &["crv", "x", "y"],
        ("OKP", Some("Ed25519")) => &["crv", "x"],
        _ => return None,
    };
    let has_all = members.iter().all(|name| key[*name].as_str().is_some_and(|text| !text.is_empty() && text.len() <= 2048));
    if !is_for_signatures || !has_all {
        return None;
    }
    let kept = ["kty", "kid", "alg", "use", "issuer"].iter().chain(members);
    Some(kept.filter(|name| key[**name].is_string()).map(|name| ((*name).to_owned(), key[*name].clone())).collect())
}

fn bits(modulus: &Value) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(modulus.as_str()?).ok()?;
    let first = bytes.iter().position(|byte| *byte != 0)?;
    Some((bytes.len() - first) * 8 - usize::try_from(bytes[first].leading_zeros()).ok()?)
}

//! The parameters of a request, as a form or as JSON, and which client it shows to be: one that keeps no secret by its name alone. A name that comes twice, or two ways to authenticate, are
//! refused: who wins would depend on the reader (RFC 6749, 3.2).

use std::collections::BTreeMap;

use actix_web::{HttpRequest, http::header};
use app::applications::{client_tokens::ClientProof, dpop::KeyProof};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{Result, applications::client_grants::refuse};
use serde_json::Value;
use url::form_urlencoded;

/// What an assertion has to be called (RFC 7523, 2.2).
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Names of a request at most, and bytes of a value.
const MOST: usize = 30;
const LONGEST: usize = 8192;

/// The parameters of a request.
pub(super) struct Parameters(BTreeMap<String, String>);

fn invalid(message: &'static str) -> domain::Error {
    refuse("invalid_request", message)
}

impl Parameters {
    /// Reads them. An empty value counts as missing.
    pub(super) fn read(req: &HttpRequest, body: &[u8]) -> Result<Self> {
        let media = req.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let pairs = match media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => form(body)?,
            "application/json" => json(body)?,
            _ => return Err(invalid("Send a form: `Content-Type: application/x-www-form-urlencoded`.")),
        };
        let mut known = BTreeMap::new();
        for (name, value) in pairs {
            if known.len() >= MOST || value.len() > LONGEST || value.contains('\0') {
                return Err(invalid("There are too many parameters, or one is too long."));
            }
            if known.insert(name, value).is_some() {
                return Err(invalid("A parameter comes twice."));
            }
        }
        known.retain(|_, value| !value.is_empty());
        Ok(Self(known))
    }

    /// All of them.
    pub(super) fn into_all(self) -> BTreeMap<String, String> {
        self.0
    }

    /// A parameter, if it was sent.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Which client the request shows to be: by the header, by a secret in the body, or by an assertion.
    pub(super) fn client(&self, req: &HttpRequest) -> Result<ClientProof> {
        let header = req.headers().get_all(header::AUTHORIZATION).collect::<Vec<_>>();
        let (id, secret, assertion) = (self.get("client_id"), self.get("client_secret"), self.get("client_assertion"));
        match (header.as_slice(), secret, assertion) {
            ([one], None, None) => {
                let (name, secret) = one
                    .to_str()
                    .ok()
                    .and_then(basic)
                    .ok_or_else(|| invalid("The `Authorization` header is not understood: send `Basic`."))?;
                if id.is_some_and(|id| id != name) {
                    return Err(invalid("`client_id` names another client than the `Authorization` header."));
                }
                Ok(ClientProof::Secret(name, secret))
            }
            ([], Some(secret), None) => match id {
                Some(id) => Ok(ClientProof::Secret(id.to_owned(), secret.to_owned())),
                None => Err(invalid("Send `client_id` with `client_secret`.")),
            },
            ([], None, Some(assertion)) if self.get("client_assertion_type") == Some(ASSERTION) => {
                Ok(ClientProof::Assertion(id.map(str::to_owned), assertion.to_owned()))
            }
            ([], None, Some(_)) => Err(invalid("`client_assertion_type` must be that of RFC 7523.")),
            ([], None, None) => match id {
                Some(id) => Ok(ClientProof::Name(id.to_owned())),
                None => Err(refuse(
                    "invalid_client",
                    "Authenticate the client: by `Authorization: Basic`, `client_secret` or `client_assertion`.",
                )),
            },
            _ => Err(invalid("Authenticate the client in one way only.")),
        }
    }
}

/// The proof that a request's sender holds a key (RFC 9449), if there is one. `Protocol` (`invalid_dpop_proof`): there are two, or it is no text.
pub(super) fn key_proof(req: &HttpRequest, (method, path): (&'static str, &'static str)) -> Result<Option<KeyProof>> {
    let mut headers = req.headers().get_all("DPoP");
    let (Some(one), None) = (headers.next(), headers.next()) else {
        return match req.headers().contains_key("DPoP") {
            true => Err(refuse("invalid_dpop_proof", "Send one `DPoP` header.")),
            false => Ok(None),
        };
    };
    let proof = one.to_str().map_err(|_| refuse("invalid_dpop_proof", "The `DPoP` header is no proof."))?.to_owned();
    Ok(Some(KeyProof { proof, method, path }))
}

fn form(body: &[u8]) -> Result<Vec<(String, String)>> {
    let text = std::str::from_utf8(body).map_err(|_| invalid("The body is not UTF-8."))?;
    Ok(form_urlencoded::parse(text.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
}

fn json(body: &[u8]) -> Result<Vec<(String, String)>> {
    // Names that come twice are refused by the reader of members.
    let Pairs(pairs) = serde_json::from_slice(body).map_err(|_| invalid("The body is not a JSON object of texts."))?;
    Ok(pairs)
}

/// The members of an object, each as it comes.
struct Pairs(Vec<(String, String)>);

impl<'de> serde::Deserialize<'de> for Pairs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> serde::de::Visitor<'de> for Members {
            type Value = Pairs;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of texts")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut access: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    match value {
                        Value::Null => {}
                        Value::String(text) => pairs.push((name, text)),
                        _ => return Err(serde::de::Error::custom("not a text")),
                    }
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Both halves are encoded like a form's values before they are put together (RFC 6749, 2.3.1).
fn basic(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, secret) = text.split_once(':')?;
    let decode = |half: &str| {
        let pair = format!("v={}", half.replace('&', "%26"));
        form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    Some((decode(name)?, decode(secret)?)).filter(|(name, secret)| name.len() <= LONGEST && secret.len() <= LONGEST)
}

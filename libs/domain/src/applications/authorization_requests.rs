//! What a client asks for when it sends somebody here to sign in (RFC 6749, 4.1.1; OpenID Connect Core, 3.1.2.1). [`read`] is a pure function of the
//! parameters and of what the client registered. What is wrong before it is sure where the answer belongs is told here, on a page; everything else is
//! told to the client.

mod hosts;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::hosts::at_host;
use super::{
    clients::{OrganizationUsage, SignInSettings},
    resource_servers::Scopes,
    service_saml::SamlAsked,
};
use crate::{ConnectionId, OrgId, UserId};

/// Scopes that are ours to give, at every client.
pub const OWN_SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// How the answer comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// In a form that the browser posts there.
    FormPost,
    /// Tokens and no code, in the fragment. No request of [`read`] is one of these.
    Fragment,
    /// An assertion, in a form that the browser posts there. Neither is any one of these.
    Saml,
}

/// Where the answer belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswersTo {
    /// The redirect URI, as it was sent.
    pub redirect_uri: String,
    /// How.
    pub mode: ResponseMode,
    /// What the client knows its request by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// What the client wants people to be asked (OpenID Connect Core, 3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// Nothing at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub none: bool,
    /// For who they are, again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub login: bool,
    /// For what the client gets of their account, again, where that is asked at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub consent: bool,
}

/// A request that may be answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Where the answer belongs.
    pub to: AnswersTo,
    /// What is asked for; whether it was granted is another question.
    pub scopes: Scopes,
    /// The API that access tokens are to be for, beside our own userinfo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// What the code's verifier has to hash to (RFC 7636, S256).
    pub challenge: String,
    /// The key that whoever exchanges the code has to hold, by its thumbprint (RFC 9449, 10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpop_jkt: Option<String>,
    /// Comes back in the ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The organization to sign in to, by id or name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The organization's connection to sign in through, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// What is to be asked.
    #[serde(default)]
    pub prompt: Prompt,
    /// How long ago the sign-in may be, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<i64>,
    /// The address to begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// Languages, the wanted ones first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ui_locales: Option<String>,
    /// An ID token of whoever is to be signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_hint: Option<String>,
    /// The device that is answered for, by the hash of its code, in the place of a browser's client (RFC 8628).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// What a service asked by SAML; the answer's [`ResponseMode`] is [`ResponseMode::Saml`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saml: Option<SamlAsked>,
    /// The provider that somebody links with their account, in the place of a client's request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkRequest>,
    /// The connection that is tried, in the place of a client's request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<TrialRequest>,
}

/// Whoever looks after a connection tries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialRequest {
    /// The organization.
    pub org: OrgId,
    /// Its connection.
    pub connection: ConnectionId,
}

/// Somebody wants to sign in through a provider of an organization from now on, with the account that they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRequest {
    /// Whose account it is.
    pub user: UserId,
    /// The organization.
    pub org: OrgId,
    /// Its connection.
    pub connection: ConnectionId,
}

impl AuthorizationRequest {
    /// Whether it is one of our own pages'.
    pub const fn is_ours(&self) -> bool {
        self.link.is_some() || self.trial.is_some()
    }
    /// Whether no client waits for the answer: it ends on a page of ours.
    pub const fn ends_here(&self) -> bool {
        self.device.is_some() || self.is_ours()
    }
}

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The place where the answer belongs is missing, or not registered: nobody is sent anywhere.
    Here,
    /// The client is told: a code of RFC 6749 or OpenID Connect, and what to do.
    There(AnswersTo, &'static str, &'static str),
}

/// What a value may look like that is only carried.
fn carried(text: &str) -> bool {
    text.len() <= 2000 && !text.chars().any(char::is_control)
}

/// Reads a request of a client that is known. An empty value counts as missing; what is not known is ignored.
pub fn read(parameters: &BTreeMap<String, String>, client: &SignInSettings) -> Result<AuthorizationRequest, Refused> {
    let get = |name: &str| parameters.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let to = answers_to(&get, client)?;
    let no = |code, why| Refused::There(to.clone(), code, why);
    match get("response_type") {
        Some("code") => {}
        Some(_) => return Err(no("unsupported_response_type", "Only `response_type=code` is supported.")),
        None => return Err(no("invalid_request", "Send `response_type=code`.")),
    }
    if !matches!(get("response_mode"), None | Some("query" | "form_post")) {
        return Err(no("invalid_request", "Use `response_mode` query or form_post."));
    }
    if get("request").is_some() {
        return Err(no("request_not_supported", "Send the parameters themselves, or push them (RFC 9126)."));
    }
    let scopes = Scopes::parse(get("scope").unwrap_or_default())
        .map_err(|_| no("invalid_scope", "Send scopes with single blanks between, at most 100."))?;
    // An ID token is longer than anything else that is carried.
    let fits = |name: &str, value: &str| carried(value) || name == "id_token_hint" && value.len() <= 6000 && value.is_ascii();
    if parameters.iter().any(|(name, value)| !fits(name, value)) {
        return Err(no("invalid_request", "A parameter is too long, or has control characters in it."));
    }
    let (audience, resource) = (get("audience"), get("resource"));
    if audience.zip(resource).is_some_and(|(one, other)| one != other) {
        return Err(no("invalid_target", "`audience` and `resource` name two APIs. A token is for one."));
    }
    let organization = get("organization");
    if organization.is_some() && client.organization_usage == OrganizationUsage::Deny {
        return Err(no("invalid_request", "This client signs nobody in to an organization."));
    }
    let own = |name: &str| get(name).map(str::to_owned);
    Ok(AuthorizationRequest {
        challenge: challenge(get("code_challenge"), get("code_challenge_method")).map_err(|why| no("invalid_request", why))?,
        prompt: prompt(get("prompt")).map_err(|why| no("invalid_request", why))?,
        dpop_jkt: thumbprint(get("dpop_jkt")).map_err(|why| no("invalid_request", why))?,
        max_age: max_age(get("max_age")).map_err(|why| no("invalid_request", why))?,
        scopes,
        audience: audience.or(resource).map(str::to_owned),
        nonce: own("nonce"),
        organization: organization.map(str::to_owned),
        connection: own("connection"),
        login_hint: own("login_hint"),
        ui_locales: own("ui_locales"),
        id_token_hint: own("id_token_hint"),
        device: None,
        link: None,
        saml: None,
        trial: None,
        to,
    })
}

fn answers_to<'a>(get: &impl Fn(&str) -> Option<&'a str>, client: &SignInSettings) -> Result<AnswersTo, Refused> {
    let redirect_uri = get("redirect_uri").filter(|uri| client.comes_back_to(uri)).ok_or(Refused::Here)?;
    let mode = if get("response_mode") == Some("form_post") { ResponseMode::FormPost } else { ResponseMode::Query };
    let state = get("state").filter(|state| carried(state)).map(str::to_owned);
    Ok(AnswersTo { redirect_uri: redirect_uri.to_owned(), mode, state })
}

/// Every client proves that who exchanges the code is who asked for it (RFC 9700, 2.1.1). `plain` proves nothing (T29).
fn challenge(challenge: Option<&str>, method: Option<&str>) -> Result<String, &'static str> {
    match (challenge.filter(|text| is_hash(text)), method) {
        (Some(challenge), Some("S256")) => Ok(challenge.to_owned()),
        (Some(_), _) => Err("Use `code_challenge_method=S256`."),
        (None, _) => Err("Send a `code_challenge` (RFC 7636): the SHA-256 of the verifier in 43 characters."),
    }
}

fn thumbprint(text: Option<&str>) -> Result<Option<String>, &'static str> {
    match text {
        Some(text) if !is_hash(text) => Err("`dpop_jkt` is the SHA-256 thumbprint of a key (RFC 7638) in 43 characters."),
        text => Ok(text.map(str::to_owned)),
    }
}

/// Whether it is a SHA-256 in base64url.
fn is_hash(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn prompt(text: Option<&str>) -> Result<Prompt, &'static str> {
    let asked: Vec<&str> = text.unwrap_or_default().split(' ').filter(|one| !one.is_empty()).collect();
    match asked.as_slice() {
        ["none"] => Ok(Prompt { none: true, ..Prompt::default() }),
        several if several.contains(&"none") => Err("`prompt=none` goes with nothing else."),
        // Who chooses an account says who they are.
        several => Ok(Prompt {
            none: false,
            login: several.iter().any(|one| matches!(*one, "login" | "select_account")),
            consent: several.contains(&"consent"),
        }),
    }
}

fn max_age(text: Option<&str>) -> Result<Option<i64>, &'static str> {
    let Some(text) = text else { return Ok(None) };
    match text.parse::<u32>() {
        Ok(seconds) if text.bytes().all(|b| b.is_ascii_digit()) => Ok(Some(seconds.into())),
        _ => Err("`max_age` is a number of seconds."),
    }
}

#[cfg(test)]
mod tests;

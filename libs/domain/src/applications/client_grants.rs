//! What a client of the platform may do at an API. And the decision on a request for a token ([`decide`]): a pure function of what was asked and what
//! was granted. An organization's service is granted its own `resource_uris`, and those only.

use serde::{Deserialize, Serialize};

use super::resource_servers::{Audience, ResourceServerId, Scopes, TokenAlg, TokenLife};
use crate::core::id::id;
use crate::{
    ClientId, Error, OrgId, Result, Time,
    core::value::{BadValue, Slug, bad},
};

id! {
    /// What a client may do at an API.
    ClientGrantKind ClientGrantId = "cgr"
}

/// How many one client may have.
pub const MAX_GRANTS: i64 = 100;

/// In whose name a client does what it was granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectType {
    /// In its own.
    #[default]
    Client,
    /// In that of people who signed in there.
    User,
}

impl SubjectType {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::User => "user",
        }
    }
}

impl std::str::FromStr for SubjectType {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "client" => Ok(Self::Client),
            "user" => Ok(Self::User),
            _ => bad("unknown_subject_type", "Use client or user."),
        }
    }
}

/// What a client may do at an API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientGrant {
    /// Identifier.
    pub id: ClientGrantId,
    /// Whose.
    pub client: ClientId,
    /// Its name in OAuth.
    pub client_id: String,
    /// Where.
    pub resource_server: ResourceServerId,
    /// Its name in tokens.
    pub audience: Audience,
    /// What.
    pub scopes: Scopes,
    /// In whose name.
    pub subject_type: SubjectType,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// Whose client asks for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenClient {
    /// The platform's.
    Platform,
    /// A service's of an organization.
    Of(OrgId, Slug),
}

impl TokenClient {
    /// Whose it is; [`crate::PLATFORM`]: the platform's.
    pub const fn org(&self) -> OrgId {
        match self {
            Self::Platform => crate::PLATFORM,
            Self::Of(org, _) => *org,
        }
    }
}

/// An API for which a client may have tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Its name in tokens.
    pub audience: Audience,
    /// What the client may do there; of a service's own API everything, for it defines no scopes.
    pub scopes: Scopes,
    /// What the token is signed with.
    pub alg: TokenAlg,
    /// How long it lives.
    pub life: TokenLife,
    /// Since when it was granted; of a service's own API, since when that is there.
    pub since: Time,
}

/// What a token is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted<'a> {
    /// For which API.
    pub api: &'a Allowed,
    /// What may be done there.
    pub scopes: Scopes,
}

/// Decides what a client gets that may have tokens for `allowed`: the API that it named, or its only one; the scopes that it asked for, as far as
/// they were granted, or all of them. `Invalid` with the codes of RFC 6749 and 8707: `invalid_request`, `invalid_target`, `invalid_scope`,
/// `unauthorized_client`.
pub fn decide<'a>(allowed: &'a [Allowed], audience: Option<&str>, asked: Option<&Scopes>) -> Result<Granted<'a>> {
    let api = match (audience, allowed) {
        (None, []) => return Err(refuse("unauthorized_client", "This client was granted no API.")),
        (Some(audience), _) => allowed.iter().find(|api| api.audience.as_str() == audience),
        (None, [only]) => Some(only),
        (None, _) => return Err(refuse("invalid_request", "Say which API the token is for: `audience`.")),
    };
    let Some(api) = api else { return Err(refuse("invalid_target", "This client was not granted that API.")) };
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else { return Ok(Granted { api, scopes: api.scopes.clone() }) };
    let scopes = asked.within(&api.scopes);
    if scopes.is_empty() {
        return Err(refuse("invalid_scope", "None of these scopes was granted to this client at that API."));
    }
    Ok(Granted { api, scopes })
}

/// A refusal of the token endpoint, by its code in RFC 6749.
pub fn refuse(code: &'static str, message: &'static str) -> Error {
    Error::new(crate::Kind::Protocol, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(audience: &str, scopes: &str) -> Allowed {
        Allowed {
            audience: audience.parse().unwrap(),
            scopes: Scopes::parse(scopes).unwrap(),
            alg: TokenAlg::default(),
            life: TokenLife::default(),
            since: Time::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_a_client_gets() {
        let (orders, bills) = (api("orders", "read write"), api("bills", "read"));
        let one = std::slice::from_ref(&orders);
        let two = [orders.clone(), bills];
        type Case<'a> = (&'a str, &'a [Allowed], Option<&'a str>, Option<&'a str>, Result<(&'a str, &'a str), &'a str>);
        let cases: &[Case<'_>] = &[
            ("its only API, with everything", one, None, None, Ok(("orders", "read write"))),
            ("by name", one, Some("orders"), None, Ok(("orders", "read write"))),
            ("one of two", &two, Some("bills"), None, Ok(("bills", "read"))),
            ("of two it does not say which", &two, None, None, Err("invalid_request")),
            ("none of its own", &two, Some("others"), None, Err("invalid_target")),
            ("spelled otherwise", &two, Some("orders/"), None, Err("invalid_target")),
            ("some scopes", one, None, Some("write"), Ok(("orders", "write"))),
            ("more than was granted", one, None, Some("write admin"), Ok(("orders", "write"))),
            ("nothing that was granted", one, None, Some("admin"), Err("invalid_scope")),
            ("another API's scope", &two, Some("bills"), Some("write"), Err("invalid_scope")),
            ("an empty list of scopes", one, None, Some(""), Ok(("orders", "read write"))),
            ("nothing granted at all", &[], None, None, Err("unauthorized_client")),
            ("nothing granted, whatever it names", &[], Some("orders"), None, Err("invalid_target")),
        ];
        for (what, allowed, audience, asked, expected) in cases {
            let asked = asked.map(|text| Scopes::parse(text).unwrap());
            let decided = decide(allowed, *audience, asked.as_ref());
            let told = decided.as_ref().map(|granted| (granted.api.audience.as_str(), granted.scopes.to_string()));
            let told = told.map_err(|e| e.code);
            assert_eq!(told, expected.map(|(audience, scopes)| (audience, scopes.to_owned())), "{what}");
        }
    }
}

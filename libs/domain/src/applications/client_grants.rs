//! What a client of the platform may do at an API. And the decision on a request for a token ([`decide`]): a pure function of what was asked and what
//! was granted. An organization's service is granted its own `resource_uris`, and those only.

use serde::{Deserialize, Serialize};

use super::{
    clients::OrganizationUsage,
    resource_servers::{Audience, ResourceServerId, Scopes, TokenAlg, TokenLife},
};
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

/// Organizations that one grant may name; beyond, it is for any.
pub const MAX_ORGANIZATIONS: i64 = 10_000;

/// For which organizations a client may have tokens for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForOrganizations {
    /// Whether its tokens are for an organization.
    pub usage: OrganizationUsage,
    /// Whether every organization will do, and not only those that the grant names.
    pub any: bool,
}

impl Default for ForOrganizations {
    /// For none.
    fn default() -> Self {
        Self { usage: OrganizationUsage::Deny, any: false }
    }
}

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
    /// For which organizations, in its own name.
    pub organizations: ForOrganizations,
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
    /// The organization's name in URLs; `None`: the platform's.
    pub const fn slug(&self) -> Option<&Slug> {
        match self {
            Self::Platform => None,
            Self::Of(_, slug) => Some(slug),
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
    /// For which organizations.
    pub organizations: ForOrganizations,
    /// Since when the grant names the organization that was asked about; `None`: it does not, or none was.
    pub named_since: Option<Time>,
}

impl Allowed {
    /// Since when a client may have tokens for an organization that was asked about (`for_one`), or for none. `None`: it may not.
    pub fn since_for(&self, for_one: bool) -> Option<Time> {
        match (self.organizations.usage, for_one) {
            (OrganizationUsage::Deny | OrganizationUsage::Allow, false) => Some(self.since),
            (OrganizationUsage::Require, false) | (OrganizationUsage::Deny, true) => None,
            _ if self.organizations.any => Some(self.since),
            _ => self.named_since.map(|since| since.max(self.since)),
        }
    }
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
/// they were granted, or all of them. `Protocol` with the codes of RFC 6749 and 8707: `invalid_request`, `invalid_target`, `invalid_scope`,
/// `unauthorized_client`. Whether it may be for an organization, [`may_act_for`] says.
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

/// Decides whether a client may have a token at an API for the organization that it `named`, or for none. `Protocol` (`invalid_request`,
/// `unauthorized_client`). One that is not there (`Some(None)`) is answered like one for which it may have none.
pub fn may_act_for(api: &Allowed, named: Option<Option<OrgId>>) -> Result<()> {
    let is_there = named != Some(None);
    if is_there && api.since_for(named.is_some()).is_some() {
        return Ok(());
    }
    if named.is_some() {
        return Err(refuse("unauthorized_client", "This client may have no tokens for that organization, or there is none."));
    }
    Err(refuse("invalid_request", "Say for which organization the token is: `organization`, its id or slug."))
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
            organizations: ForOrganizations::default(),
            named_since: None,
        }
    }

    #[test]
    fn for_which_organizations() {
        use OrganizationUsage::{Allow, Deny, Require};
        let (refused, missing) = (Err("unauthorized_client"), Err("invalid_request"));
        for (usage, any, named, for_none, for_one) in [
            (Deny, false, false, Ok(()), refused),
            (Deny, true, true, Ok(()), refused),
            (Allow, false, false, Ok(()), refused),
            (Allow, false, true, Ok(()), Ok(())),
            (Allow, true, false, Ok(()), Ok(())),
            (Require, false, false, missing, refused),
            (Require, false, true, missing, Ok(())),
            (Require, true, false, missing, Ok(())),
        ] {
            let named_since = named.then_some(Time::UNIX_EPOCH);
            let api = Allowed { organizations: ForOrganizations { usage, any }, named_since, ..api("orders", "") };
            let code = |named| may_act_for(&api, named).map_err(|e| e.code);
            let org = Some(OrgId::new(uuid::Uuid::from_u128(1)));
            assert_eq!((code(None), code(Some(org))), (for_none, for_one), "{usage:?} {any} {named}");
            assert_eq!(code(Some(None)), refused, "one that is not there");
        }
    }

    #[test]
    fn what_was_taken_back_and_given_again_is_another_grant() {
        let later = Time::UNIX_EPOCH + chrono::TimeDelta::hours(1);
        let organizations = ForOrganizations { usage: OrganizationUsage::Allow, any: false };
        let api = Allowed { organizations, named_since: Some(later), ..api("orders", "") };
        assert_eq!((api.since_for(false), api.since_for(true)), (Some(Time::UNIX_EPOCH), Some(later)));
        let regranted = Allowed { since: later, named_since: Some(Time::UNIX_EPOCH), ..api };
        assert_eq!(regranted.since_for(true), Some(later));
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

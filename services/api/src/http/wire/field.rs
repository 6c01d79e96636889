//! The fields of a body, and the types that they can have.

use std::marker::PhantomData;

use domain::{
    BadValue, ClientId, ConnectionId, EventId, EventName, Patch, PlanId, Result, Time, UserId, Violation,
    applications::{
        api_keys::Networks,
        billing::PaymentMode,
        client_grants::SubjectType,
        clients::{ApplicationType, AuthMethod, ClientKeys, OrganizationUsage},
        plans::{Currency, Features, PolarProductId, StripePriceId},
        resource_servers::{Audience, Scope, Scopes, TokenAlg, TokenLife},
        service_keys::{ServicePermission, ServicePermissions},
        service_saml::NameIdFormat,
        services::{AccessLevel, ProviderScopes, ServiceSettings, ServiceType},
        subscriptions::SubscriptionStatus,
        token_claims::TokenClaims,
        uris::{PageUri, RedirectUri, ResourceUri},
    },
    core::secret::ProviderSecret,
    core::value::{Description, Email, HostName, Name, Password, RoleSlug, SenderName, ServiceSlug, Slug},
    delivery::{
        log_streams::{
            BatchSize, From as StreamFrom, Provider, ReceiverUrl,
            credentials::{AuthHeader, ReceiverKey, SigningSecret},
            options::{Framing, Index, Mapping},
        },
        mail_templates::{HtmlBody, Language, PlainBody, Subject},
        mails::Template,
        webhooks::EndpointUrl,
    },
    identity::{
        entry::{MaxAge, Requirement},
        risk::{Attempts, EnforcementMode, Score},
    },
    tenancy::{
        branding::Color,
        domains::{DomainName, LoginPolicy},
        features::SocialProvider,
        oauth_credentials::OAuthClientId,
        organizations::OrgStatus,
        roles::{Cap, Caps, RoleName},
        smtp::{Port, Security, SmtpPassword, SmtpUser},
    },
};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A value that can be read from JSON.
pub trait FromJson: Sized {
    /// The value, or why it is none.
    fn from_json(value: &Value) -> Result<Self, BadValue>;
}

fn wrong_type<T>(expected: &'static str) -> Result<T, BadValue> {
    Err(BadValue { code: "wrong_type", message: expected.into() })
}

/// A text without NUL, which PostgreSQL cannot store.
pub fn text(value: &Value) -> Result<&str, BadValue> {
    match value.as_str() {
        Some(text) if text.contains('\0') => Err(BadValue { code: "bad_characters", message: "NUL is not allowed.".into() }),
        Some(text) => Ok(text),
        None => wrong_type("Send a string."),
    }
}

macro_rules! parsed {
    ($($ty:ty),*) => { $(impl FromJson for $ty {
        fn from_json(value: &Value) -> Result<Self, BadValue> { text(value)?.parse() }
    })* };
}
parsed!(Slug, RoleSlug, ServiceSlug, Email, Name, Description, Password, RoleName, EndpointUrl, EventName, Cap, OrgStatus);
parsed!(SocialProvider, Color, DomainName, LoginPolicy, HostName, SenderName, Security, SmtpUser, SmtpPassword);
parsed!(
    ServicePermission,
    SubscriptionStatus,
    ServiceType,
    AccessLevel,
    RedirectUri,
    PageUri,
    ResourceUri,
    Currency,
    StripePriceId
);
parsed!(Provider, ReceiverUrl, AuthHeader, ReceiverKey, SigningSecret, Framing, Index, Mapping, StreamFrom);
parsed!(PolarProductId, PaymentMode, ProviderSecret, OAuthClientId);
parsed!(EnforcementMode, Requirement, NameIdFormat);
parsed!(ApplicationType, AuthMethod, Audience, OrganizationUsage, Scope, SubjectType, TokenAlg);
parsed!(Template, Language, Subject, PlainBody, HtmlBody);

/// Free text, at most 1,024 characters: as long as the longest password.
impl FromJson for String {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        match text(value)? {
            long if long.chars().count() > 1024 => {
                Err(BadValue { code: "too_long", message: "Use at most 1024 characters.".into() })
            }
            fits => Ok(fits.to_owned()),
        }
    }
}

impl FromJson for bool {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        value.as_bool().map_or_else(|| wrong_type("Send true or false."), Ok)
    }
}

/// A count: a whole number that is not negative and fits the databases.
impl FromJson for i64 {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        match value.as_i64() {
            Some(n @ 0..=1_000_000_000) => Ok(n),
            Some(_) => Err(BadValue { code: "out_of_range", message: "Use a whole number from 0 to 1000000000.".into() }),
            None => wrong_type("Send a whole number."),
        }
    }
}

impl FromJson for Port {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        value.as_i64().map_or_else(|| wrong_type("Send a whole number."), Self::try_from)
    }
}

impl FromJson for BatchSize {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        value.as_i64().map_or_else(|| wrong_type("Send a whole number."), Self::try_from)
    }
}

impl FromJson for Score {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        value.as_i64().map_or_else(|| wrong_type("Send a whole number."), Self::try_from)
    }
}

impl FromJson for Scopes {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        Ok(Self::of(list::<Scope>(value, Self::MAX)?))
    }
}

impl FromJson for ClientKeys {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        Self::parse(value)
    }
}

impl FromJson for TokenClaims {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        Self::parse(value)
    }
}

impl FromJson for TokenLife {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        value.as_i64().map_or_else(|| wrong_type("Send a whole number."), Self::try_from)
    }
}

impl FromJson for MaxAge {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        value.as_i64().map_or_else(|| wrong_type("Send a whole number."), Self::try_from)
    }
}

impl FromJson for Attempts {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        value.as_i64().map_or_else(|| wrong_type("Send a whole number."), Self::try_from)
    }
}

/// A moment: RFC 3339, in any zone.
impl FromJson for Time {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        const RULE: &str = "Send a moment such as 2026-11-23T09:00:00Z.";
        let parsed = chrono::DateTime::parse_from_rfc3339(text(value)?);
        parsed.map(|at| at.to_utc()).map_err(|_| BadValue { code: "bad_time", message: RULE.into() })
    }
}

macro_rules! ids {
    ($($id:ty = $like:literal;)*) => { $(impl FromJson for $id {
        fn from_json(value: &Value) -> Result<Self, BadValue> {
            text(value)?.parse().map_err(|_| BadValue { code: "bad_id", message: concat!("Send ", $like, ".").into() })
        }
    })* };
}
ids! {
    EventId = "an event's id (evt_…)";
    UserId = "a user's id (usr_…)";
    PlanId = "a plan's id (plan_…)";
    ClientId = "a client's id (cli_…)";
    ConnectionId = "a connection's id (con_…)";
}

impl FromJson for Vec<EventName> {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        let mut names: Vec<EventName> = list(value, 200)?;
        names.sort_unstable();
        names.dedup();
        if names.is_empty() { Err(BadValue { code: "empty", message: "Name at least one event.".into() }) } else { Ok(names) }
    }
}

impl FromJson for Vec<Value> {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        value.as_array().map_or_else(|| wrong_type("Send an array."), |items| Ok(items.clone()))
    }
}

impl FromJson for Caps {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        Ok(list::<Cap>(value, 200)?.into_iter().collect())
    }
}

impl FromJson for Networks {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        let texts: Vec<String> = list(value, Self::MAX)?;
        Self::parse(texts.iter().map(String::as_str))
    }
}

impl FromJson for ServicePermissions {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        Ok(list::<ServicePermission>(value, 50)?.into_iter().collect())
    }
}

impl FromJson for ProviderScopes {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        let texts: Vec<String> = list(value, Self::MAX)?;
        Self::parse(texts.iter().map(String::as_str))
    }
}

/// Each once, in their order.
impl FromJson for Vec<RedirectUri> {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        let mut uris: Self = Vec::new();
        for uri in list(value, ServiceSettings::MAX_REDIRECT_URIS)? {
            if !uris.contains(&uri) {
                uris.push(uri);
            }
        }
        Ok(uris)
    }
}

/// Each once, sorted.
impl FromJson for Vec<ResourceUri> {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        let mut uris: Self = list(value, ServiceSettings::MAX_RESOURCE_URIS)?;
        uris.sort();
        uris.dedup();
        Ok(uris)
    }
}

impl FromJson for Vec<SocialProvider> {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        list(value, 3)
    }
}

impl FromJson for Features {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        Self::parse(list(value, Self::MAX)?)
    }
}

/// An array of at most so many.
pub fn list<T: FromJson>(value: &Value, max: usize) -> Result<Vec<T>, BadValue> {
    match value.as_array() {
        Some(items) if items.len() > max => {
            Err(BadValue { code: "too_many", message: format!("Send at most {max} items.").into() })
        }
        Some(items) => items.iter().map(T::from_json).collect(),
        None => wrong_type("Send an array."),
    }
}

/// A field of a request body: whatever was sent, to be parsed with its name at hand.
#[derive(Debug)]
pub struct Field<T>(Option<Value>, PhantomData<T>);

impl<T> Default for Field<T> {
    fn default() -> Self {
        Self(None, PhantomData)
    }
}

impl<'de, T> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Value::deserialize(d).map(|value| Self(Some(value), PhantomData))
    }
}

impl<T: FromJson> Field<T> {
    /// The value; missing or null is a violation.
    pub fn required(self, name: &str) -> Result<T, Violation> {
        self.optional(name)?.ok_or_else(|| Violation::new(name, "required", "This field is required."))
    }
    /// The value, if one was sent; null counts as missing.
    pub fn optional(self, name: &str) -> Result<Option<T>, Violation> {
        match self.0 {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::from_json(&value).map(Some).map_err(|bad| Violation::new(name, bad.code, bad.message)),
        }
    }
    /// Missing keeps, a value sets; null is a violation, for what cannot be empty.
    pub fn change(self, name: &str) -> Result<Option<T>, Violation> {
        match self.0 {
            Some(Value::Null) => Err(Violation::new(name, "not_null", "This cannot be null. Leave it out to keep it.")),
            _ => self.optional(name),
        }
    }
    /// Missing keeps, null clears, a value sets.
    pub fn patch(self, name: &str) -> Result<Patch<T>, Violation> {
        match self.0 {
            None => Ok(Patch::Keep),
            Some(Value::Null) => Ok(Patch::Clear),
            present => Self(present, PhantomData).required(name).map(Patch::Set),
        }
    }
}

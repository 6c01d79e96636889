//! Services: an organization's applications, which its end users sign in to. A service is the contract's noun over an OAuth client of the
//! same id.

use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::uris::{PageUri, RedirectUri, ResourceUri};
use crate::core::id::id;
use crate::{
    Error, OrgId, Result, Time, Violation,
    core::value::{BadValue, Name, ServiceSlug, bad},
    tenancy::organizations::OrganizationView,
};

id! {
    /// A service of an organization.
    ServiceKind ServiceId = "svc"
}

/// How many services an organization may have, whatever its tier says.
pub const MAX_SERVICES: i64 = 1000;
/// The longest that an old client secret works beside the new one.
pub const MAX_GRACE: TimeDelta = TimeDelta::days(7);
/// How long it does when nobody says otherwise.
pub const USUAL_GRACE: TimeDelta = TimeDelta::days(1);

/// What runs a service, which decides what it can keep secret and where sign-ins may come back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceType {
    /// A browser and a server behind it.
    Web,
    /// An app on a phone.
    Mobile,
    /// A program on a computer.
    Desktop,
    /// A program without people in front of it.
    Api,
}

impl ServiceType {
    /// The contract's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            ServiceType::Web => "web",
            ServiceType::Mobile => "mobile",
            ServiceType::Desktop => "desktop",
            ServiceType::Api => "api",
        }
    }
    /// Whether it is installed where its user is.
    pub const fn is_native(self) -> bool {
        matches!(self, ServiceType::Mobile | ServiceType::Desktop)
    }
}

impl FromStr for ServiceType {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "web" => Ok(ServiceType::Web),
            "mobile" => Ok(ServiceType::Mobile),
            "desktop" => Ok(ServiceType::Desktop),
            "api" => Ok(ServiceType::Api),
            _ => bad("unknown_service_type", "Use one of: web, mobile, desktop, api."),
        }
    }
}

/// What a member may do with one service, by a grant of their own and not by their role; more is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessLevel {
    /// Look at it.
    Viewer,
    /// Change it.
    Manager,
}

impl AccessLevel {
    /// The contract's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            AccessLevel::Viewer => "viewer",
            AccessLevel::Manager => "manager",
        }
    }
}

impl FromStr for AccessLevel {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "viewer" => Ok(AccessLevel::Viewer),
            "manager" => Ok(AccessLevel::Manager),
            _ => bad("unknown_access", "Use `viewer`, `manager` or null."),
        }
    }
}

/// What a social provider is asked for at a sign-in: OAuth scopes, each once, in their order; none: the provider's usual ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderScopes(Vec<String>);

impl ProviderScopes {
    /// How many can be asked for.
    pub const MAX: usize = 50;

    /// Scopes as RFC 6749 spells them.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, BadValue> {
        let mut scopes: Vec<String> = Vec::new();
        for text in texts {
            let spelled = text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\'));
            if text.is_empty() || text.len() > 200 || !spelled {
                return bad("bad_scope", "Use OAuth scopes such as user:email: visible ASCII characters, at most 200.");
            }
            if !scopes.iter().any(|known| known == text) {
                scopes.push(text.to_owned());
            }
        }
        if scopes.len() > Self::MAX { bad("too_many", format!("Name at most {} scopes.", Self::MAX)) } else { Ok(Self(scopes)) }
    }
    /// The scopes.
    pub fn texts(&self) -> &[String] {
        &self.0
    }
}

/// What may be edited of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSettings {
    /// For people.
    pub name: Name,
    /// What runs it.
    pub service_type: ServiceType,
    /// Asked of GitHub.
    pub github_scopes: ProviderScopes,
    /// Asked of Microsoft.
    pub microsoft_scopes: ProviderScopes,
    /// Asked of Google.
    pub google_scopes: ProviderScopes,
    /// Where sign-ins may come back to.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where a device's user types the code.
    pub device_activation_uri: Option<PageUri>,
    /// Where it begins a sign-in that nobody there asked for (OpenID Connect Core, 4).
    #[serde(default)]
    pub initiate_login_uri: Option<PageUri>,
    /// Its own APIs.
    pub resource_uris: Vec<ResourceUri>,
    /// Whether anybody with an account of the platform, and whoever comes through one of the organization's connections, may begin to use it.
    #[serde(default)]
    pub sign_up: bool,
    /// Whether sign-ins of the native contract end with tokens in the fragment of its address (RFC 6749, 4.2).
    #[serde(default)]
    pub implicit_grant: bool,
}

impl ServiceSettings {
    /// How many redirect URIs a service may have.
    pub const MAX_REDIRECT_URIS: usize = 50;
    /// How many APIs.
    pub const MAX_RESOURCE_URIS: usize = 10;
    /// Characters of all its URIs and scopes together: a list shows a hundred services.
    pub const MAX_TEXT: usize = 4000;

    /// What no field violates by itself: only what is installed has a scheme of its own, and all texts together have a bound. `Invalid`.
    pub fn check(&self) -> Result<()> {
        if self.text() > Self::MAX_TEXT {
            let text = format!("All URIs and scopes of a service together have at most {} characters.", Self::MAX_TEXT);
            return Err(Error::field("redirect_uris", "too_long", text));
        }
        let alone = |(n, uri): (usize, &RedirectUri)| {
            let misplaced = uri.is_native_only() && !self.service_type.is_native();
            let message = "Only mobile and desktop services have a scheme of their own. Use https.";
            misplaced.then(|| Violation::new(format!("redirect_uris[{n}]"), "bad_scheme", message))
        };
        let violations: Vec<_> = self.redirect_uris.iter().enumerate().filter_map(alone).collect();
        if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations)) }
    }
    fn text(&self) -> usize {
        let scopes = [&self.github_scopes, &self.microsoft_scopes, &self.google_scopes];
        let scopes = scopes.into_iter().flat_map(|scopes| scopes.texts()).map(|scope| scope.len() + 3);
        let uris = self.redirect_uris.iter().map(|uri| uri.as_str().len() + 3);
        let resources = self.resource_uris.iter().map(|uri| uri.as_str().len() + 3);
        let page = self.device_activation_uri.iter().chain(&self.initiate_login_uri).map(|uri| uri.as_str().len());
        scopes.chain(uris).chain(resources).chain(page).sum()
    }
    /// APIs that are named here and not in `before` must lie under one of `hosts`, those that the organization has proven. `Invalid`
    /// (`host_not_verified`).
    pub fn check_hosts(&self, before: &[ResourceUri], hosts: &[String]) -> Result<()> {
        let fresh = self.resource_uris.iter().enumerate().filter(|(_, uri)| !before.contains(uri));
        let unproven = fresh.filter(|(_, uri)| !hosts.iter().any(|host| host == uri.host()));
        let violation = |(n, uri): (usize, &ResourceUri)| {
            let text =
                format!("Prove first that {} is the organization's: set it as its custom domain, and verify that.", uri.host());
            Violation::new(format!("resource_uris[{n}]"), "host_not_verified", text)
        };
        let violations: Vec<_> = unproven.map(violation).collect();
        if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations)) }
    }
}

/// A service, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Identifier; its OAuth client's, too.
    pub id: ServiceId,
    /// The organization.
    pub org_id: OrgId,
    /// Its name in URLs, for good.
    pub slug: ServiceSlug,
    /// What its OAuth client is called in requests.
    pub client_id: String,
    /// What may be edited.
    pub settings: ServiceSettings,
    /// Until when the client secret before the last rotation works, too.
    pub old_secret_until: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// A service with its counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedService {
    /// The service.
    pub service: Service,
    /// How many plans.
    pub plans: i64,
    /// How many subscriptions.
    pub subscriptions: i64,
}

/// A service, and what a member was given on it directly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAccess {
    /// The service.
    pub service_id: ServiceId,
    /// Its name in URLs.
    pub slug: ServiceSlug,
    /// Its name.
    pub name: Name,
    /// What was given; `None`: nothing.
    pub access: Option<AccessLevel>,
}

/// How many services there are, may be, and by which tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceUsage {
    /// Services now.
    pub current: i64,
    /// Services at most.
    pub max: i64,
    /// The tier's name.
    pub tier: String,
}

impl ServiceUsage {
    /// As the organization was read.
    pub fn of(view: &OrganizationView) -> Self {
        let max = view.organization.max_services.unwrap_or(view.tier.default_max_services);
        Self { current: view.services, max: max.min(MAX_SERVICES), tier: view.tier.name.clone() }
    }
    /// With one more.
    #[must_use]
    pub fn and_one(self) -> Self {
        Self { current: self.current + 1, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_spelled_as_oauth_does() {
        let scopes = ProviderScopes::parse(["user:email", "repo", "user:email"]).unwrap();
        assert_eq!(scopes.texts(), ["user:email", "repo"]);
        for bad in ["", "a b", "a\"b", "ü", "a\nb", &"a".repeat(201)] {
            assert_eq!(ProviderScopes::parse([bad]).unwrap_err().code, "bad_scope", "{bad}");
        }
        let many: Vec<String> = (0..=ProviderScopes::MAX).map(|n| format!("s{n}")).collect();
        assert_eq!(ProviderScopes::parse(many.iter().map(String::as_str)).unwrap_err().code, "too_many");
    }

    fn settings(service_type: ServiceType) -> ServiceSettings {
        ServiceSettings {
            name: "Portal".parse().unwrap(),
            service_type,
            github_scopes: ProviderScopes::default(),
            microsoft_scopes: ProviderScopes::default(),
            google_scopes: ProviderScopes::default(),
            redirect_uris: ["https://a.example/cb", "com.example.app:/cb"].map(|uri| uri.parse().unwrap()).into(),
            device_activation_uri: None,
            initiate_login_uri: None,
            resource_uris: ["https://api.acme.example/", "https://acme.example/"].map(|uri| uri.parse().unwrap()).into(),
            sign_up: false,
            implicit_grant: false,
        }
    }

    #[test]
    fn only_what_is_installed_has_a_scheme_of_its_own() {
        for (service_type, fine) in
            [(ServiceType::Web, false), (ServiceType::Api, false), (ServiceType::Mobile, true), (ServiceType::Desktop, true)]
        {
            let fields = settings(service_type).check().err().map(|e| e.details[0].field.clone());
            assert_eq!(fields, (!fine).then(|| "redirect_uris[1]".to_owned()), "{service_type:?}");
        }
    }

    #[test]
    fn all_texts_together_have_a_bound() {
        let mut settings = settings(ServiceType::Mobile);
        settings.redirect_uris = (0..4).map(|n| format!("https://a.example/{n}{}", "a".repeat(960)).parse().unwrap()).collect();
        assert!(settings.check().is_ok());
        settings.github_scopes = ProviderScopes::parse(["https://graph.microsoft.com/User.Read"]).unwrap();
        assert_eq!(settings.check().unwrap_err().details[0].code, "too_long");
    }

    #[test]
    fn an_api_lies_under_a_proven_host() {
        let (settings, before) = (settings(ServiceType::Web), ["https://acme.example/".parse().unwrap()]);
        let wrong = |before: &[ResourceUri], hosts: &[&str]| {
            let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
            settings.check_hosts(before, &hosts).err().map_or(Vec::new(), |e| e.details.into_iter().map(|v| v.field).collect())
        };
        assert_eq!(wrong(&[], &[]), ["resource_uris[0]", "resource_uris[1]"]);
        assert_eq!(wrong(&[], &["acme.example"]), ["resource_uris[0]"], "a host does not prove those below it");
        assert_eq!(wrong(&before, &[]), ["resource_uris[0]"], "what is there stays");
        assert!(wrong(&[], &["acme.example", "api.acme.example"]).is_empty());
    }
}

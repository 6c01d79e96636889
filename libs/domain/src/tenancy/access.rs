//! What grants a person anything in an organization: the list that an organization reads before it lets somebody go, and the statement of
//! what is left that it keeps afterwards.

use crate::{Time, UserId, core::value::Email};

/// How many of each kind are listed; what is beyond is counted.
pub const LISTED: i64 = 200;

/// A kind of thing that grants a person something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantKind {
    /// They are a member; `name` is the role.
    Membership,
    /// A role beside the membership's; `name` is the role, `detail` the connection that gave it, if one did.
    MemberRole,
    /// They own the platform, which can act in every organization.
    PlatformOwner,
    /// A session that can act here; `name` is how they signed in.
    Session,
    /// Access to one service, given directly; `name` is the service, `detail` the access.
    ServiceAccess,
    /// An invitation to their address that can be accepted; `name` is the role.
    Invitation,
    /// They use a service, without being a member of it; `name` is the service, `detail` what they let it have of their account.
    ServiceUse,
    /// An API key of the organization whose secret they were shown.
    ApiKey,
    /// An API key of a service whose secret they were shown.
    ServiceKey,
    /// A secret of a service's client that they were shown; `name` is the service.
    ClientSecret,
    /// A SCIM token whose secret they were shown.
    ScimToken,
    /// An OAuth client at a social provider whose secret they entered: they can bring sign-ins from a site of theirs; `name` is the provider.
    OAuthCredentials,
    /// An account at a payment provider whose key they entered, and what its calls are signed with; `name` is the provider.
    BillingCredentials,
    /// A webhook whose URL they chose: events go where they said.
    Webhook,
    /// A log stream whose URL they chose: the log goes where they said.
    LogStream,
    /// A webhook whose signing secret they were shown: they can send it what looks like ours.
    WebhookSecret,
}

impl GrantKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Membership,
        Self::MemberRole,
        Self::PlatformOwner,
        Self::Session,
        Self::ServiceAccess,
        Self::Invitation,
        Self::ServiceUse,
        Self::ApiKey,
        Self::ServiceKey,
        Self::ClientSecret,
        Self::ScimToken,
        Self::OAuthCredentials,
        Self::BillingCredentials,
        Self::Webhook,
        Self::LogStream,
        Self::WebhookSecret,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Membership => "membership",
            Self::MemberRole => "member_role",
            Self::PlatformOwner => "platform_owner",
            Self::Session => "session",
            Self::ServiceAccess => "service_access",
            Self::Invitation => "invitation",
            Self::ServiceUse => "service_use",
            Self::ApiKey => "api_key",
            Self::ServiceKey => "service_key",
            Self::ClientSecret => "client_secret",
            Self::ScimToken => "scim_token",
            Self::OAuthCredentials => "oauth_credentials",
            Self::BillingCredentials => "billing_credentials",
            Self::Webhook => "webhook",
            Self::LogStream => "log_stream",
            Self::WebhookSecret => "webhook_secret",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The prefix of the ids of what is listed.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Membership => "mem",
            Self::MemberRole => "role",
            Self::PlatformOwner => "usr",
            Self::Session => "grt",
            Self::ServiceAccess | Self::ServiceUse | Self::ClientSecret => "svc",
            Self::Invitation => "inv",
            Self::ApiKey | Self::ServiceKey => "apk",
            Self::ScimToken => "tok",
            Self::OAuthCredentials => "oac",
            Self::BillingCredentials => "blc",
            Self::Webhook | Self::WebhookSecret => "whk",
            Self::LogStream => "lgs",
        }
    }

    /// What takes it away, for people.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Membership => "Remove the member.",
            Self::MemberRole => "Take the role away; one that a connection gave, in its mapping or its groups.",
            Self::PlatformOwner => "Ask the platform's operator: they operate all organizations.",
            Self::Session => "Remove the member, or end the end user's sessions.",
            Self::ServiceAccess => "Clear the access to the service, or remove the member.",
            Self::Invitation => "Cancel the invitation.",
            Self::ServiceUse => "Remove the user from the service.",
            Self::ApiKey => "Rotate the key, with a grace of 0.",
            Self::ServiceKey => "Make another key, change over, and delete this one.",
            Self::ClientSecret => "Rotate the client's secret, with a grace of 0.",
            Self::ScimToken => "Give the directory another token, and revoke this one.",
            Self::OAuthCredentials => "Make another secret at the provider, set it, and end the old one there.",
            Self::BillingCredentials => {
                "Make another key and signing secret at the provider, set them, and end the old ones there."
            }
            Self::Webhook | Self::LogStream => "Check where it leads, and choose the URL anew or delete it.",
            Self::WebhookSecret => "Rotate the signing secret.",
        }
    }
}

/// One thing that grants a person something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// What sort of thing.
    pub kind: GrantKind,
    /// Its id, with prefix.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it grants, where the name does not say it.
    pub detail: Option<String>,
    /// Since when.
    pub since: Option<Time>,
    /// Until when; `None`: until somebody ends it.
    pub until: Option<Time>,
}

/// Everything that grants a person anything in an organization, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberAccess {
    /// Who.
    pub user_id: UserId,
    /// Their address; `None`: the account is gone.
    pub email: Option<Email>,
    /// When their membership ended last, as far as the audit log remembers.
    pub ended_at: Option<Time>,
    /// At most [`LISTED`] of each kind.
    pub granted: Vec<Granted>,
    /// How many there are of each kind that there is.
    pub totals: Vec<(GrantKind, i64)>,
    /// The moment.
    pub at: Time,
}

impl MemberAccess {
    /// Whether they are a member.
    pub fn is_member(&self) -> bool {
        self.totals.iter().any(|(kind, _)| *kind == GrantKind::Membership)
    }
    /// How many things there are in all.
    pub fn total(&self) -> i64 {
        self.totals.iter().map(|(_, total)| total).sum()
    }
    /// Whether the organization has anything to do with this person.
    pub fn is_known(&self) -> bool {
        self.ended_at.is_some() || self.totals.iter().any(|(kind, _)| *kind != GrantKind::PlatformOwner)
    }
}

//! Roles and capabilities. Built-in roles are `owner`, `admin` and `member`; a custom role is a named set of capabilities,
//! looked up live, so that an edit acts at once.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::core::id::id;
use crate::core::value::{BadValue, RoleSlug, bad};

id! {
    /// A custom role of an organization.
    RoleKind RoleId = "role"
}

macro_rules! capabilities {
    ($($variant:ident = $name:literal, $doc:literal;)*) => {
        /// One thing a role may allow.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Cap { $(#[doc = $doc] $variant,)* }
        impl Cap {
            /// Every capability there is.
            pub const ALL: &'static [Cap] = &[$(Cap::$variant),*];
            /// The contract's name.
            pub const fn as_str(self) -> &'static str { match self { $(Cap::$variant => $name),* } }
        }
        impl FromStr for Cap {
            type Err = BadValue;
            fn from_str(s: &str) -> Result<Self, BadValue> {
                match s { $($name => Ok(Cap::$variant),)* _ => bad("unknown_permission", format!("Use one of: {}.", [$($name),*].join(", "))) }
            }
        }
    };
}

capabilities! {
    SettingsManage = "org.settings.manage", "Change the organization's settings.";
    MembersView = "org.members.view", "See the members. Every member may; kept for clients that send it.";
    MembersManage = "org.members.manage", "Invite, add and remove members.";
    RolesManage = "org.roles.manage", "Create, edit and assign roles.";
    BillingManage = "billing.manage", "Manage billing.";
    ServicesView = "services.view", "See the services.";
    ServicesCreate = "services.create", "Create services.";
    ServicesManage = "services.manage", "Change services, their plans and API keys.";
    EndUsersView = "end_users.view", "See the end users.";
    EndUsersManage = "end_users.manage", "Manage end users and their sessions.";
    WebhooksManage = "webhooks.manage", "Manage webhooks.";
    IntegrationsManage = "integrations.manage", "Manage SCIM, SSO connections and SIEM.";
    AuditLogsView = "audit_logs.view", "Read the audit log.";
    RiskEventsView = "risk_events.view", "Read risk events.";
    RiskPoliciesManage = "risk_policies.manage", "Change the risk policy.";
}

/// A set of capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Caps(u32);

impl Caps {
    /// The empty set.
    pub const NONE: Caps = Caps(0);
    /// Every capability: what owners and admins hold.
    pub const ALL: Caps = Caps((1 << Cap::ALL.len()) - 1);

    /// What a program (an API key, a client) may hold at all: everything but handing out authority. Clamped at every use, so that a key
    /// made under an older rule follows the present one.
    pub const FOR_PROGRAMS: Caps = Caps(Caps::ALL.0 & !(1 << Cap::RolesManage as u32));

    /// Whether the set holds `cap`.
    pub const fn has(self, cap: Cap) -> bool {
        self.0 & (1 << cap as u32) != 0
    }
    /// Whether the set holds every capability of `other`.
    pub const fn covers(self, other: Caps) -> bool {
        other.0 & !self.0 == 0
    }
    /// What is in both sets.
    pub const fn within(self, other: Caps) -> Caps {
        Caps(self.0 & other.0)
    }
    /// What is in either set.
    #[must_use]
    pub const fn and(self, other: Caps) -> Caps {
        Caps(self.0 | other.0)
    }
    /// The capabilities in the contract's order.
    pub fn iter(self) -> impl Iterator<Item = Cap> {
        Cap::ALL.iter().copied().filter(move |cap| self.has(*cap))
    }
    /// The contract's names.
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Cap::as_str).collect()
    }
}

impl FromIterator<Cap> for Caps {
    fn from_iter<I: IntoIterator<Item = Cap>>(caps: I) -> Self {
        Caps(caps.into_iter().fold(0, |set, cap| set | 1 << cap as u32))
    }
}

/// A role as a membership or an invitation names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RoleName {
    /// Everything, deletion and hand-over included.
    Owner,
    /// Every capability, but not deletion, hand-over, or touching owners and admins.
    Admin,
    /// No capability.
    Member,
    /// A custom role, by its slug.
    Custom(RoleSlug),
}

impl RoleName {
    /// The contract's name.
    pub fn as_str(&self) -> &str {
        match self {
            RoleName::Owner => "owner",
            RoleName::Admin => "admin",
            RoleName::Member => "member",
            RoleName::Custom(slug) => slug.as_str(),
        }
    }
    /// The capabilities of a built-in role; `None` for a custom one, whose capabilities are looked up.
    pub fn builtin_caps(&self) -> Option<Caps> {
        match self {
            RoleName::Owner | RoleName::Admin => Some(Caps::ALL),
            RoleName::Member => Some(Caps::NONE),
            RoleName::Custom(_) => None,
        }
    }
    /// A name the database gave back.
    pub fn stored(text: String) -> Self {
        match text.as_str() {
            "owner" => RoleName::Owner,
            "admin" => RoleName::Admin,
            "member" => RoleName::Member,
            _ => RoleName::Custom(RoleSlug::stored(text)),
        }
    }
}

impl FromStr for RoleName {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "owner" => Ok(RoleName::Owner),
            "admin" => Ok(RoleName::Admin),
            "member" => Ok(RoleName::Member),
            custom => custom.parse().map(RoleName::Custom),
        }
    }
}
impl TryFrom<String> for RoleName {
    type Error = BadValue;
    fn try_from(s: String) -> Result<Self, BadValue> {
        s.parse()
    }
}
impl From<RoleName> for String {
    fn from(role: RoleName) -> String {
        role.as_str().to_owned()
    }
}
impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A role together with what it allows right now. Of a member who acts it is the membership's, and allows what their further roles do as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: RoleName,
    /// What it allows.
    pub caps: Caps,
}

impl Role {
    /// A built-in role.
    pub fn builtin(name: RoleName) -> Self {
        let caps = name.builtin_caps().unwrap_or(Caps::NONE);
        Self { name, caps }
    }
    /// Whether it is `owner`.
    pub fn is_owner(&self) -> bool {
        self.name == RoleName::Owner
    }
    /// Whether only an owner may touch a member who has it.
    pub fn is_privileged(&self) -> bool {
        matches!(self.name, RoleName::Owner | RoleName::Admin)
    }
}

/// A custom role of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomRole {
    /// Identifier.
    pub id: RoleId,
    /// The organization.
    pub org_id: crate::OrgId,
    /// What memberships name.
    pub slug: RoleSlug,
    /// Name for people.
    pub name: crate::core::value::Name,
    /// What it is for.
    pub description: Option<crate::core::value::Description>,
    /// What it allows.
    pub caps: Caps,
    /// When it was made.
    pub created_at: crate::Time,
    /// When it was last changed.
    pub updated_at: crate::Time,
}

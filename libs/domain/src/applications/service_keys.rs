//! API keys of services: how a service's own program reaches its users and subscriptions. A key opens the service API, for its one service,
//! and nothing else of the organization.
//!
//! Keys are not rotated: a service may have several, so a program changes over to a new one and the old one is deleted.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    ApiKeyId, OrgId, Result, ServiceId, Time, UserId,
    applications::api_keys,
    core::value::{BadValue, Name, bad},
    tenancy::roles::Cap,
};

/// How many keys a service may have.
pub const MAX_SERVICE_KEYS: i64 = 20;
/// For how many days a key can be made.
pub const MAX_DAYS: i64 = 3650;

macro_rules! permissions {
    ($($variant:ident = $name:literal, given by $($cap:ident)|+, $doc:literal;)*) => {
        /// One thing that a service's key may allow.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum ServicePermission { $(#[doc = $doc] $variant,)* }
        impl ServicePermission {
            /// Every permission there is.
            pub const ALL: &'static [ServicePermission] = &[$(ServicePermission::$variant),*];
            /// Its name.
            pub const fn as_str(self) -> &'static str { match self { $(ServicePermission::$variant => $name),* } }
            /// Whoever holds one of these may put it into a key (T20).
            pub const fn given_by(self) -> &'static [Cap] { match self { $(ServicePermission::$variant => &[$(Cap::$cap),+]),* } }
        }
        impl FromStr for ServicePermission {
            type Err = BadValue;
            fn from_str(s: &str) -> Result<Self, BadValue> {
                match s {
                    $($name => Ok(ServicePermission::$variant),)*
                    _ => bad("unknown_permission", format!("Use one of: {}.", [$($name),*].join(", "))),
                }
            }
        }
    };
}

permissions! {
    ReadUsers = "read:users", given by EndUsersView | EndUsersManage, "See the service's users.";
    WriteUsers = "write:users", given by EndUsersManage, "Add, change and remove the service's users.";
    ReadSubscriptions = "read:subscriptions", given by EndUsersView | EndUsersManage, "See who subscribes to what.";
    WriteSubscriptions = "write:subscriptions", given by EndUsersManage, "Change who subscribes to what.";
    ReadAnalytics = "read:analytics", given by AuditLogsView, "See totals.";
    ReadService = "read:service", given by ServicesView | ServicesManage, "See the service's settings.";
    WriteService = "write:service", given by ServicesManage, "Change the service's settings.";
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ServicePermissions(u16);

impl ServicePermissions {
    /// Whether the set holds `permission`.
    pub const fn has(self, permission: ServicePermission) -> bool {
        self.0 & (1 << permission as u16) != 0
    }
    /// The permissions in their order.
    pub fn iter(self) -> impl Iterator<Item = ServicePermission> {
        ServicePermission::ALL.iter().copied().filter(move |permission| self.has(*permission))
    }
    /// Their names.
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(ServicePermission::as_str).collect()
    }
}

impl FromIterator<ServicePermission> for ServicePermissions {
    fn from_iter<I: IntoIterator<Item = ServicePermission>>(permissions: I) -> Self {
        ServicePermissions(permissions.into_iter().fold(0, |set, permission| set | 1 << permission as u16))
    }
}

/// A key of a service, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceKey {
    /// Identifier.
    pub id: ApiKeyId,
    /// The organization.
    pub org_id: OrgId,
    /// The service that it opens.
    pub service_id: ServiceId,
    /// Unique in the service.
    pub name: Name,
    /// The first characters of the secret, to recognise it by.
    pub prefix: String,
    /// What it may do.
    pub permissions: ServicePermissions,
    /// Until when it works; `None`: until it is deleted.
    pub expires_at: Option<Time>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Time>,
    /// Who made it, and was shown its secret.
    pub created_by: UserId,
    /// When it was made.
    pub created_at: Time,
}

impl ServiceKey {
    /// Whether it may be used now. `Unauthenticated` (`api_key_invalid`): it has expired.
    pub fn usable(&self, now: Time) -> Result<()> {
        if self.expires_at.is_some_and(|at| at <= now) { Err(api_keys::invalid()) } else { Ok(()) }
    }
    /// Whether this use is to be recorded.
    pub fn use_is_due(&self, now: Time) -> bool {
        self.last_used_at.is_none_or(|at| (now - at).abs() >= api_keys::USE_RECORDED_EVERY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_its_names() {
        let all: ServicePermissions = ServicePermission::ALL.iter().copied().collect();
        assert_eq!(all.names().len(), ServicePermission::ALL.len());
        let read: ServicePermissions = all.names().iter().map(|name| name.parse::<ServicePermission>().unwrap()).collect();
        assert_eq!(read, all);
        assert!(!ServicePermissions::default().has(ServicePermission::ReadUsers));
        assert_eq!("read:everything".parse::<ServicePermission>().unwrap_err().code, "unknown_permission");
    }
}

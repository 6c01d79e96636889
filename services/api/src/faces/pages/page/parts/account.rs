//! What the page of somebody's own account is made of.

use serde::Serialize;

use crate::faces::pages::safe_url::SafeUrl;

/// Somebody's own account.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AccountFacts {
    /// What stands behind the dot of each form's `step`.
    pub form: String,
    /// Their address.
    pub email: String,
    /// Whether it can be changed without another sign-in.
    pub fresh: bool,
    /// Whether passkeys can be made here.
    pub offers_passkeys: bool,
    /// Their passkeys.
    pub passkeys: Vec<OwnPasskey>,
    /// Since when they have an authenticator app; `None`: they have none.
    pub app_since: Option<String>,
    /// Recovery codes that are left.
    pub codes: u64,
    /// Where they are signed in.
    pub sessions: Vec<OwnSession>,
}

/// A passkey.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OwnPasskey {
    /// Where it is changed.
    pub to: SafeUrl,
    /// Its name.
    pub name: String,
    /// When it was added.
    pub added: String,
    /// When it was used last.
    pub used: Option<String>,
}

/// A sign-in.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OwnSession {
    /// The value of `id`.
    pub id: String,
    /// With what; `None`: nobody knows.
    pub device: Option<String>,
    /// How.
    pub by: SignedInBy,
    /// From where.
    pub address: Option<String>,
    /// Since when.
    pub at: String,
    /// Whether it is this browser's.
    pub here: bool,
}

/// How somebody signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SignedInBy {
    /// By a password.
    Password,
    /// By a passkey.
    Passkey,
    /// Through an identity provider.
    Connection,
    /// By what was mailed.
    Mail,
}

impl SignedInBy {
    /// By the name in a session.
    pub(crate) fn named(method: &str) -> Self {
        match method {
            "passkey" => Self::Passkey,
            "connection" => Self::Connection,
            "mail" => Self::Mail,
            _ => Self::Password,
        }
    }
}

/// What was done with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccountDone {
    /// A session, or all others, ended.
    Ended,
    /// The authenticator app was taken away.
    AppOff,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey has another name.
    PasskeyNamed,
    /// A passkey was removed.
    PasskeyRemoved,
}

impl AccountDone {
    const ALL: [Self; 5] = [Self::Ended, Self::AppOff, Self::PasskeyAdded, Self::PasskeyNamed, Self::PasskeyRemoved];

    /// Its name in addresses.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::AppOff => "app_off",
            Self::PasskeyAdded => "passkey_added",
            Self::PasskeyNamed => "passkey_named",
            Self::PasskeyRemoved => "passkey_removed",
        }
    }
    /// The one of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.name() == name)
    }
}

//! Mail on its way: what a use case queues in its transaction, and the worker renders and sends.

use serde::{Deserialize, Serialize};

use crate::value::Email;

/// Which mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// Confirm the address of a new account: `link`, `hours`.
    VerifyEmail,
    /// Somebody tried to sign up with an address that has an account: `link` to sign in or reset.
    AccountExists,
    /// Set a new password: `link`, `minutes`.
    ResetPassword,
    /// The password was changed: `link`.
    PasswordChanged,
    /// Confirm a new address: `link`, `hours`.
    ChangeEmail,
    /// The address was changed; goes to the old one: `new_email`.
    EmailChanged,
    /// An invitation: `link`, `organization`, `inviter`, `days`.
    Invitation,
    /// An endpoint was disabled after days of failure: `organization`, `url`, `link`.
    WebhookDisabled,
}

/// A mail to be sent. Stored sealed, because `context` holds one-time links.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    /// Which mail.
    pub template: Template,
    /// To whom.
    pub to: Email,
    /// What the template shows.
    pub context: serde_json::Value,
}

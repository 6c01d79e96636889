//! Mail on its way: what a use case queues in its transaction, and the worker renders and sends.

use serde::{Deserialize, Serialize};

use super::mail_templates::Language;
use crate::core::value::Email;

/// Which mail, and the values that its context must hold; `link` is always a complete URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// Another address was asked for; goes to the present one: `new_email`.
    EmailChangeRequested,
    /// The address was changed; goes to the old one: `new_email`.
    EmailChanged,
    /// An invitation: `link`, `organization`, `inviter`, `days`.
    Invitation,
    /// An endpoint was disabled after days of failure: `organization`, `url`, `link`.
    WebhookDisabled,
    /// Too many deliveries wait at an endpoint: `organization`, `url`, `link`.
    WebhookBehind,
    /// A log stream was switched off after days of failure: `organization`, `name`, `url`, `link`.
    LogStreamDisabled,
    /// A test of an organization's own mail server: `organization`.
    SmtpTest,
    /// What proves a domain is missing: `organization`, `domain`, `record`, `days`, `link`.
    DomainFailing,
    /// A domain does not count as verified any more: `organization`, `domain`, `record`, `link`.
    DomainLapsed,
    /// The last certificate of a connection ends soon: `organization`, `name`, `days`, `link`.
    CertificateEnding,
    /// What a connection's provider publishes is no use, or was changed: `organization`, `name`, `reason`, `link`.
    ConnectionFailing,
    /// A sign-in looked risky, and this code shows that whoever signs in reads the account's mails: `code`, `minutes`, `link`.
    SignInCode,
    /// Signs somebody in who asked for it in place of a password: `code`, `minutes`, `link`.
    MailedSignIn,
    /// Signs somebody in: `link`, `minutes`.
    MagicLink,
    /// The account has an authenticator app: `link`.
    MfaEnabled,
    /// It has no second factor any more: `link`.
    MfaDisabled,
    /// It has new recovery codes: `link`.
    RecoveryCodesRenewed,
    /// Its password works no more, for whoever guesses at its second factor knows it: `link`.
    PasswordDistrusted,
    /// The account has another passkey: `name`, `link`.
    PasskeyAdded,
    /// It has it no more: `name`, `link`.
    PasskeyRemoved,
}

impl Template {
    /// Every template.
    pub const ALL: [Self; 25] = [
        Self::VerifyEmail,
        Self::AccountExists,
        Self::ResetPassword,
        Self::PasswordChanged,
        Self::ChangeEmail,
        Self::EmailChangeRequested,
        Self::EmailChanged,
        Self::Invitation,
        Self::WebhookDisabled,
        Self::WebhookBehind,
        Self::LogStreamDisabled,
        Self::SmtpTest,
        Self::DomainFailing,
        Self::DomainLapsed,
        Self::CertificateEnding,
        Self::ConnectionFailing,
        Self::SignInCode,
        Self::MailedSignIn,
        Self::MagicLink,
        Self::MfaEnabled,
        Self::MfaDisabled,
        Self::RecoveryCodesRenewed,
        Self::PasswordDistrusted,
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
    ];

    /// Whether its link, or its code, opens an account to whoever reads it.
    pub const fn opens_account(self) -> bool {
        matches!(
            self,
            Self::VerifyEmail | Self::ResetPassword | Self::ChangeEmail | Self::SignInCode | Self::MailedSignIn | Self::MagicLink
        )
    }

    /// The name of its files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::AccountExists => "account_exists",
            Self::ResetPassword => "reset_password",
            Self::PasswordChanged => "password_changed",
            Self::ChangeEmail => "change_email",
            Self::EmailChangeRequested => "email_change_requested",
            Self::EmailChanged => "email_changed",
            Self::Invitation => "invitation",
            Self::WebhookDisabled => "webhook_disabled",
            Self::WebhookBehind => "webhook_behind",
            Self::LogStreamDisabled => "log_stream_disabled",
            Self::SmtpTest => "smtp_test",
            Self::DomainFailing => "domain_failing",
            Self::DomainLapsed => "domain_lapsed",
            Self::CertificateEnding => "certificate_ending",
            Self::ConnectionFailing => "connection_failing",
            Self::SignInCode => "sign_in_code",
            Self::MailedSignIn => "mailed_sign_in",
            Self::MagicLink => "magic_link",
            Self::MfaEnabled => "mfa_enabled",
            Self::MfaDisabled => "mfa_disabled",
            Self::RecoveryCodesRenewed => "recovery_codes_renewed",
            Self::PasswordDistrusted => "password_distrusted",
            Self::PasskeyAdded => "passkey_added",
            Self::PasskeyRemoved => "passkey_removed",
        }
    }
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
    /// What its reader asked for; `None`: nobody knows. Mails of older versions have none.
    #[serde(default)]
    pub language: Option<Language>,
}

//! The mails' texts. Each template is a pair in `templates/`: `.txt`, whose first line is the subject, and `.html`, where every
//! value is escaped. A value that the caller forgot is an error, not a gap in the mail.

use std::sync::LazyLock;

use domain::Error;
use minijinja::{Environment, UndefinedBehavior, value::Serde};

use super::{RenderedMail, names};

/// Which mail. Each names the values that its context must hold; `link` is always a complete URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Template {
    /// Confirm the address of a new account: `link`, `hours`.
    VerifyEmail,
    /// Somebody registered an address that has an account: `link` (to sign in).
    AccountExists,
    /// Set a new password: `link`, `minutes`.
    ResetPassword,
    /// The password was changed: `link` (to reset it).
    PasswordChanged,
    /// To the new address, to confirm it: `link`, `hours`.
    ChangeEmail,
    /// To the old address: `new_email`.
    EmailChanged,
    /// An invitation: `organization`, `inviter` (may be empty), `link`, `days`.
    Invitation,
    /// A webhook endpoint was switched off after failing for long: `organization`, `url`, `link` (to its settings).
    WebhookDisabled,
}

impl Template {
    /// Every template.
    pub const ALL: [Self; 8] = [
        Self::VerifyEmail,
        Self::AccountExists,
        Self::ResetPassword,
        Self::PasswordChanged,
        Self::ChangeEmail,
        Self::EmailChanged,
        Self::Invitation,
        Self::WebhookDisabled,
    ];

    /// Its stable name, as it stands in a stored job.
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::AccountExists => "account_exists",
            Self::ResetPassword => "reset_password",
            Self::PasswordChanged => "password_changed",
            Self::ChangeEmail => "change_email",
            Self::EmailChanged => "email_changed",
            Self::Invitation => "invitation",
            Self::WebhookDisabled => "webhook_disabled",
        }
    }

    /// The template of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.name() == name)
    }
}

/// What a template makes: everything of a mail but its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The subject, one line.
    pub subject: String,
    /// The text body.
    pub text: String,
    /// The HTML body.
    pub html: String,
}

impl Parts {
    /// The mail to `to`.
    pub fn addressed(self, to: impl Into<String>, message_id: impl Into<String>) -> RenderedMail {
        let Self { subject, text, html } = self;
        RenderedMail { to: to.into(), subject, text, html, message_id: message_id.into() }
    }
}

macro_rules! sources {
    ($($name:literal)*) => { [$(
        (concat!($name, ".txt"), include_str!(concat!("templates/", $name, ".txt"))),
        (concat!($name, ".html"), include_str!(concat!("templates/", $name, ".html"))),
    )*] };
}

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("name", |name: &str| names::clean(name));
    let sources = sources!("verify_email" "account_exists" "reset_password" "password_changed"
        "change_email" "email_changed" "invitation" "webhook_disabled");
    let layout = ("layout.html", include_str!("templates/layout.html"));
    for (name, source) in sources.into_iter().chain([layout]) {
        // The templates are part of the program, and a test renders each.
        environment.add_template(name, source).unwrap_or_else(|e| panic!("mail template {name}: {e}"));
    }
    environment
});

/// Fills `template` with the values of `context`, a JSON object.
#[allow(clippy::needless_pass_by_value, reason = "callers build the context for this call")]
pub fn render(template: Template, context: serde_json::Value) -> Result<Parts, Error> {
    let fill = |suffix: &str| -> Result<String, minijinja::Error> {
        ENVIRONMENT.get_template(&format!("{}.{suffix}", template.name()))?.render(Serde(&context))
    };
    let (text, html) = (fill("txt").map_err(Error::internal)?, fill("html").map_err(Error::internal)?);
    let (subject, text) = text.split_once('\n').unwrap_or((&text, ""));
    Ok(Parts { subject: names::one_line(subject), text: format!("{}\n", text.trim()), html })
}

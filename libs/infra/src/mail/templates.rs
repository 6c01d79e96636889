//! The mails' texts. Each template is a pair in `templates/`: `.txt`, whose first line is the subject, and `.html`, where every
//! value is escaped. A value that the caller forgot is an error, not a gap in the mail.

use std::sync::LazyLock;

use domain::Error;
use minijinja::{Environment, UndefinedBehavior, value::Serde};

pub use domain::delivery::mails::Template;

use domain::delivery::mail_templates::{MailText, Shown};

use super::{RenderedMail, names};

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
    environment.add_filter("name", |name: &str| names::name(name));
    environment.add_filter("address", |address: &str| names::address(address));
    let sources = sources!("verify_email" "account_exists" "reset_password" "password_changed"
        "change_email" "email_change_requested" "email_changed" "invitation" "webhook_disabled" "webhook_behind" "smtp_test"
        "log_stream_disabled" "domain_failing" "domain_lapsed" "certificate_ending" "connection_failing" "sign_in_code" "mailed_sign_in" "magic_link"
        "mfa_enabled" "mfa_disabled" "recovery_codes_renewed" "password_distrusted" "passkey_added" "passkey_removed");
    let layout = ("layout.html", include_str!("templates/layout.html"));
    for (name, source) in sources.into_iter().chain([layout]) {
        // The templates are part of the program, and a test renders each.
        environment.add_template(name, source).unwrap_or_else(|e| panic!("mail template {name}: {e}"));
    }
    environment
});

/// A mail with a text of its organization's own instead of ours. Names are made as harmless as in ours.
pub fn own_text(says: &MailText, context: &serde_json::Value, ours: &RenderedMail) -> RenderedMail {
    let clean = |name: &str, value: &str| match name {
        "link" => value.to_owned(),
        "organization" => names::name(value),
        _ => names::address(value),
    };
    let Shown { subject, text, html } = says.shown(context, clean);
    RenderedMail { subject: names::one_line(&subject), text, html, ..ours.clone() }
}

/// Fills `template` with the values of `context`, a JSON object.
pub fn render(template: Template, context: serde_json::Value) -> Result<Parts, Error> {
    let fill = |suffix: &str| -> Result<String, minijinja::Error> {
        ENVIRONMENT.get_template(&format!("{}.{suffix}", template.name()))?.render(Serde(&context))
    };
    let (text, html) = (fill("txt").map_err(Error::internal)?, fill("html").map_err(Error::internal)?);
    let (subject, text) = text.split_once('\n').unwrap_or((&text, ""));
    Ok(Parts { subject: names::one_line(subject), text: format!("{}\n", text.trim()), html })
}

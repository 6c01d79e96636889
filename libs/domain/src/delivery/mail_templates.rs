//! Texts of an organization's own for its mails, one for each language. They leave through its own mail server only: the platform's carries
//! no text that a customer wrote, which could be a fraud's. A text is plain but for `{{ variables }}`, so that it can do nothing but be read.

mod language;
mod source;

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::{
    language::Language,
    source::{Bad, Piece, filled, pieces},
};
use super::mails::Template;
use crate::{
    Time, Violation,
    core::{
        id::id,
        text,
        value::{BadValue, bad},
    },
    tenancy::smtp::Ceiling,
};

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $max:literal, $parse:path;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name(String);
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str { &self.0 }
            /// A text the database gave back.
            pub fn stored(text: String) -> Self { Self(text) }
        }
        impl FromStr for $name {
            type Err = BadValue;
            fn from_str(s: &str) -> Result<Self, BadValue> {
                if s.chars().count() > $max {
                    return bad("too_long", concat!("Use at most ", $max, " characters."));
                }
                $parse(s)?;
                Ok(Self(s.to_owned()))
            }
        }
    )* };
}

texts! {
    /// A subject: one line.
    Subject = 200, one_line;
    /// A body without HTML.
    PlainBody = 20_000, lines;
    /// A body with HTML.
    HtmlBody = 60_000, lines;
}

fn one_line(s: &str) -> Result<(), BadValue> {
    if s.trim().is_empty() || !text::shows(s) {
        return bad("too_short", "Use at least one character that can be seen.");
    }
    if text::is_plain(s) { Ok(()) } else { bad("bad_characters", "Use one line without characters that are not seen.") }
}

fn lines(s: &str) -> Result<(), BadValue> {
    if s.trim().is_empty() {
        return bad("too_short", "Use at least one character.");
    }
    let hidden = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if s.chars().any(hidden) { bad("bad_characters", "Control characters are not allowed.") } else { Ok(()) }
}

/// What a mail says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailText {
    /// The subject.
    pub subject: Subject,
    /// The body for readers without HTML.
    pub text: PlainBody,
    /// The body for the others; `None`: they get the same.
    pub html: Option<HtmlBody>,
}

id! {
    /// A text of an organization's own for one of its mails.
    MailTemplateKind MailTemplateId = "mtp"
}

/// A text of an organization's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnText {
    /// Identifier.
    pub id: MailTemplateId,
    /// Of which mail.
    pub template: Template,
    /// In which language.
    pub language: Language,
    /// What it says.
    pub says: MailText,
    /// What whoever wrote it held: a text could send a link elsewhere (T20).
    pub ceiling: Ceiling,
    /// When it was last changed.
    pub updated_at: Time,
}

impl MailText {
    /// Every violation: variables that the mail does not have, and a link that is missing.
    pub fn check(&self, template: Template) -> Vec<Violation> {
        let mut found = Vec::new();
        let link = template.variables().contains(&"link");
        let html = self.html.as_ref().map(HtmlBody::as_str);
        for (field, source, has_link) in
            [("subject", Some(self.subject.as_str()), false), ("text", Some(self.text.as_str()), link), ("html", html, link)]
        {
            let Some(source) = source else { continue };
            match pieces(source) {
                Err(Bad::Open) => {
                    found.push(Violation::new(field, "bad_variable", "`{{` begins a variable and must be closed by `}}`."));
                }
                Ok(pieces) => {
                    let names: Vec<&str> = pieces.iter().filter_map(Piece::name).collect();
                    let known = |name: &&&str| template.variables().contains(name) && (field != "subject" || **name != "link");
                    if let Some(name) = names.iter().find(|name| !known(name)) {
                        let rule = format!("There is no `{name}` here. Use: {}.", template.variables().join(", "));
                        found.push(Violation::new(field, "unknown_variable", rule));
                    }
                    if has_link && !names.contains(&"link") {
                        found.push(Violation::new(field, "link_missing", "Without `{{ link }}` the mail is of no use."));
                    }
                }
            }
        }
        found
    }

    /// The same with values that show what it looks like.
    pub fn preview(&self, template: Template) -> Shown {
        self.shown(&template.sample(), |_, value| value.to_owned())
    }

    /// With the values of a mail; `clean` makes a name harmless.
    pub fn shown(&self, values: &Value, clean: impl Fn(&str, &str) -> String) -> Shown {
        let value = |name: &str| match values.get(name) {
            Some(Value::String(text)) => clean(name, text),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let text = filled(self.text.as_str(), &value, false);
        let html = match &self.html {
            Some(html) => filled(html.as_str(), &value, true),
            None => {
                format!("<!doctype html>\n<pre style=\"white-space:pre-wrap;font:inherit\">{}</pre>\n", source::escaped(&text))
            }
        };
        Shown { subject: filled(self.subject.as_str(), &value, false), text, html }
    }
}

/// A text with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The subject.
    pub subject: String,
    /// The body without HTML.
    pub text: String,
    /// The body with HTML.
    pub html: String,
}

impl Template {
    /// Those whose text an organization can replace.
    pub const OWN: [Self; 11] = [
        Self::Invitation,
        Self::ResetPassword,
        Self::PasswordChanged,
        Self::WebhookDisabled,
        Self::WebhookBehind,
        Self::LogStreamDisabled,
        Self::SmtpTest,
        Self::DomainFailing,
        Self::DomainLapsed,
        Self::CertificateEnding,
        Self::ConnectionFailing,
    ];

    /// What its text can name.
    pub const fn variables(self) -> &'static [&'static str] {
        match self {
            Self::VerifyEmail | Self::ChangeEmail => &["link", "hours"],
            Self::AccountExists
            | Self::PasswordChanged
            | Self::MfaEnabled
            | Self::MfaDisabled
            | Self::RecoveryCodesRenewed
            | Self::PasswordDistrusted => &["link"],
            Self::ResetPassword | Self::MagicLink => &["link", "minutes"],
            Self::EmailChangeRequested | Self::EmailChanged => &["new_email"],
            Self::Invitation => &["link", "organization", "inviter", "days"],
            Self::WebhookDisabled | Self::WebhookBehind => &["organization", "url", "link"],
            Self::LogStreamDisabled => &["organization", "name", "url", "link"],
            Self::SmtpTest => &["organization"],
            Self::DomainFailing => &["organization", "domain", "record", "days", "link"],
            Self::DomainLapsed => &["organization", "domain", "record", "link"],
            Self::CertificateEnding => &["organization", "name", "days", "link"],
            Self::ConnectionFailing => &["organization", "name", "reason", "link"],
            Self::SignInCode | Self::MailedSignIn => &["code", "minutes", "link"],
            Self::PasskeyAdded | Self::PasskeyRemoved => &["name", "link"],
        }
    }

    /// Values that look like real ones.
    pub fn sample(self) -> Value {
        json!({
            "link": "https://sso.example.com/link?token=0000", "hours": 24, "minutes": 30, "days": 7, "organization": "Acme Inc.",
            "inviter": "ann@acme.example", "name": "Splunk", "url": "https://hooks.acme.example", "new_email": "ann@new.example",
            "domain": "auth.acme.example", "record": "_sso-verification.auth.acme.example", "code": "123456",
            "reason": "The provider does not answer.",
        })
    }
}

impl FromStr for Template {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match Self::ALL.into_iter().find(|template| template.name() == s) {
            Some(template) => Ok(template),
            None => bad("unknown_template", "There is no such mail."),
        }
    }
}

#[cfg(test)]
mod tests;

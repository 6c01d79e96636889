//! An organization's own mail server: setting it, trying it out, and what becomes of it while mails leave through it ([`sending`]).
//!
//! Whoever may change the settings does not know the password that others entered, and must not learn it by pointing the settings at a
//! server of their own: the password stays only as long as host, port, encryption and user name do.

pub mod sending;
mod trial;

use domain::{
    Error, Event, Result,
    authorization::{policy::decide, resource::Smtp},
    core::value::Slug,
    tenancy::smtp::{Ceiling, Health, Sender, Server, SmtpPassword, SmtpSettings},
};
use store::{Change, NoEvent};

use crate::{App, Caller};

/// What an organization sets.
pub struct NewSmtp {
    /// The server.
    pub server: Server,
    /// The password there; `None`: the one that is known, if the server is the same.
    pub password: Option<SmtpPassword>,
    /// Who mails are from.
    pub sender: Sender,
}

impl App {
    /// The settings, without the password.
    pub async fn get_smtp(&self, c: &Caller, slug: &Slug) -> Result<Option<SmtpSettings>> {
        let standing = self.standing(c, slug).await?;
        self.store.smtp_settings(decide(&standing)?).await
    }

    /// Lets the organization's mails leave through a server of its own. `Invalid` for an address that may not be called.
    pub async fn set_smtp(&self, c: &Caller, slug: &Slug, new: &NewSmtp) -> Result<()> {
        self.mail_servers.check(&new.server).map_err(|violation| Error::invalid(vec![violation]))?;
        self.in_org::<Smtp, _>(c, slug, async |tx, scope| {
            let known = tx.lock_smtp_settings(scope).await?;
            let same = known.as_ref().is_some_and(|known| known.server == new.server);
            let settings = SmtpSettings {
                org_id: scope.org(),
                server: new.server.clone(),
                sender: new.sender.clone(),
                ceiling: Ceiling::of(scope.authority()),
                revision: tx.uuid(),
                health: Health::default(),
                updated_at: tx.now(),
            };
            match (&new.password, new.server.username.as_str()) {
                (None, user) if !user.is_empty() && same => tx.set_smtp_sender(scope, &settings).await?,
                (password, user) => tx.put_smtp_server(scope, &settings, needed(password.as_ref(), user)?).await?,
            }
            let event = Event::SmtpConfigured {
                organization_id: scope.org(),
                host: settings.server.host.to_string(),
                port: settings.server.port.0.into(),
                security: settings.server.security.as_str().to_owned(),
                username: settings.server.username.as_str().to_owned(),
                from_email: settings.sender.email.to_string(),
            };
            Ok(Change::new((), scope.org(), event))
        })
        .await
    }

    /// Lets the organization's mails leave through the platform's server again.
    pub async fn delete_smtp(&self, c: &Caller, slug: &Slug) -> Result<()> {
        self.in_org::<Smtp, _>(c, slug, async |tx, scope| {
            let Some(known) = tx.lock_smtp_settings(scope).await? else {
                return Ok(Change::silent((), NoEvent::Unchanged));
            };
            tx.delete_smtp_settings(scope).await?;
            let event = Event::SmtpRemoved { organization_id: scope.org(), host: known.server.host.to_string() };
            Ok(Change::new((), scope.org(), event))
        })
        .await
    }
}

/// The password, if somebody signs in.
fn needed<'p>(password: Option<&'p SmtpPassword>, user: &str) -> Result<Option<&'p SmtpPassword>> {
    match password.filter(|password| !password.is_empty()) {
        None if user.is_empty() => Ok(None),
        Some(_) if user.is_empty() => Err(Error::field("username", "required", "Send the user name that the password is for.")),
        Some(password) => Ok(Some(password)),
        None => {
            let rule =
                "Send the password at this server. It is only kept while host, port, security and username stay as they are.";
            Err(Error::field("password", "required", rule))
        }
    }
}

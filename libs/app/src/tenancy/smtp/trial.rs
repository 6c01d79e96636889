//! Trying a mail server out: a test mail, and how each step of handing it over went.

use std::time::Duration;

use domain::{
    Error, Event, Result,
    authorization::{
        policy::{decide, may_try},
        resource::Smtp,
    },
    core::{
        ports::RateRequest,
        rate::Limit,
        value::{Email, Slug},
    },
    delivery::mails::Template,
    tenancy::smtp::Trial,
};
use serde_json::json;
use store::Change;

use crate::{App, Caller, mail};

/// Test mails of one organization: ten at once, then one each half a minute.
const PER_ORGANIZATION: Limit = Limit { burst: 10, period: Duration::from_secs(30) };

impl App {
    /// Sends a test mail through the organization's server: to the caller, if nobody else is named. That it works is noted; that it does not
    /// is for the caller alone. `Conflict` (`smtp_not_configured`), `RateLimited`.
    pub async fn test_smtp(&self, c: &Caller, slug: &Slug, to: Option<Email>) -> Result<Trial> {
        let standing = self.standing(c, slug).await?;
        may_try::<Smtp>(&standing)?;
        let facts = standing.facts();
        let to = match to {
            Some(email) => email,
            None => match facts.principal.require_person() {
                Ok(person) => person.email.clone(),
                Err(_) => return Err(Error::field("to", "required", "A program says who gets the test mail.")),
            },
        };
        let relay = self.store.own_smtp_relay(decide(&standing)?).await?;
        let relay = relay.ok_or_else(|| Error::conflict("smtp_not_configured", "Set the mail server first."))?;
        let by = RateRequest::new(format!("smtp-test:{}", facts.view.organization.id), PER_ORGANIZATION);
        self.admit("mails", &[by]).await?;
        let message = mail(Template::SmtpTest, &to, json!({ "organization": facts.view.organization.name }));
        let (settings, password) = (&relay.settings, relay.password.as_ref());
        // It takes as long as the server does: no transaction waits for it.
        let trial = self.mail_servers.try_out(&settings.server, password, &settings.sender, &message).await;
        self.in_org::<Smtp, _>(c, slug, async |tx, scope| {
            let failure = trial.failure.as_ref();
            let tested = Event::SmtpTested {
                organization_id: scope.org(),
                host: settings.server.host.to_string(),
                succeeded: failure.is_none(),
                step: failure.map(|failure| failure.step.as_str().to_owned()),
                reason: failure.map(|failure| failure.reason.as_str().to_owned()),
                reply: failure.and_then(|failure| failure.reply.map(|reply| reply.to_string())),
            };
            let change = Change::new((), scope.org(), tested);
            let news = settings.health.after_success(tx.now()).filter(|_| failure.is_none());
            let Some(news) = news else { return Ok(change) };
            if tx.note_smtp_works(scope, settings, &news).await? && settings.health.is_failing() {
                let host = settings.server.host.to_string();
                return Ok(change.and(scope.org(), Event::SmtpRestored { organization_id: scope.org(), host }));
            }
            Ok(change)
        })
        .await?;
        Ok(trial)
    }
}

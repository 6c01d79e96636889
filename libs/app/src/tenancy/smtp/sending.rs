//! Whether a mail leaves through its organization's own server, and what becomes of the server by what it does with it. Asked by the
//! worker, which does the sending.

use std::sync::Arc;

use domain::{
    Event, OrgId, PLATFORM, Result, Time,
    authorization::policy::SystemScope,
    delivery::{
        mail_templates::MailText,
        mails::{Mail, Template},
    },
    tenancy::smtp::{Ceiling, Failure, Remedy, SmtpSettings},
};
use store::{Change, NoEvent, Store, WriteTx, tenancy::smtp::Relay};

/// A mail that its organization's server has not taken in so many attempts (some seven minutes) leaves through the platform's: the links
/// in mails do not live much longer.
const PATIENT_ATTEMPTS: i32 = 5;

/// How a mail of an organization leaves.
#[derive(Debug)]
pub struct Way {
    /// Through this server.
    pub relay: Relay,
    /// With this text; `None`: ours.
    pub says: Option<MailText>,
}

/// The server that a mail of an organization leaves through; `None`: the platform's. It is not asked while it fails, nor for what whoever
/// chose it may not read: a link into an account that holds more than they do, and one that is to prove a mailbox.
pub async fn way(store: &Store, scope: SystemScope, now: Time, org: OrgId, mail: &Mail) -> Result<Option<Way>> {
    if org == PLATFORM {
        return Ok(None);
    }
    let Some(relay) = store.smtp_relay(scope, org).await?.filter(|relay| relay.settings.health.is_tried(now)) else {
        return Ok(None);
    };
    let own = store.mail_text(scope, org, mail.template, mail.language).await?;
    if !mail.template.opens_account() {
        return Ok(Some(Way { relay, says: own.map(|own| own.says) }));
    }
    let Some(holder) = store.holder_of_address(scope, org, &mail.to).await?.filter(|holder| holder.is_proven) else {
        return Ok(None);
    };
    let covers = |ceiling: &Ceiling| ceiling.covers(holder.role.as_ref());
    let says = own.filter(|own| covers(&own.ceiling)).map(|own| own.says);
    Ok(covers(&relay.settings.ceiling).then_some(Way { relay, says }))
}

/// What becomes of a mail that its organization's server did not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nobody gets it.
    GiveUp,
    /// It leaves through the platform's server, now.
    Elsewhere,
    /// It waits for the next attempt.
    Again,
}

/// Notes that an organization's server took a mail.
pub async fn sent(store: &Store, scope: SystemScope, now: Time, of: &SmtpSettings) -> Result<()> {
    let Some(news) = of.health.after_success(now) else { return Ok(()) };
    if of.health.down_since.is_none() {
        return store.note_smtp_success(scope, of, &news).await;
    }
    let work = async |tx: Arc<WriteTx>| {
        let Some(health) = tx.lock_smtp_health(scope, of).await? else { return Ok(unchanged(())) };
        let Some(news) = health.after_success(now) else { return Ok(unchanged(())) };
        tx.note_smtp_health(scope, of, &news).await?;
        if !health.is_failing() {
            return Ok(Change::silent((), NoEvent::Housekeeping));
        }
        let event = Event::SmtpRestored { organization_id: of.org_id, host: of.server.host.to_string() };
        Ok(Change::new((), of.org_id, event))
    };
    store.write_as_job(scope, now, work).await
}

/// Notes that an organization's server did not take a mail at its attempt `number` (from 1), and says what becomes of the mail.
pub async fn failed(
    store: &Store,
    scope: SystemScope,
    now: Time,
    of: &SmtpSettings,
    failure: Failure,
    (template, number): (Template, i32),
) -> Result<Next> {
    let work = async |tx: Arc<WriteTx>| {
        let waits = number < PATIENT_ATTEMPTS;
        match failure.remedy() {
            Remedy::GiveUp => Ok(unchanged(Next::GiveUp)),
            Remedy::Again if waits => Ok(unchanged(Next::Again)),
            Remedy::Again | Remedy::Elsewhere => Ok(Change::new(Next::Elsewhere, of.org_id, bypassed(of, failure, template))),
            Remedy::Down | Remedy::Broken => {
                let next = if waits { Next::Again } else { Next::Elsewhere };
                let known = tx.lock_smtp_health(scope, of).await?;
                let news = known.as_ref().and_then(|health| health.after_failure(&failure, now));
                let (Some(before), Some(news)) = (known, news) else { return Ok(unchanged(next)) };
                tx.note_smtp_health(scope, of, &news).await?;
                Ok(match (before.is_failing(), news.is_failing()) {
                    (false, true) => Change::new(Next::Elsewhere, of.org_id, failing(of, failure)),
                    (true, _) => Change::silent(Next::Elsewhere, NoEvent::Housekeeping),
                    (false, false) => Change::silent(next, NoEvent::Housekeeping),
                })
            }
        }
    };
    store.write_as_job(scope, now, work).await
}

fn unchanged<T>(value: T) -> Change<T> {
    Change::silent(value, NoEvent::Unchanged)
}

fn failing(of: &SmtpSettings, failure: Failure) -> Event {
    Event::SmtpFailed {
        organization_id: of.org_id,
        host: of.server.host.to_string(),
        step: failure.step.as_str().to_owned(),
        reason: failure.reason.as_str().to_owned(),
        reply: failure.reply.map(|reply| reply.to_string()),
    }
}

fn bypassed(of: &SmtpSettings, failure: Failure, template: Template) -> Event {
    Event::SmtpBypassed {
        organization_id: of.org_id,
        host: of.server.host.to_string(),
        template: template.name().to_owned(),
        step: failure.step.as_str().to_owned(),
        reason: failure.reason.as_str().to_owned(),
        reply: failure.reply.map(|reply| reply.to_string()),
    }
}

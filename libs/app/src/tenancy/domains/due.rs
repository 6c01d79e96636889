//! Looking again at what was proven: every day, whoever's it is. A domain whose proof is missing for a week lapses.

use chrono::{SecondsFormat, TimeDelta};
use domain::{
    Event, Result, Time,
    authorization::policy::SystemScope,
    core::ports::Proofs,
    delivery::mails::Template,
    tenancy::domains::{Checked, Domain, Failing, Finding},
};
use futures::{StreamExt, stream};
use serde_json::json;
use store::{Change, NoEvent, Store, WriteTx};

use crate::mail;

/// Looks at once. Each ends within some seconds, so one that hangs holds up nobody but itself.
const AT_ONCE: usize = 16;

/// How long a claimed domain is left to whoever claimed it: longer than looking at a whole batch can take.
const LEASE: TimeDelta = TimeDelta::minutes(10);

/// How to look, and where the mails about it lead to.
#[derive(Clone, Copy)]
pub struct Looking<'a> {
    /// The way to proofs.
    pub proofs: &'a dyn Proofs,
    /// The web client.
    pub link: &'a str,
}

/// Looks at no more than `limit` domains that are due. Answers how many there were.
pub async fn check_due(store: &Store, scope: SystemScope, now: Time, by: Looking<'_>, limit: u64) -> Result<u64> {
    let claimed = store.claim_due_domains(scope, now, now + LEASE, limit).await?;
    let count = claimed.len() as u64;
    let looks = claimed.into_iter().map(|domain| async move {
        let found = by.proofs.find(&domain.challenge()).await;
        settle(store, scope, now, &domain, (found, by.link)).await
    });
    // What cannot be written comes again when the claim ends, and must not take the others along.
    let outcomes: Vec<Result<()>> = stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
    outcomes.into_iter().collect::<Result<()>>().map(|()| count)
}

async fn settle(store: &Store, scope: SystemScope, now: Time, claimed: &Domain, found: (Finding, &str)) -> Result<()> {
    let work = async |tx: std::sync::Arc<WriteTx>| {
        let Some(domain) = tx.lock_due_domain(scope, claimed).await? else {
            return Ok(Change::silent((), NoEvent::Unchanged));
        };
        note(&tx, scope, domain, found).await
    };
    store.write_as_job(scope, now, work).await
}

/// Writes what a look came to, and tells of it.
async fn note(tx: &WriteTx, scope: SystemScope, mut domain: Domain, (found, link): (Finding, &str)) -> Result<Change<()>> {
    let checked = domain.check(found.proof(), tx.now());
    let event = if checked == Checked::Lapsed {
        let ended_resource_uris = tx.lapse_domain(scope, &domain).await?;
        tell_owners(tx, scope, &domain, None, link).await?;
        let (kind, name) = (domain.kind.as_str(), domain.name.to_string());
        Some(Event::DomainLapsed { domain_id: domain.id, kind, domain: name, ended_resource_uris })
    } else {
        tx.save_due_domain(scope, &domain).await?;
        match (checked, domain.failing) {
            (Checked::Recovered, _) => Some(super::recovered(&domain)),
            (Checked::Failing { told: true }, Some(failing)) => {
                tell_owners(tx, scope, &domain, Some(failing), link).await?;
                Some(check_failed(&domain, failing))
            }
            _ => None,
        }
    };
    Ok(match event {
        Some(event) => Change::new((), domain.org_id, event),
        None => Change::silent((), NoEvent::Housekeeping),
    })
}

/// Tells them what is missing, or (not failing any more) that the domain has lapsed.
async fn tell_owners(tx: &WriteTx, scope: SystemScope, d: &Domain, failing: Option<Failing>, link: &str) -> Result<()> {
    let (name, record) = (d.name.as_str(), d.challenge().record);
    for owner in tx.owners(scope, d.org_id).await? {
        let mut context = json!({ "organization": owner.organization, "domain": name, "record": record, "link": link });
        let template = match failing {
            Some(failing) => {
                context["days"] = json!((failing.lapses_at() - tx.now()).num_days());
                Template::DomainFailing
            }
            None => Template::DomainLapsed,
        };
        tx.queue_mail(d.org_id, &mail(template, &owner.email, context)).await?;
    }
    Ok(())
}

fn check_failed(d: &Domain, failing: Failing) -> Event {
    let time = |at: Time| at.to_rfc3339_opts(SecondsFormat::Micros, true);
    Event::DomainCheckFailed {
        domain_id: d.id,
        kind: d.kind.as_str(),
        domain: d.name.to_string(),
        failing_since: time(failing.since),
        lapses_at: time(failing.lapses_at()),
    }
}

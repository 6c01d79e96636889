//! Looking again at what providers publish, and at how long certificates last: whoever's they are, by the clock.

use chrono::{SecondsFormat, TimeDelta};
use domain::{
    Event, Result, Time,
    authorization::policy::SystemScope,
    core::ports::IdentityProviders,
    delivery::mails::Template,
    identity::connections::{
        Connection,
        certificates::{joined, warning_due},
        documents::{Keys, Miss, News, Published, REFRESH, RETRY},
    },
};
use futures::{StreamExt, stream};
use serde_json::json;
use store::{Change, NoEvent, Store, WriteTx};

use crate::mail;

/// Looks at once. Each ends within some seconds, so one that hangs holds up nobody but itself.
const AT_ONCE: usize = 8;

/// How long a claimed connection is left to whoever claimed it: longer than looking at a whole batch can take.
const LEASE: TimeDelta = TimeDelta::minutes(10);

/// How to look, and where the mails about it lead to.
#[derive(Clone, Copy)]
pub struct Looking<'a> {
    /// The way to providers.
    pub providers: &'a dyn IdentityProviders,
    /// The web client.
    pub link: &'a str,
}

/// What a look found; `None`: there was nothing to look for.
#[derive(Clone)]
struct Found {
    published: Option<std::result::Result<Published, Miss>>,
    keys: Option<std::result::Result<Keys, Miss>>,
}

/// Looks at no more than `limit` connections that are due. Answers how many there were.
pub async fn check_due(store: &Store, scope: SystemScope, now: Time, by: Looking<'_>, limit: u64) -> Result<u64> {
    let claimed = store.claim_due_connections(scope, now, now + LEASE, limit).await?;
    let count = claimed.len() as u64;
    let looks = claimed.into_iter().map(|connection| async move {
        let found = look(&connection, now, by.providers).await;
        settle(store, scope, now, &connection, (found, by.link)).await
    });
    // What cannot be written comes again when the claim ends, and must not take the others along.
    let outcomes: Vec<Result<()>> = stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
    outcomes.into_iter().collect::<Result<()>>().map(|()| count)
}

async fn look(of: &Connection, now: Time, providers: &dyn IdentityProviders) -> Found {
    let published = match &of.endpoints.discovery {
        Some(url) => Some(providers.fetch(of.protocol, url).await.and_then(|found| found.living(now))),
        None => None,
    };
    // From where they are known to be: another address waits.
    let keys = match of.documents.configuration.content.as_ref().and_then(|document| document.keys()) {
        Some(url) => Some(providers.keys(url).await),
        None => None,
    };
    Found { published, keys }
}

async fn settle(store: &Store, scope: SystemScope, now: Time, claimed: &Connection, found: (Found, &str)) -> Result<()> {
    let work = async |tx: std::sync::Arc<WriteTx>| {
        let Some(connection) = tx.lock_due_connection(scope, claimed).await? else {
            return Ok(Change::silent((), NoEvent::Unchanged));
        };
        note(&tx, scope, connection, found.clone()).await
    };
    store.write_as_job(scope, now, work).await
}

/// Writes what a look came to, and tells of it.
async fn note(tx: &WriteTx, scope: SystemScope, mut of: Connection, (found, link): (Found, &str)) -> Result<Change<()>> {
    let now = tx.now();
    let mut events = Vec::new();
    if let Some(published) = found.published {
        let certificates = published.as_ref().ok().map(|found| found.certificates.clone());
        let news = of.documents.configuration.refresh(published.map(|found| found.configuration), now);
        if let Some(certificates) = certificates.filter(|_| of.documents.configuration.failing.is_none()) {
            of.certificates = joined(&of.certificates, &certificates, now);
        }
        events.extend(tell_of_document(tx, scope, &of, ("configuration", news), link).await?);
    }
    if let Some(keys) = found.keys {
        let news = of.documents.keys.refresh(keys, now);
        events.extend(tell_of_document(tx, scope, &of, ("keys", news), link).await?);
    }
    let due = warning_due(&mut of.certificates, now).map(|(certificate, days)| {
        certificate.warned = Some(days);
        (certificate.sha256.clone(), certificate.not_after, days)
    });
    if let Some((sha256, not_after, days)) = due {
        let left = (not_after - now).num_days();
        tell_owners(tx, scope, &of, (Template::CertificateEnding, json!({ "days": left })), link).await?;
        let (connection_id, name) = named(&of);
        let not_after = not_after.to_rfc3339_opts(SecondsFormat::Micros, true);
        events.push(Event::ConnectionCertificateEnding { provider_id: of.id, connection_id, name, sha256, not_after, days });
    }
    let fails = of.documents.configuration.failing.or(of.documents.keys.failing).is_some();
    of.next_check_at = Some(now + if fails { RETRY } else { REFRESH });
    tx.save_due_connection(scope, &of).await?;
    let mut events = events.into_iter();
    let Some(first) = events.next() else { return Ok(Change::silent((), NoEvent::Housekeeping)) };
    Ok(events.fold(Change::new((), of.org_id, first), |change, event| change.and(of.org_id, event)))
}

fn named(of: &Connection) -> (String, String) {
    (of.slug.as_str().to_owned(), of.name.to_string())
}

async fn tell_of_document(
    tx: &WriteTx,
    scope: SystemScope,
    of: &Connection,
    (document, news): (&'static str, News),
    link: &str,
) -> Result<Option<Event>> {
    let (connection_id, name) = named(of);
    let (provider_id, reason) = (of.id, |text: &str| json!({ "reason": text }));
    Ok(match news {
        News::None => None,
        News::Failing(miss) => {
            tell_owners(tx, scope, of, (Template::ConnectionFailing, reason(miss.hint())), link).await?;
            Some(Event::ConnectionDocumentFailing { provider_id, connection_id, name, document, reason: miss.as_str() })
        }
        News::Waits => {
            let text = "The provider publishes other addresses. They count once somebody accepts them.";
            tell_owners(tx, scope, of, (Template::ConnectionFailing, reason(text)), link).await?;
            Some(Event::ConnectionEndpointsChanged { provider_id, connection_id, name })
        }
    })
}

async fn tell_owners(
    tx: &WriteTx,
    scope: SystemScope,
    of: &Connection,
    (template, mut context): (Template, serde_json::Value),
    link: &str,
) -> Result<()> {
    for owner in tx.owners(scope, of.org_id).await? {
        context["organization"] = json!(owner.organization);
        (context["name"], context["link"]) = (json!(of.name.as_str()), json!(link));
        tx.queue_mail(of.org_id, &mail(template, &owner.email, context.clone())).await?;
    }
    Ok(())
}

//! Switching off streams whose receiver has taken nothing for days. Their organization hears of it by an event, its owners by mail.

use domain::{
    Event, Result, Time,
    authorization::policy::SystemScope,
    delivery::{
        log_streams::{LogStream, verdict::Reason},
        mails::{Mail, Template},
    },
};
use serde_json::json;
use store::{Change, NoEvent, Store, WriteTx, delivery::log_streams::disabling::FailingStream};

use crate::delivery::webhooks::disabling::Disabling;

/// Switches off at most `limit` streams that have failed for too long. Answers how many.
pub async fn disable_failing(store: &Store, scope: SystemScope, now: Time, when: &Disabling, limit: u64) -> Result<u64> {
    let mut count = 0;
    for failing in store.failing_log_streams(scope, now - when.after, limit).await? {
        count += u64::from(disable(store, scope, now, failing, when).await?);
    }
    Ok(count)
}

/// `false` if there is no reason any more, or it was switched off or deleted meanwhile.
async fn disable(store: &Store, scope: SystemScope, now: Time, failing: FailingStream, when: &Disabling) -> Result<bool> {
    let work = async |tx: &WriteTx| {
        let found = tx.lock_failing_log_stream(scope, failing).await?;
        let still =
            |stream: &LogStream| stream.enabled && stream.progress.failing_since.is_some_and(|since| since <= now - when.after);
        let Some(stream) = found.filter(still) else { return Ok(Change::silent(false, NoEvent::Unchanged)) };
        tx.disable_log_stream(scope, &stream).await?;
        for owner in tx.log_stream_owners(scope, &stream).await? {
            // Only the origin: the rest of such a URL is often a secret.
            let context = json!({
                "organization": owner.organization, "name": stream.name.as_str(), "url": stream.url.origin(), "link": when.link,
            });
            let mail = Mail { template: Template::LogStreamDisabled, to: owner.email, context, language: None };
            tx.queue_mail(stream.org_id, &mail).await?;
        }
        let reason = stream.progress.last_failure.map_or(Reason::Failing, |failure| failure.reason).as_str().to_owned();
        let event = Event::LogStreamDisabled { siem_config_id: stream.id, name: stream.name.to_string(), reason };
        Ok(Change::new(true, stream.org_id, event))
    };
    store.write_as_job(scope, now, async |tx| work(&tx).await).await
}

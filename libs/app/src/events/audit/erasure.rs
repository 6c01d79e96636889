//! Erasing a person from an organization's log, as the worker does it: a batch of records in each transaction, from the first up to the
//! one that recorded the order, whose number says what had happened before. The order remembers how far it got, so a crash costs a batch.

use crypto::{SigningKey, audit::leaf::Content};
use domain::{Event, Result, Time, authorization::policy::SystemScope, events::audit::Subject};
use store::{Change, NoEvent, Store, WriteTx, events::audit::Erasure};

/// Goes on with the oldest erasure by one batch. Answers how many records it looked at; none when there is nothing to do.
pub async fn erase_next(store: &Store, scope: SystemScope, now: Time, batch: u64) -> Result<Option<u64>> {
    if !store.has_erasures(scope).await? {
        return Ok(None);
    }
    let key = store.audit_signer(scope, now).await?;
    store.write_as_job(scope, now, async |tx| next_batch(&tx, scope, &key, batch).await).await
}

async fn next_batch(tx: &WriteTx, scope: SystemScope, key: &SigningKey, batch: u64) -> Result<Change<Option<u64>>> {
    match tx.lock_next_erasure(scope).await? {
        Some(order) => go_on(tx, scope, key, order, batch).await,
        None => Ok(Change::silent(None, NoEvent::Unchanged)),
    }
}

async fn go_on(
    tx: &WriteTx,
    scope: SystemScope,
    key: &SigningKey,
    mut order: Erasure,
    batch: u64,
) -> Result<Change<Option<u64>>> {
    let records = tx.records_to_erase(scope, &order, batch).await?;
    let looked = records.len() as u64;
    for record in records {
        order.done_seq = record.seq;
        if record.content().is_some_and(|content| names(&order.subject, content)) {
            tx.erase_record(scope, &order, key, record).await?;
            order.erased += 1;
        }
    }
    if looked == batch {
        tx.save_erasure(scope, &order).await?;
        return Ok(Change::silent(Some(looked), NoEvent::Housekeeping));
    }
    tx.delete_erasure(scope, &order).await?;
    let event = Event::AuditLogErased { erasure_id: order.id, count: order.erased.unsigned_abs() };
    Ok(Change::new(Some(looked), order.org, event))
}

/// Whether a content has the person's account or address in it.
fn names(subject: &Subject, content: &Content) -> bool {
    let exact = [content.actor_id.as_deref(), content.actor_email.as_deref(), Some(&content.target_id)];
    let exact: Vec<&str> = exact.into_iter().flatten().collect();
    subject.is_named_in(&exact, &[&content.body, &content.metadata])
}

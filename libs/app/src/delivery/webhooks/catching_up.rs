//! Endpoints that were not given every event, because too many deliveries were open: they catch up from the feed. Their organization hears
//! of it by an event when one falls behind and when it has caught up, its owners by mail, at most once a day.

use std::collections::HashSet;

use domain::{
    Event, Result, Time,
    authorization::policy::SystemScope,
    delivery::{
        mails::{Mail, Template},
        webhooks::{Webhook, quota::Full},
    },
};
use serde_json::json;
use store::{
    Change, NoEvent, Store, WriteTx,
    delivery::deliveries::{BehindWebhook, Making, News},
};

/// How endpoints catch up.
#[derive(Clone, Debug)]
pub struct CatchingUp {
    /// How deliveries are made.
    pub making: Making,
    /// Where the mail leads to.
    pub link: String,
}

/// What one call of [`catch_up`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Endpoints that were looked at: none if nobody is behind or due.
    pub endpoints: usize,
    /// Deliveries that were made.
    pub made: usize,
}

/// One step for each of at most `limit` endpoints that are behind. One that fails keeps none from its turn, and is told at the end.
pub async fn catch_up(store: &Store, scope: SystemScope, now: Time, with: &CatchingUp, limit: u64) -> Result<Steps> {
    let (mut steps, mut failed, mut counted) = (Steps::default(), None, HashSet::new());
    for behind in store.behind_webhooks(scope, now, limit).await? {
        steps.endpoints += 1;
        let counts = !counted.contains(&behind.org());
        match store.write_as_job(scope, now, async |tx| step(&tx, scope, behind, counts, with).await).await {
            Ok((made, has_counted)) => {
                steps.made += made;
                counted.extend(has_counted.then_some(behind.org()));
            }
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(steps), Err)
}

async fn step(
    tx: &WriteTx,
    scope: SystemScope,
    behind: BehindWebhook,
    counts: bool,
    with: &CatchingUp,
) -> Result<Change<(usize, bool)>> {
    let Some(done) = tx.catch_up(scope, behind, with.making, counts).await? else {
        return Ok(Change::silent((0, false), NoEvent::Unchanged));
    };
    let (webhook, made) = (done.webhook, (done.made, done.counted));
    let name = webhook.name.to_string();
    Ok(match done.news {
        News::Nothing => Change::silent(made, NoEvent::Unchanged),
        News::CaughtUp => Change::new(made, webhook.org_id, Event::WebhookCaughtUp { webhook_id: webhook.id, name }),
        News::FellBehind { why, mail } => {
            if mail {
                tell_owners(tx, scope, &webhook, &with.link).await?;
            }
            let seq = webhook.behind.map_or(0, |behind| behind.from);
            let event = Event::WebhookFellBehind { webhook_id: webhook.id, name, reason: reason(why).to_owned(), seq };
            Change::new(made, webhook.org_id, event)
        }
    })
}

const fn reason(why: Full) -> &'static str {
    match why {
        Full::Endpoint => "too many deliveries wait at this webhook",
        Full::Organization => "too many deliveries wait at the organization's webhooks",
        Full::Unverified => "the webhook has never answered 2xx",
    }
}

async fn tell_owners(tx: &WriteTx, scope: SystemScope, webhook: &Webhook, link: &str) -> Result<()> {
    for owner in tx.owners(scope, webhook.org_id).await? {
        // Only the origin: the rest of such a URL is often a secret.
        let context = json!({ "organization": owner.organization, "url": webhook.url.origin(), "link": link });
        let mail = Mail { template: Template::WebhookBehind, to: owner.email, context, language: None };
        tx.queue_mail(webhook.org_id, &mail).await?;
    }
    Ok(())
}

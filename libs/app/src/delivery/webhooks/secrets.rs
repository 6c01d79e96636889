//! Rotating the signing secret of an endpoint.

use chrono::TimeDelta;
use crypto::webhook::new_secret;
use domain::{
    Error, Event, Result, WebhookId, authorization::resource::Webhooks, core::value::Slug, delivery::webhooks::Webhook,
};
use store::Change;

use super::Registered;
use crate::{App, Caller};

/// The longest that an old secret signs beside the new one.
pub const GRACE_DAYS: i64 = 7;
/// How long it does when nobody says otherwise.
const USUAL: TimeDelta = TimeDelta::days(1);

impl App {
    /// Gives an endpoint a new signing secret and answers it, this once. For `grace` seconds (a day if not said; 0: not at all) the one
    /// before signs beside it, so that the receiver can change over without refusing anything. `Conflict` (`too_many_secrets`).
    pub async fn rotate_webhook_secret(&self, c: &Caller, slug: &Slug, id: WebhookId, grace: Option<i64>) -> Result<Registered> {
        let grace = grace.map_or(USUAL, TimeDelta::seconds);
        if grace > TimeDelta::days(GRACE_DAYS) {
            return Err(Error::field("grace_seconds", "out_of_range", format!("Use at most {GRACE_DAYS} days.")));
        }
        self.in_org::<Webhooks, _>(c, slug, async |tx, scope| {
            let webhook = tx.lock_webhook(scope, id).await?;
            let secret = new_secret(self.ids.as_ref());
            let until = (grace > TimeDelta::zero()).then(|| tx.now() + grace);
            let old_secrets_until = tx.rotate_secret(scope, &webhook, &secret, until).await?;
            let (name, grace_seconds) = (webhook.name.to_string(), grace.num_seconds());
            let event = Event::WebhookSecretRotated { webhook_id: id, name, grace_seconds };
            let webhook = Webhook { old_secrets_until, updated_at: tx.now(), ..webhook };
            Ok(Change::new(Registered { webhook, secret }, scope.org(), event))
        })
        .await
    }
}

//! A repository cannot be called without a proof.
// error[E0061]: takes 1 argument but 0 arguments

use domain::delivery::webhooks::Webhook;
use store::Store;

pub async fn lists(store: &Store) -> domain::Result<Vec<Webhook>> {
    store.list_webhooks().await
}

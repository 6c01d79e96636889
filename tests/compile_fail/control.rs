//! Compiles: it shows that the other files fail for their own reason.

use domain::{authorization::{policy::{OrgScope, Read, Standing, Write, decide}, resource::Webhooks}, delivery::webhooks::Webhook};
use store::{Store, WriteTx};

pub async fn reads(store: &Store, facts: &Standing<'_, Read>) -> domain::Result<Vec<Webhook>> {
    store.list_webhooks(decide(facts)?).await
}

pub async fn writes(tx: &WriteTx, facts: &Standing<'_, Write>, webhook: &Webhook) -> domain::Result<()> {
    let scope: OrgScope<'_, Webhooks, Write> = decide(facts)?;
    tx.insert_webhook(scope, webhook, "secret").await
}

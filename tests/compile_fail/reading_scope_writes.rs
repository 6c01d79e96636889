//! A proof to look does not let anybody change.
// error[E0308]: mismatched types

use domain::{authorization::{policy::{OrgScope, Read}, resource::Webhooks}, delivery::webhooks::Webhook};
use store::WriteTx;

pub async fn writes(tx: &WriteTx, scope: OrgScope<'_, Webhooks, Read>, webhook: &Webhook) -> domain::Result<()> {
    tx.insert_webhook(scope, webhook, "secret").await
}

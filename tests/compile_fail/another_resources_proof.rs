//! A proof for roles says nothing about webhooks.
// error[E0308]: mismatched types

use domain::{authorization::{policy::{OrgScope, Read, Standing, decide}, resource::Roles}, delivery::webhooks::Webhook};
use store::Store;

pub async fn lists(store: &Store, facts: &Standing<'_, Read>) -> domain::Result<Vec<Webhook>> {
    let scope: OrgScope<'_, Roles, Read> = decide(facts)?;
    store.list_webhooks(scope).await
}

//! Facts read inside a transaction end with it.
// error[E0505]: cannot move out of

use domain::{authorization::{policy::{OrgScope, Write, decide}, resource::Webhooks}, authorization::principal::Credential, core::value::Slug};
use store::WriteTx;

pub async fn later(tx: WriteTx, who: &Credential, slug: &Slug) -> domain::Result<domain::OrgId> {
    let facts = tx.standing(who, slug, store::authorization::facts::LockScope::Caller).await?;
    drop(tx);
    let scope: OrgScope<'_, Webhooks, Write> = decide(&facts)?;
    Ok(scope.org())
}

//! A proof cannot be kept after its facts are gone.
// error[E0515]: cannot return value referencing

use domain::{authorization::{policy::{OrgScope, Read, decide}, resource::Webhooks}, authorization::principal::Credential, core::value::Slug};
use store::Store;

pub async fn keeps<'a>(store: &Store, who: &Credential, slug: &Slug, now: domain::Time) -> domain::Result<OrgScope<'a, Webhooks, Read>> {
    let facts = store.standing(who, slug, now).await?;
    Ok(decide(&facts)?)
}

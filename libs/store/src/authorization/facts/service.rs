//! One service of an organization whose facts were just read, and what the caller was granted on it.
//!
//! Inside a write nothing more is locked: whoever changes a member's grants waits for what that member is just writing (`lock_member`), and
//! this statement comes after the one that made the member's own queue.

use domain::{
    PLATFORM, Result, ServiceId,
    authorization::{
        in_service::ServiceFacts,
        policy::{Access, Read, Standing, Write},
    },
    core::value::ServiceSlug,
};
use sea_orm::ConnectionTrait;

use crate::{
    Store, WriteTx,
    applications::service_access::level,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

/// `$3`: the person who calls; nil: a program, to which nothing is granted.
const FIND: Sql = sql!(
    "select s.id, g.access
    from services s
    left join service_grants g on g.org_id = s.org_id and g.service_id = s.id and g.user_id = $3
    where s.org_id = $1 and s.slug = $2"
);

#[expect(clippy::disallowed_methods, reason = "the one place that reads what is granted on a service")]
async fn find<'t, A: Access>(
    db: &impl ConnectionTrait,
    standing: &Standing<'_, A>,
    slug: &ServiceSlug,
) -> Result<Option<ServiceFacts<'t, A>>> {
    let facts = standing.facts();
    let person = facts.principal.person().map_or(PLATFORM.uuid(), |person| person.id.uuid());
    let values = vec![facts.view.organization.id.uuid().into(), slug.as_str().into(), person.into()];
    let Some(row) = sql::one(db, FIND, values).await? else { return Ok(None) };
    let mut columns = Columns::of(&row);
    let id = ServiceId::new(columns.next().map_err(from_db)?);
    Ok(Some(ServiceFacts::assembled(id, level(columns.next().map_err(from_db)?))))
}

impl Store {
    /// The service `slug` of the organization whose facts these are, for reading.
    pub async fn service_facts(
        &self,
        standing: &Standing<'_, Read>,
        slug: &ServiceSlug,
    ) -> Result<Option<ServiceFacts<'static, Read>>> {
        find(&self.db, standing, slug).await
    }
}

impl WriteTx {
    /// The same inside this transaction, for writing. Call it right after [`WriteTx::standing`].
    pub async fn service_facts(
        &self,
        standing: &Standing<'_, Write>,
        slug: &ServiceSlug,
    ) -> Result<Option<ServiceFacts<'_, Write>>> {
        find(&self.tx, standing, slug).await
    }
}

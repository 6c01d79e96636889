//! The organizations that people sign in to, as a sign-in finds them.

use domain::{OrgId, Result, UserId, core::value::Slug};
use sea_orm::{DbErr, QueryResult};

use crate::{
    Store,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

/// An organization that is signed in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entered {
    /// Which.
    pub id: OrgId,
    /// Its name in URLs.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
}

/// How a client names an organization.
#[derive(Clone, Copy, Debug)]
pub enum Named<'a> {
    /// By its id.
    Id(OrgId),
    /// By its name in URLs.
    Slug(&'a Slug),
}

const BY_ID: Sql =
    sql!("select o.id, o.slug, o.name from organizations o where o.id = $1 and o.deleted_at is null and o.status = 'active'");
const BY_SLUG: Sql =
    sql!("select o.id, o.slug, o.name from organizations o where o.slug = $1 and o.deleted_at is null and o.status = 'active'");
/// Those to which addresses of a domain belong: who proved it, and lets it be known.
const OF_DOMAIN: Sql = sql!(
    "select o.id, o.slug, o.name
    from domains d
    join organizations o on o.id = d.org_id
    where d.kind = 'sign_in' and d.domain = $1 and d.verified_at is not null and d.announce
      and o.deleted_at is null and o.status = 'active'
    order by o.id
    limit 2"
);
/// Those that somebody may choose.
const OF_MEMBER: Sql = sql!(
    "select o.id, o.slug, o.name
    from memberships m
    join organizations o on o.id = m.org_id
    where m.user_id = $1 and o.deleted_at is null and o.status = 'active'
    order by o.name, o.id
    limit 100"
);

fn entered(row: &QueryResult) -> Result<Entered, DbErr> {
    let mut columns = Columns::of(row);
    Ok(Entered { id: OrgId::new(columns.next()?), slug: Slug::stored(columns.next()?), name: columns.next()? })
}

impl Store {
    /// The active organization that a client names: by its id, or by its name.
    pub async fn public_organization_named(&self, named: Named<'_>) -> Result<Option<Entered>> {
        let (text, value) = match named {
            Named::Id(id) => (BY_ID, id.uuid().into()),
            Named::Slug(slug) => (BY_SLUG, slug.as_str().into()),
        };
        sql::one(&self.db, text, vec![value]).await?.map(|row| entered(&row)).transpose().map_err(from_db)
    }

    /// The organizations to which addresses of a domain belong, as far as they let it be known; two at most.
    pub async fn public_organizations_of_domain(&self, domain: &str) -> Result<Vec<Entered>> {
        sql::read_all(&sql::all(&self.db, OF_DOMAIN, vec![domain.into()]).await?, entered)
    }

    /// The active organizations of somebody who is signed in, by name; 100 at most.
    pub async fn organizations_to_enter(&self, user: UserId) -> Result<Vec<Entered>> {
        sql::read_all(&sql::all(&self.db, OF_MEMBER, vec![user.uuid().into()]).await?, entered)
    }
}

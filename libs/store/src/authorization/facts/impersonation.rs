//! The facts of a person as whom a platform owner acts. First whether they still may: the impersonation, the session of whoever acts, and
//! their ownership of the platform, all of it read at every use; then the person's own facts. Rare, so it may take two statements.

use domain::{
    OrgId, PLATFORM, Result, Time,
    authorization::{
        policy::{Access, Standing, Write},
        principal::Principal,
    },
    core::value::{Email, Slug},
    identity::{
        accounts::Person,
        impersonation::{Impersonation, ImpersonationCredential},
    },
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};

use super::{
    Found, LockScope, assemble,
    person::{read_facts, read_person, refresh_role, signed_out},
    statement::{OF_USER, OF_USER_EXCLUSIVE, OF_USER_SHARED},
};
use crate::{
    Store, WriteTx,
    core::{
        error::{from_db, retry},
        sql::{self, Columns, Sql, sql},
    },
};

/// Nobody acts as a platform owner, nor on after they are none.
const LIVING: &str = "select u.email, u.realm, u.email_verified_at, u.is_platform_owner, s.authn, p.email, i.org_id
    from impersonations i
    join sessions s on s.id = i.session_id
    join users p on p.id = i.operator_id
    join users u on u.id = i.user_id
    where i.id = $1 and i.operator_id = $2 and i.session_id = $3 and i.user_id = $4
      and i.ended_at is null and i.expires_at > $5
      and s.user_id = p.id and s.revoked_at is null and s.expires_at > $5
      and p.is_platform_owner and p.deleted_at is null
      and not u.is_platform_owner and u.deleted_at is null";
const FIND: Sql = sql!("{living}", living = LIVING);
/// Whoever ends it, or the ownership, goes first.
const LOCK: Sql = sql!("{living} {for share of i, p}", living = LIVING);

#[expect(clippy::disallowed_methods, reason = "the one place that knows who acts as whom, as just read")]
fn read_living(row: &QueryResult, who: &ImpersonationCredential) -> Result<Person, DbErr> {
    let mut columns = Columns::of(row);
    let person = read_person(&mut columns, &who.as_session())?;
    let (operator_email, org) = (Email::stored(columns.next()?), OrgId::new(columns.next()?));
    let org = (org != PLATFORM).then_some(org);
    Ok(person.impersonated(Impersonation { id: who.id, operator: who.operator, operator_email, org }))
}

async fn living(db: &impl ConnectionTrait, text: Sql, who: &ImpersonationCredential, now: Time) -> Result<Person> {
    let ids = [who.id.uuid(), who.operator.uuid(), who.session.uuid(), who.user.uuid()];
    let values = ids.map(Value::from).into_iter().chain([now.into()]).collect();
    let row = sql::one(db, text, values).await?.ok_or_else(signed_out)?;
    read_living(&row, who).map_err(from_db)
}

pub(super) async fn find(db: &impl ConnectionTrait, who: &ImpersonationCredential, now: Time) -> Result<Person> {
    living(db, FIND, who, now).await
}

fn values(who: &ImpersonationCredential, slug: &Slug) -> Vec<Value> {
    vec![who.user.uuid().into(), slug.as_str().into()]
}

fn found<'r>(row: &'r QueryResult, who: &ImpersonationCredential, person: Person) -> Result<Found<'r>> {
    let found = read_facts(row, &who.as_session()).map_err(from_db)?;
    Ok(Found { principal: Principal::Person(person), ..found })
}

pub(super) async fn read<A: Access>(
    store: &Store,
    who: &ImpersonationCredential,
    slug: &Slug,
    now: Time,
) -> Result<Standing<'static, A>> {
    let person = find(&store.db, who, now).await?;
    let row = sql::one(&store.db, OF_USER, values(who, slug)).await?.ok_or_else(signed_out)?;
    assemble(store, &store.db, found(&row, who, person)?, now).await
}

pub(super) async fn lock<'t>(
    tx: &'t WriteTx,
    who: &ImpersonationCredential,
    slug: &Slug,
    scope: LockScope,
) -> Result<Standing<'t, Write>> {
    let person = living(&tx.tx, LOCK, who, tx.now()).await?;
    let member = match scope {
        _ if tx.is_sqlite() => None,
        LockScope::Caller => sql::one(&tx.tx, OF_USER_SHARED, values(who, slug)).await?,
        LockScope::Memberships => sql::one(&tx.tx, OF_USER_EXCLUSIVE, values(who, slug)).await?,
    };
    let is_locked = member.is_some() || tx.is_sqlite();
    let row = match member {
        Some(row) => row,
        None => sql::one(&tx.tx, OF_USER, values(who, slug)).await?.ok_or_else(signed_out)?,
    };
    let mut found = found(&row, who, person)?;
    if found.role.is_some() && !is_locked {
        // A membership that came to be between the two statements is not locked.
        return Err(retry());
    }
    refresh_role(tx, &mut found).await?;
    assemble(&tx.store, &tx.tx, found, tx.now()).await
}

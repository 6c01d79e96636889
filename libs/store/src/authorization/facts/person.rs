//! A person's facts: session, grant, user, organization, counters, membership and role.
//!
//! PostgreSQL refuses to lock the nullable side of an outer join, so the form for writes joins strictly, and only when it finds nothing a
//! second, lenient statement says why.

use domain::{
    Error, OrgId, Result, Time,
    authorization::{
        policy::{Access, Standing, Write},
        principal::Principal,
    },
    core::value::{Email, Slug},
    identity::{
        accounts::Person,
        authentications::Authentications,
        sessions::{BrowserCredential, SessionCredential},
    },
    tenancy::roles::{Caps, RoleName},
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};

use super::{
    Found, LockScope, assemble,
    batch::FactsRequest,
    statement::{LENIENT, MEMBER, MEMBER_EXCLUSIVE, MEMBER_SHARED},
};
use crate::{
    Store, WriteTx,
    core::{
        error::{from_db, retry},
        sql::{self, Columns},
    },
    identity::sign_in_policy::read_policy,
    tenancy::{
        member_roles::{self, whole_role},
        roles,
    },
};

/// Who is calling: alive only while session, grant and user are.
const CALLER: &str = "
    select u.email, u.realm, u.email_verified_at, u.is_platform_owner, s.authn
      from grants g
      join sessions s on s.id = g.session_id
      join users u on u.id = g.user_id
     where g.id = $1 and s.id = $2 and u.id = $3
       and g.revoked_at is null and s.revoked_at is null and s.expires_at > $4
       and u.deleted_at is null";

fn values(who: &SessionCredential, now: Time, slug: &Slug) -> Vec<Value> {
    vec![who.grant.uuid().into(), who.session.uuid().into(), who.user.uuid().into(), now.into(), slug.as_str().into()]
}

/// The code of [`signed_out`].
pub const SESSION_ENDED: &str = "session_ended";

/// The session or grant of a token has ended, or its account was closed.
pub fn signed_out() -> Error {
    Error::unauthenticated(SESSION_ENDED, "This session has ended. Sign in again.")
}

pub(super) async fn find(db: &impl ConnectionTrait, who: &SessionCredential, now: Time) -> Result<Person> {
    let values = vec![who.grant.uuid().into(), who.session.uuid().into(), who.user.uuid().into(), now.into()];
    let row = sql::one(db, CALLER, values).await?.ok_or_else(signed_out)?;
    read_person(&mut Columns::of(&row), who).map_err(from_db)
}

/// The same by the cookie of our own pages.
const IN_BROWSER: &str = "
    select u.email, u.realm, u.email_verified_at, u.is_platform_owner, s.authn
      from sessions s
      join users u on u.id = s.user_id
     where s.browser_hash = $1 and s.id = $2 and u.id = $3
       and s.revoked_at is null and s.expires_at > $4
       and u.deleted_at is null";

pub(super) async fn in_browser(db: &impl ConnectionTrait, who: &BrowserCredential, now: Time) -> Result<Person> {
    let values = vec![who.hash.as_str().into(), who.session.uuid().into(), who.user.uuid().into(), now.into()];
    let row = sql::one(db, IN_BROWSER, values).await?.ok_or_else(signed_out)?;
    read_person(&mut Columns::of(&row), &who.as_session()).map_err(from_db)
}

pub(super) async fn read<A: Access>(
    store: &Store,
    who: &SessionCredential,
    slug: &Slug,
    now: Time,
) -> Result<Standing<'static, A>> {
    let row = if store.has_one_writer() || store.db.is_pooled() {
        sql::one(&store.db, LENIENT, values(who, now, slug)).await?
    } else {
        let request = FactsRequest { who: *who, slug: slug.clone(), now };
        store.batches.read(&store.db, request).await?
    };
    let row = row.ok_or_else(signed_out)?;
    assemble(store, &store.db, read_facts(&row, who).map_err(from_db)?, now).await
}

pub(super) async fn lock<'t>(
    tx: &'t WriteTx,
    who: &SessionCredential,
    slug: &Slug,
    scope: LockScope,
) -> Result<Standing<'t, Write>> {
    let strict = match scope {
        _ if tx.is_sqlite() => MEMBER,
        LockScope::Caller => MEMBER_SHARED,
        LockScope::Memberships => MEMBER_EXCLUSIVE,
    };
    let member = sql::one(&tx.tx, strict, values(who, tx.now(), slug)).await?;
    let is_member = member.is_some();
    let row = match member {
        Some(row) => row,
        None => sql::one(&tx.tx, LENIENT, values(who, tx.now(), slug)).await?.ok_or_else(signed_out)?,
    };
    let mut found = read_facts(&row, who).map_err(from_db)?;
    if found.role.is_some() && !is_member {
        // A membership that came to be between the two statements is not locked.
        return Err(retry());
    }
    refresh_role(tx, &mut found).await?;
    assemble(&tx.store, &tx.tx, found, tx.now()).await
}

/// Custom roles are read again, locked: the statement before waited for the membership only, so what it saw of the roles may have been
/// edited, or taken away, meanwhile.
pub(super) async fn refresh_role(tx: &WriteTx, found: &mut Found<'_>) -> Result<()> {
    let (Some(org), Some(role), Some(person)) = (found.org, &mut found.role, found.principal.person()) else { return Ok(()) };
    if !found.has_further && role.name.builtin_caps().is_some() {
        return Ok(());
    }
    let org = OrgId::new(org);
    let own = roles::locked_role(&tx.tx, org, &role.name).await?;
    let further = if found.has_further { member_roles::locked_further_caps(&tx.tx, org, person.id).await? } else { Caps::NONE };
    role.caps = own.and(further);
    Ok(())
}

pub(super) fn read_facts<'r>(row: &'r QueryResult, who: &SessionCredential) -> Result<Found<'r>, DbErr> {
    let mut columns = Columns::of(row);
    let person = read_person(&mut columns, who)?;
    let (name, permissions): (Option<String>, Option<String>) = (columns.next()?, columns.next()?);
    let further: Option<String> = columns.next()?;
    let role = name.map(|name| whole_role(RoleName::stored(name), permissions.as_deref(), further.as_deref()));
    let policy = read_policy(columns.next()?)?;
    let org = columns.next()?;
    Ok(Found { principal: Principal::Person(person), role, has_further: further.is_some(), policy, org, columns })
}

#[expect(clippy::disallowed_methods, reason = "the one place that knows a person, from a live session just read")]
pub(super) fn read_person(columns: &mut Columns<'_>, who: &SessionCredential) -> Result<Person, DbErr> {
    let (email, realm) = (Email::stored(columns.next()?), OrgId::new(columns.next()?));
    let verified = columns.next::<Option<Time>>()?.is_some();
    let is_platform_owner = columns.next()?;
    let did = Authentications::stored(columns.next::<Option<String>>()?.as_deref());
    Ok(Person::signed_in(who, email, realm, verified, is_platform_owner, did))
}

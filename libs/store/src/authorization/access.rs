//! The facts that authorization is decided on, read in ONE statement: session, grant, user, organization, tier, counters, membership
//! and role. For reads the same statement also brings what is shown of the organization.
//!
//! A write reads them again as the first statement of its transaction, with the caller's membership locked `FOR SHARE`: a removal or
//! demotion that is committed first is seen, one that comes second waits. PostgreSQL refuses that lock on the nullable side of an
//! outer join, so the write form joins strictly, and only when it finds nothing a second, lenient statement says why.
//!
//! Reading is the busiest statement of the product. So its columns are read in their order, the tier comes from memory, and on
//! PostgreSQL it goes to sqlx without a way round, many at once ([`looks`]).

mod looks;

use domain::{
    Error, Result, Time, UserId,
    authorization::policy::{Access, Read, Standing, Write},
    core::value::{Email, Slug},
    identity::{accounts::Person, sessions::Credential},
    tenancy::{
        organizations::OrganizationView,
        roles::{Caps, Role, RoleName},
    },
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};

use crate::{
    Store, WriteTx,
    core::{
        dialect,
        error::{from_db, retry},
        sql::{self, Columns},
    },
    tenancy::organizations::{organization_columns, read_organization},
};
use looks::Look;
pub(crate) use looks::Looks;

/// What a transaction is going to change, which decides what it locks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moves {
    /// No membership: the caller's is only kept as it is.
    Nobody,
    /// Memberships, perhaps the caller's: one such transaction of an organization at a time.
    Members,
}

/// Who is calling: alive only while session, grant and user are.
const CALLER: &str = "select u.email, u.realm, u.email_verified_at, u.is_platform_owner from grants g
join sessions s on s.id = g.session_id join users u on u.id = g.user_id
where g.id = $1 and s.id = $2 and u.id = $3 and g.revoked_at is null and s.revoked_at is null and s.expires_at > $4 and u.deleted_at is null";

macro_rules! facts {
    ($membership:literal) => {
        concat!(
            "select u.email, u.realm, u.email_verified_at, u.is_platform_owner, m.role, r.permissions, ",
            organization_columns!(),
            " from grants g join sessions s on s.id = g.session_id join users u on u.id = g.user_id ",
            $membership,
            " where g.id = $1 and s.id = $2 and u.id = $3 and g.revoked_at is null and s.revoked_at is null and s.expires_at > $4
and u.deleted_at is null"
        )
    };
}

const LENIENT: &str = facts!(
    "left join organizations o on o.slug = $5 left join org_counters c on c.org_id = o.id
left join memberships m on m.org_id = o.id and m.user_id = u.id left join roles r on r.org_id = m.org_id and r.slug = m.role"
);

const STRICT: &str = facts!(
    "join organizations o on o.slug = $5 join org_counters c on c.org_id = o.id
join memberships m on m.org_id = o.id and m.user_id = u.id left join roles r on r.org_id = m.org_id and r.slug = m.role"
);

/// A write waits here for whoever is about to change the caller's membership ([`queue_for`]). The row locks alone would not do: PostgreSQL
/// gives `FOR SHARE` to newcomers past somebody who waits to change the row, so a member who keeps writing from several connections could
/// put off their own removal for ever. Advisory locks are handed out in the order in which they were asked for.
const BEHIND_MOVES: &str = " and (select pg_advisory_xact_lock_shared(hashtextextended($3::uuid::text, 0))) is not null";

/// Takes a place in that queue, before the member's row is locked to be changed.
pub(crate) async fn queue_for(tx: &WriteTx, member: UserId) -> Result<()> {
    if tx.is_sqlite() {
        return Ok(());
    }
    let text = "select 1 where (select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))) is not null";
    sql::one(&tx.tx, text, vec![member.uuid().into()]).await.map(|_| ())
}

fn statement(db: &impl ConnectionTrait, sql: String, who: &Credential, now: Time, slug: Option<&Slug>) -> Statement {
    let mut values: Vec<Value> = vec![who.grant.uuid().into(), who.session.uuid().into(), who.user.uuid().into(), now.into()];
    values.extend(slug.map(|slug| slug.as_str().into()));
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}

async fn person(db: &impl ConnectionTrait, who: &Credential, now: Time) -> Result<Person> {
    let row = db.query_one_raw(statement(db, CALLER.to_owned(), who, now, None)).await.map_err(from_db)?;
    let row = row.ok_or_else(signed_out)?;
    read_person(&mut Columns::of(&row), who).map_err(from_db)
}

/// The code of [`signed_out`].
pub const SESSION_ENDED: &str = "session_ended";

/// The session or grant of a token has ended, or its account was closed.
pub fn signed_out() -> Error {
    Error::unauthenticated(SESSION_ENDED, "This session has ended. Sign in again.")
}

impl Store {
    /// The caller, if the session lives.
    pub async fn person(&self, who: &Credential, now: Time) -> Result<Person> {
        person(&self.db, who, now).await
    }

    /// The caller's standing in the organization `slug`, for reading. `NotFound` for an unknown slug.
    pub async fn standing(&self, who: &Credential, slug: &Slug, now: Time) -> Result<Standing<'static, Read>> {
        let row = if self.has_one_writer() {
            self.db.query_one_raw(statement(&self.db, LENIENT.to_owned(), who, now, Some(slug))).await.map_err(from_db)?
        } else {
            let look = Look { who: *who, slug: slug.clone(), now };
            self.looks.look(self.db.get_postgres_connection_pool(), look).await?
        };
        assemble(self, &self.db, &row.ok_or_else(signed_out)?, who, now).await
    }
}

impl WriteTx {
    /// The caller, if the session lives; becomes this change's actor.
    pub async fn person(&self, who: &Credential) -> Result<Person> {
        let person = person(&self.tx, who, self.now()).await?;
        self.acts((&person).into());
        Ok(person)
    }

    /// The caller's standing in the organization `slug`, read inside this transaction with the membership (and a custom role) locked:
    /// the only facts that a proof to write can be decided on. Call it before anything else that the transaction does, save for an
    /// idempotency key.
    pub async fn standing(&self, who: &Credential, slug: &Slug, moves: Moves) -> Result<Standing<'_, Write>> {
        let lock = match moves {
            Moves::Nobody => format!("{BEHIND_MOVES} for share of m"),
            Moves::Members => {
                self.one_move_at_a_time(slug).await?;
                " for no key update of m".to_owned()
            }
        };
        let sql = format!("{STRICT}{}", if self.is_sqlite() { "" } else { &lock });
        let row = self.tx.query_one_raw(statement(&self.tx, sql, who, self.now(), Some(slug))).await.map_err(from_db)?;
        let standing = match row {
            Some(row) => self.fresh_role(assemble(&self.store, &self.tx, &row, who, self.now()).await?).await?,
            None => {
                let lenient = statement(&self.tx, LENIENT.to_owned(), who, self.now(), Some(slug));
                let row = self.tx.query_one_raw(lenient).await.map_err(from_db)?.ok_or_else(signed_out)?;
                let standing: Standing<'_, Write> = assemble(&self.store, &self.tx, &row, who, self.now()).await?;
                if standing.role.is_some() {
                    // A membership that came to be between the two statements is not locked.
                    return Err(retry());
                }
                standing
            }
        };
        self.acts((&standing.person).into());
        Ok(standing)
    }

    /// Two people who change each other's membership would each hold what the other waits for.
    async fn one_move_at_a_time(&self, slug: &Slug) -> Result<()> {
        let lock = dialect::row_lock(self.is_sqlite(), "for no key update of c");
        let text = format!("select 1 from org_counters c join organizations o on o.id = c.org_id where o.slug = $1 {lock}");
        sql::one(&self.tx, &text, vec![slug.as_str().into()]).await.map(|_| ())
    }

    /// A custom role is read again, locked: the statement above waited for the membership only, so what it saw of the role may have
    /// been edited meanwhile.
    async fn fresh_role<'t>(&self, mut standing: Standing<'t, Write>) -> Result<Standing<'t, Write>> {
        if let Some(role) = &mut standing.role
            && let RoleName::Custom(slug) = &role.name
        {
            role.caps =
                crate::tenancy::roles::locked_caps(&self.tx, standing.view.organization.id, slug).await?.unwrap_or(Caps::NONE);
        }
        Ok(standing)
    }
}

fn read_person(columns: &mut Columns<'_>, who: &Credential) -> Result<Person, DbErr> {
    Ok(Person {
        id: who.user,
        email: Email::stored(columns.next()?),
        realm: domain::OrgId::new(columns.next()?),
        email_verified: columns.next::<Option<Time>>()?.is_some(),
        is_platform_owner: columns.next()?,
        session: who.session,
        grant: who.grant,
    })
}

/// Turns a row of `facts` into a standing. `NotFound` if it has no organization.
#[allow(clippy::disallowed_methods, reason = "the one place that assembles a standing from facts just read")]
async fn assemble<'t, A: Access>(
    store: &Store,
    db: &impl ConnectionTrait,
    row: &QueryResult,
    who: &Credential,
    now: Time,
) -> Result<Standing<'t, A>> {
    let mut columns = Columns::of(row);
    let person = read_person(&mut columns, who).map_err(from_db)?;
    let role = read_role(&mut columns).map_err(from_db)?;
    let id: Option<uuid::Uuid> = columns.next().map_err(from_db)?;
    let id = id.ok_or_else(|| Error::not_found("organization"))?;
    let (organization, members, services) = read_organization(id, &mut columns).map_err(from_db)?;
    let tier = store.tiers.get(db, &organization.tier_id, now).await?;
    Ok(Standing::assembled(person, OrganizationView { organization, members, services, tier }, role))
}

fn read_role(columns: &mut Columns<'_>) -> Result<Option<Role>, DbErr> {
    let (name, permissions): (Option<String>, Option<String>) = (columns.next()?, columns.next()?);
    let Some(name) = name.map(RoleName::stored) else { return Ok(None) };
    // A role that is gone allows nothing.
    let caps = name
        .builtin_caps()
        .unwrap_or_else(|| permissions.map_or(Caps::NONE, |text| crate::tenancy::roles::caps_from_text(&text)));
    Ok(Some(Role { name, caps }))
}

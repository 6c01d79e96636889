//! How the people of an organization have to sign in: a column of the organization's row, which the facts statement brings along.

use domain::{
    OrgId, Result, UserId,
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::SignInRules,
    },
    core::value::Email,
    identity::entry::SignInPolicy,
    tenancy::{organizations::OrgStatus, roles::RoleName},
};
use sea_orm::{DbErr, QueryResult};

use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

/// A policy that cannot be read is an error and not the default: nobody gets in who might not.
pub(crate) fn read_policy(text: Option<String>) -> Result<SignInPolicy, DbErr> {
    SignInPolicy::stored(text.as_deref()).map_err(|e| DbErr::Json(e.to_string()))
}

fn of_row(row: Option<QueryResult>) -> Result<SignInPolicy> {
    let text = row.map_or(Ok(None), |row| Columns::of(&row).next()).map_err(from_db)?;
    read_policy(text).map_err(from_db)
}

/// An organization that somebody is about to enter, as it was just read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entrance {
    /// Its state.
    pub status: OrgStatus,
    /// The membership's role; `None`: they are no member.
    pub role: Option<RoleName>,
    /// What it demands of its members, and of whoever uses its services.
    pub policy: SignInPolicy,
    /// Whether they may come without a membership, as far as a service of it that they use.
    pub guest: bool,
}

impl Entrance {
    /// The same for somebody who may come without a membership, or may not.
    #[must_use]
    pub fn for_guest(self, may_come: bool) -> Self {
        Self { guest: may_come && self.role.is_none(), ..self }
    }

    /// Whether somebody may come without their organization's provider.
    pub fn breaks_glass(&self, user: UserId) -> bool {
        self.role == Some(RoleName::Owner) && self.policy.break_glass.contains(&user)
    }
}

/// Reads status, the membership's role and the policy.
pub(super) fn next_entrance(status: &str, columns: &mut Columns<'_>) -> Result<Entrance, DbErr> {
    let role = columns.next::<Option<String>>()?.map(RoleName::stored);
    let policy = read_policy(columns.next()?)?;
    Ok(Entrance { status: status.parse().unwrap_or(OrgStatus::Suspended), role, policy, guest: false })
}

const POLICY: Sql = sql!("select o.sign_in_policy from organizations o where o.id = $1");
/// The account that an address signs in to the organization with: its own before the platform's.
const MEMBER: Sql = sql!(
    "select u.id, m.role
    from memberships m
    join users u on u.id = m.user_id
    where m.org_id = $1 and u.email = $2 and u.deleted_at is null
      and (u.email_verified_at is not null or u.realm = $1)
    order by case when u.realm = $1 then 0 else 1 end
    limit 1"
);

impl Store {
    /// How the organization's people have to sign in.
    pub async fn sign_in_policy(&self, scope: OrgScope<'_, SignInRules, Read>) -> Result<SignInPolicy> {
        of_row(sql::one(&self.db, POLICY, vec![scope.org().uuid().into()]).await?)
    }

    /// The member who signs in with this address, and their role.
    pub async fn member_with_address(
        &self,
        scope: OrgScope<'_, SignInRules, Read>,
        email: &Email,
    ) -> Result<Option<(UserId, RoleName)>> {
        let row = sql::one(&self.db, MEMBER, vec![scope.org().uuid().into(), email.as_str().into()]).await?;
        let Some(row) = row else { return Ok(None) };
        let mut columns = Columns::of(&row);
        let user = columns.next().map_err(from_db)?;
        Ok(Some((UserId::new(user), RoleName::stored(columns.next().map_err(from_db)?))))
    }
}

const OWNERS: Sql = sql!(
    "select m.user_id
    from memberships m
    where m.org_id = $1 and m.role = 'owner'
      and (exists (select 1 from totp t where t.user_id = m.user_id and t.confirmed_at is not null)
        or exists (select 1 from passkeys p where p.user_id = m.user_id))
    order by m.user_id
    limit 100"
);
const OWN_WAYS: Sql = sql!(
    "select u.password_hash is not null, exists (select 1 from passkeys p where p.user_id = u.id) from users u where u.id = $1"
);
const LOCK: Sql = sql!("update organizations set version = version where id = $1");
const PUT: Sql = sql!("update organizations set sign_in_policy = $2 where id = $1");
const ENTRANCE: Sql = sql!(
    "select o.status, m.role, o.sign_in_policy
    from organizations o
    left join memberships m on m.org_id = o.id and m.user_id = $2
    where o.id = $1 and o.deleted_at is null"
);

fn entrance(row: Option<QueryResult>) -> Result<Option<Entrance>> {
    let read = |row: QueryResult| {
        let mut columns = Columns::of(&row);
        let status: String = columns.next()?;
        next_entrance(&status, &mut columns)
    };
    row.map(read).transpose().map_err(from_db)
}

impl Store {
    /// For a sign-in that is on its way: how the organization's people have to sign in.
    pub async fn public_sign_in_policy(&self, org: OrgId) -> Result<SignInPolicy> {
        of_row(sql::one(&self.db, POLICY, vec![org.uuid().into()]).await?)
    }

    /// For a sign-in that is on its way: what decides whether the account may enter. `None` if there is no such organization.
    pub async fn public_entrance(&self, org: OrgId, user: UserId) -> Result<Option<Entrance>> {
        entrance(sql::one(&self.db, ENTRANCE, vec![org.uuid().into(), user.uuid().into()]).await?)
    }
}

impl WriteTx {
    /// The policy, which nobody else changes until the transaction ends.
    pub async fn lock_sign_in_policy(&self, scope: OrgScope<'_, SignInRules, Write>) -> Result<SignInPolicy> {
        self.lock_policy_of(scope.org()).await
    }

    pub(crate) async fn lock_policy_of(&self, org: OrgId) -> Result<SignInPolicy> {
        sql::execute(&self.tx, LOCK, vec![org.uuid().into()]).await?;
        of_row(sql::one(&self.tx, POLICY, vec![org.uuid().into()]).await?)
    }

    pub(crate) async fn put_policy_of(&self, org: OrgId, policy: &SignInPolicy) -> Result<()> {
        sql::execute(&self.tx, PUT, vec![org.uuid().into(), policy.to_text().into()]).await.map(|_| ())
    }

    /// The organization's owners who have enrolled a second factor.
    pub async fn owners_with_factor(&self, scope: OrgScope<'_, SignInRules, Write>) -> Result<Vec<UserId>> {
        let rows = sql::all(&self.tx, OWNERS, vec![scope.org().uuid().into()]).await?;
        sql::read_all(&rows, |row| row.try_get_by_index(0).map(UserId::new))
    }

    /// Whether an account has a password, and whether a passkey.
    pub async fn own_ways(&self, user: UserId) -> Result<(bool, bool)> {
        let row = sql::one(&self.tx, OWN_WAYS, vec![user.uuid().into()]).await?;
        let read = |row: QueryResult| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
        row.map(read).transpose().map_err(from_db).map(Option::unwrap_or_default)
    }

    /// Sets all of it.
    pub async fn put_sign_in_policy(&self, scope: OrgScope<'_, SignInRules, Write>, policy: &SignInPolicy) -> Result<()> {
        self.put_policy_of(scope.org(), policy).await
    }

    /// For a sign-in to an organization: what decides whether the account may enter. `None` if there is no such organization.
    pub async fn entrance(&self, org: OrgId, user: UserId) -> Result<Option<Entrance>> {
        entrance(sql::one(&self.tx, ENTRANCE, vec![org.uuid().into(), user.uuid().into()]).await?)
    }
}

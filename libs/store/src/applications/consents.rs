//! What people who are no members let services have ([`domain::applications::consents`]). It ends with their use of the service, by reference.

use domain::{
    OrgId, PLATFORM, Result, ServiceId, UserId,
    applications::{
        consents::{Allowed, Consent, Guest, LISTED},
        resource_servers::Scopes,
        subscriptions::MAX_SERVICE_USERS,
    },
    authorization::policy::UserScope,
    core::value::Slug,
    identity::accounts::User,
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
        table::{Table, WhenOld, WithOrganization},
    },
};

pub(crate) const CONSENTS: Table = Table {
    name: "consents",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Stays("until they are taken back"),
    with_organization: WithOrganization::GoesWith("service_users"),
};

/// Of a service's client (`$1`, `$2`) and a person.
const GUEST: Sql = sql!(
    "select (select count(*) from service_users p where p.org_id = s.org_id and p.service_id = s.id and p.user_id = $3), s.sign_up, x.scopes, x.updated_at,
      exists (select 1 from removals b where b.org_id = s.org_id and b.user_id = $3)
    from services s
    left join consents x on x.org_id = s.org_id and x.service_id = s.id and x.user_id = $3
    where s.org_id = $1 and s.id = $2"
);
const LIST: Sql = sql!(
    "select x.service_id, c.name, c.client_id, o.slug, o.name, x.scopes, x.created_at, x.updated_at
    from consents x
    join clients c on c.org_id = x.org_id and c.id = x.service_id
    join organizations o on o.id = x.org_id
    where x.user_id = $1 and o.deleted_at is null
    order by x.created_at desc, x.service_id
    limit $2"
);

fn guest(row: &QueryResult, org: OrgId, user: &User) -> Result<Guest, DbErr> {
    let mut columns = Columns::of(row);
    let (used, sign_up): (i64, bool) = (columns.next()?, columns.next()?);
    let (scopes, at): (Option<String>, Option<_>) = (columns.next()?, columns.next()?);
    let removed: bool = columns.next()?;
    let allowed = scopes.zip(at).map(|(scopes, at)| Allowed { scopes: Scopes::stored(&scopes), at });
    // The organization's own account whose access it removed has nothing of its own to come back with.
    let is_free = user.realm == PLATFORM || user.realm == org && !removed;
    Ok(Guest { uses: used > 0, may_begin: sign_up && is_free, allowed })
}

async fn find_guest(db: &impl ConnectionTrait, (org, service): (OrgId, ServiceId), user: &User) -> Result<Guest> {
    let values = vec![org.uuid().into(), service.uuid().into(), user.id.uuid().into()];
    let row = sql::one(db, GUEST, values).await?;
    row.map_or(Ok(Guest::default()), |row| guest(&row, org, user).map_err(from_db))
}

fn consent(row: &QueryResult) -> Result<Consent, DbErr> {
    let mut columns = Columns::of(row);
    Ok(Consent {
        service: ServiceId::new(columns.next()?),
        service_name: columns.next()?,
        client_id: columns.next()?,
        organization: Slug::stored(columns.next()?),
        organization_name: columns.next()?,
        scopes: Scopes::stored(&columns.next::<String>()?),
        created_at: columns.next()?,
        updated_at: columns.next()?,
    })
}

impl Store {
    /// For a sign-in that is on its way: what somebody who is no member is at a service.
    pub async fn public_guest(&self, of: (OrgId, ServiceId), user: &User) -> Result<Guest> {
        find_guest(&self.db, of, user).await
    }

    /// What the caller let services have, the newest first; [`LISTED`] at most.
    pub async fn own_consents(&self, scope: UserScope<'_>) -> Result<Vec<Consent>> {
        let values = vec![scope.person().id.uuid().into(), LISTED.into()];
        sql::read_all(&sql::all(&self.db, LIST, values).await?, consent)
    }
}

const BEGIN_TO_USE: Sql = sql!(
    "insert into service_users (org_id, service_id, user_id, made_here, created_at)
    values ($1, $2, $3, $4, $5)
    on conflict (org_id, service_id, user_id) do nothing"
);
const TAKES_SIGN_UPS: Sql = sql!("select 1 from services where org_id = $1 and id = $2 and sign_up");
const TAKE_PLACE: Sql = sql!("update services set users = users + 1 where org_id = $1 and id = $2 and users < $3");
const ALLOW: Sql = sql!(
    "insert into consents (org_id, service_id, user_id, scopes, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $5)
    on conflict (org_id, service_id, user_id) do update set scopes = excluded.scopes, updated_at = excluded.updated_at"
);
const KEEP: Sql =
    sql!("select scopes, updated_at from consents where org_id = $1 and service_id = $2 and user_id = $3 {for share}");
const LOCK: Sql = sql!("select scopes from consents where org_id = $1 and service_id = $2 and user_id = $3 {for update}");
const OF_SERVICE: Sql = sql!("select org_id from consents where service_id = $1 and user_id = $2");
const TAKE_BACK: Sql = sql!("delete from consents where org_id = $1 and service_id = $2 and user_id = $3");
const TAKE_BACK_ALL: Sql = sql!("delete from consents where org_id = $1 and user_id = $2");
/// What the service's client holds in somebody's name, or could still exchange.
const END_CODES: Sql = sql!(
    "delete from codes
    where client_org_id = $1 and client_id = $2 and used_at is null and session_id in (select id from sessions where user_id = $3)"
);
const END_DEVICES: Sql = sql!(
    "delete from device_codes
    where client_org_id = $1 and client_id = $2 and used_at is null and session_id in (select id from sessions where user_id = $3)"
);
const END_GRANTS: Sql = sql!(
    "update grants set revoked_at = $4
    where client_org_id = $1 and client_id = $2 and user_id = $3 and revoked_at is null"
);
const CLIENT: Sql = sql!("select client_id from clients where org_id = $1 and id = $2");

fn key(org: OrgId, service: ServiceId, user: UserId) -> Vec<sea_orm::Value> {
    vec![org.uuid().into(), service.uuid().into(), user.uuid().into()]
}

impl WriteTx {
    /// What somebody who is no member is at a service.
    pub async fn guest(&self, of: (OrgId, ServiceId), user: &User) -> Result<Guest> {
        find_guest(&self.tx, of, user).await
    }

    /// Whether a service takes people who are no members.
    pub async fn takes_sign_ups(&self, (org, service): (OrgId, ServiceId)) -> Result<bool> {
        Ok(sql::one(&self.tx, TAKES_SIGN_UPS, vec![org.uuid().into(), service.uuid().into()]).await?.is_some())
    }

    /// Somebody begins to use a service that takes sign-ups; whether they did not before. `Conflict` (`service_user_limit`).
    pub async fn begin_to_use(&self, (org, service): (OrgId, ServiceId), user: UserId) -> Result<bool> {
        self.keep_service_of(org, service).await?;
        let values = [key(org, service, user), vec![false.into(), self.now().into()]].concat();
        if sql::execute(&self.tx, BEGIN_TO_USE, values).await? == 0 {
            return Ok(false);
        }
        let place = vec![org.uuid().into(), service.uuid().into(), MAX_SERVICE_USERS.into()];
        if sql::execute(&self.tx, TAKE_PLACE, place).await? == 0 {
            return Err(domain::Error::conflict("service_user_limit", "This application takes nobody any more."));
        }
        self.count_end_user(org, user).await?;
        Ok(true)
    }

    /// Lets a service that somebody uses have this, and all that it was let have before.
    pub async fn allow(&self, (org, service): (OrgId, ServiceId), user: UserId, scopes: &Scopes) -> Result<()> {
        let row = sql::one(&self.tx, LOCK, key(org, service, user)).await?;
        let before: Option<String> = row.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)?;
        let before = Scopes::stored(&before.unwrap_or_default());
        let all = Scopes::of(before.iter().chain(scopes.iter()).cloned());
        let values = [key(org, service, user), vec![all.to_string().into(), self.now().into()]].concat();
        sql::execute(&self.tx, ALLOW, values).await.map(|_| ())
    }

    /// Keeps what somebody let a service have until the transaction ends: taking it back waits, and then ends what was granted meanwhile.
    pub async fn keep_consent(&self, (org, service): (OrgId, ServiceId), user: UserId) -> Result<()> {
        sql::one(&self.tx, KEEP, key(org, service, user)).await.map(|_| ())
    }

    /// Takes back what somebody let a service have, and ends what the service's client holds in their name. The organization, and the client's name in
    /// OAuth; `None`: it had nothing.
    pub async fn take_consent_back(&self, service: ServiceId, user: UserId) -> Result<Option<(OrgId, String)>> {
        let row = sql::one(&self.tx, OF_SERVICE, vec![service.uuid().into(), user.uuid().into()]).await?;
        let Some(row) = row else { return Ok(None) };
        let org = OrgId::new(row.try_get_by_index(0).map_err(from_db)?);
        // In the order in which an exchange locks them.
        sql::execute(&self.tx, END_CODES, key(org, service, user)).await?;
        sql::execute(&self.tx, END_DEVICES, key(org, service, user)).await?;
        if sql::execute(&self.tx, TAKE_BACK, key(org, service, user)).await? == 0 {
            return Ok(None);
        }
        sql::execute(&self.tx, END_GRANTS, [key(org, service, user), vec![self.now().into()]].concat()).await?;
        let row = sql::one(&self.tx, CLIENT, vec![org.uuid().into(), service.uuid().into()]).await?;
        let client: Option<String> = row.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)?;
        Ok(client.map(|client| (org, client)))
    }

    /// The same for all services of an organization that somebody is removed from.
    pub(crate) async fn take_consents_back(&self, org: OrgId, user: UserId) -> Result<()> {
        sql::execute(&self.tx, TAKE_BACK_ALL, vec![org.uuid().into(), user.uuid().into()]).await.map(|_| ())
    }
}

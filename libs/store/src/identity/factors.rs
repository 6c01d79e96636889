//! Second factors of accounts, and sign-ins that wait for one. Everything is used up by a statement that must hit one row, so that of two who
//! come with the same code at the same moment one gets in.

mod figures;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use crypto::{sealed::Sealed, totp::TotpSecret};
use domain::{
    OrgId, PLATFORM, Result, Time, UserId,
    authorization::policy::{PlatformScope, UserScope},
    core::rate::Limit,
    identity::{
        authentications::{Authentication, Authentications},
        factors::{Enrolled, OnDevices},
        login_throttling::Budget,
    },
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use uuid::Uuid;

use self::table::SECRET;
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

const ENROLLED: Sql =
    sql!("select (select confirmed_at from totp where user_id = $1), (select count(*) from recovery_codes where user_id = $1)");

async fn enrolled(db: &impl ConnectionTrait, user: UserId) -> Result<Enrolled> {
    let row = sql::one(db, ENROLLED, vec![user.uuid().into()]).await?;
    let read = |row: QueryResult| {
        let mut columns = Columns::of(&row);
        Ok(Enrolled { totp_since: columns.next()?, recovery_codes: columns.next()? })
    };
    let found = row.map(read).transpose().map_err(from_db)?.unwrap_or_default();
    // Codes of what is not confirmed count for nothing.
    Ok(if found.totp_since.is_some() { found } else { Enrolled::default() })
}

/// What says who somebody is, or confirms it, and is on a device of theirs.
const ON_DEVICES: Sql = sql!(
    "select exists (select 1 from totp where user_id = $1 and confirmed_at is not null), exists (select 1 from passkeys where user_id = $1)"
);

async fn on_devices(db: &impl ConnectionTrait, user: UserId) -> Result<OnDevices> {
    let row = sql::one(db, ON_DEVICES, vec![user.uuid().into()]).await?;
    let read = |row: QueryResult| Ok(OnDevices { app: row.try_get_by_index(0)?, passkey: row.try_get_by_index(1)? });
    row.map(read).transpose().map_err(from_db).map(Option::unwrap_or_default)
}

impl Store {
    /// The second factors of an account that signs in.
    pub async fn public_factors(&self, user: UserId) -> Result<OnDevices> {
        on_devices(&self.db, user).await
    }
    /// Whether a sign-in that waits for its second factor began by a mail.
    pub async fn public_came_by_mail(&self, user: UserId, waiting: Uuid) -> Result<bool> {
        let row = sql::one(&self.db, WAITING_DID, vec![user.uuid().into(), waiting.into()]).await?;
        let did: Option<Option<String>> = row.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)?;
        Ok(did.flatten().is_some_and(|text| Authentications::stored(Some(&text)).is_by_mail()))
    }
    /// Whether an account whose password was right is asked for a code of its app, and not for a mailed one.
    pub async fn has_authenticator_app(&self, user: UserId) -> Result<bool> {
        Ok(enrolled(&self.db, user).await?.totp_since.is_some())
    }

    /// What the caller has enrolled.
    pub async fn own_factors(&self, who: UserScope<'_>) -> Result<Enrolled> {
        enrolled(&self.db, who.person().id).await
    }

    /// What an account has enrolled.
    pub async fn factors_of(&self, _: PlatformScope<'_>, user: UserId) -> Result<Enrolled> {
        enrolled(&self.db, user).await
    }
}

/// An account's authenticator app.
#[derive(Debug)]
pub struct StoredTotp {
    /// What it shares with us.
    pub secret: TotpSecret,
    /// When it was confirmed; `None`: it counts for nothing.
    pub confirmed_at: Option<Time>,
    /// When it was set up.
    pub set_up_at: Time,
}

const FIND: Sql = sql!("select secret, confirmed_at, created_at from totp where user_id = $1");
const PUT: Sql = sql!(
    "insert into totp (user_id, secret, last_step, confirmed_at, created_at)
    values ($1, $2, 0, null, $3)
    on conflict (user_id) do update set
      secret = excluded.secret, last_step = 0, confirmed_at = null, created_at = excluded.created_at"
);
const CONFIRM: Sql = sql!("update totp set confirmed_at = $3, last_step = $2 where user_id = $1 and confirmed_at is null");
/// Each thirty seconds work once, and none before one that was used.
const USE_STEP: Sql = sql!("update totp set last_step = $2 where user_id = $1 and confirmed_at is not null and last_step < $2");
const DROP_TOTP: Sql = sql!("delete from totp where user_id = $1");
const DROP_CODES: Sql = sql!("delete from recovery_codes where user_id = $1");
const ADD_CODES: Sql<1> = sql!(
    "insert into recovery_codes (user_id, hash) select $1, v.hash from {rows}",
    rows = 2 (hash: String)
);
const USE_CODE: Sql = sql!("delete from recovery_codes where user_id = $1 and hash = $2");

impl WriteTx {
    /// The second factors that an account has on devices. Lock the account first.
    pub async fn on_devices(&self, user: UserId) -> Result<OnDevices> {
        on_devices(&self.tx, user).await
    }
    /// What an account has enrolled. Lock the account first.
    pub async fn enrolled(&self, user: UserId) -> Result<Enrolled> {
        enrolled(&self.tx, user).await
    }

    /// The account's authenticator app, confirmed or not.
    pub async fn totp(&self, user: UserId) -> Result<Option<StoredTotp>> {
        let Some(row) = sql::one(&self.tx, FIND, vec![user.uuid().into()]).await? else { return Ok(None) };
        let read = || -> Result<(String, Option<Time>, Time), DbErr> {
            let mut columns = Columns::of(&row);
            Ok((columns.next()?, columns.next()?, columns.next()?))
        };
        let (sealed, confirmed_at, set_up_at) = read().map_err(from_db)?;
        let secret = self.open_sealed(&SECRET.place(PLATFORM, &user.to_string()), &Sealed::from(sealed)).await?;
        Ok(Some(StoredTotp { secret: TotpSecret::stored(&secret), confirmed_at, set_up_at }))
    }

    /// Sets an authenticator app up, in the place of another; it counts once it is confirmed.
    pub async fn put_totp(&self, user: UserId, secret: &TotpSecret) -> Result<()> {
        let sealed = self.store.keyring().seal(&SECRET.place(PLATFORM, &user.to_string()), secret.expose())?;
        let values = vec![user.uuid().into(), sealed.as_str().into(), self.now().into()];
        sql::execute(&self.tx, PUT, values).await.map(|_| ())
    }

    /// Confirms it with the code of `step`. `false`: it is confirmed already.
    pub async fn confirm_totp(&self, user: UserId, step: i64) -> Result<bool> {
        let values = vec![user.uuid().into(), step.into(), self.now().into()];
        Ok(sql::execute(&self.tx, CONFIRM, values).await? == 1)
    }

    /// Uses the code of `step` up. `false`: it, or a later one, was used before.
    pub async fn use_totp_step(&self, user: UserId, step: i64) -> Result<bool> {
        Ok(sql::execute(&self.tx, USE_STEP, vec![user.uuid().into(), step.into()]).await? == 1)
    }

    /// Sets the account's recovery codes, in the place of others.
    pub async fn put_recovery_codes(&self, user: UserId, hashes: &[String]) -> Result<()> {
        sql::execute(&self.tx, DROP_CODES, vec![user.uuid().into()]).await?;
        let rows = hashes.iter().map(|hash| [hash.as_str().into()]);
        ADD_CODES.execute(&self.tx, vec![user.uuid().into()], rows).await.map(|_| ())
    }

    /// Uses a recovery code up. `false`: there is no such code, or not any more.
    pub async fn use_recovery_code(&self, user: UserId, hash: &str) -> Result<bool> {
        Ok(sql::execute(&self.tx, USE_CODE, vec![user.uuid().into(), hash.into()]).await? == 1)
    }

    /// Takes all second factors of an account away. `false`: it had none.
    pub async fn drop_factors(&self, user: UserId) -> Result<bool> {
        sql::execute(&self.tx, DROP_CODES, vec![user.uuid().into()]).await?;
        Ok(sql::execute(&self.tx, DROP_TOTP, vec![user.uuid().into()]).await? == 1)
    }
}

/// A sign-in that waits for its second factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Names the password that was right; of who came through a provider, that.
    pub proven: String,
    /// Until when it waits.
    pub until: Time,
    /// What was done; `None`: the password was given, by an older version.
    pub did: Option<Authentications>,
}

/// Sign-ins of one account that wait at most; the oldest go.
const MOST_WAITING: i64 = 20;

const WAIT: Sql = sql!("insert into waiting_sign_ins (user_id, id, proven, expires_at, did) values ($1, $2, $3, $4, $5)");
const CROWD: Sql = sql!(
    "delete from waiting_sign_ins
    where user_id = $1 and id in (
      select id from waiting_sign_ins where user_id = $1 order by expires_at desc, id desc limit 1000 offset $2)"
);
const WAITING: Sql =
    sql!("select proven, expires_at, did from waiting_sign_ins where user_id = $1 and id = $2 and expires_at > $3");
const WAITING_DID: Sql = sql!("select did from waiting_sign_ins where user_id = $1 and id = $2");
const ENDED: Sql = sql!("delete from waiting_sign_ins where user_id = $1 and id = $2");

impl WriteTx {
    /// Lets a sign-in wait for its second factor.
    pub async fn wait_for_factor(
        &self,
        user: UserId,
        id: Uuid,
        (proven, did): (&str, &Authentications),
        expires_at: Time,
    ) -> Result<()> {
        let values = vec![user.uuid().into(), id.into(), proven.into(), expires_at.into(), did.to_text().into()];
        sql::execute(&self.tx, WAIT, values).await?;
        sql::execute(&self.tx, CROWD, vec![user.uuid().into(), MOST_WAITING.into()]).await.map(|_| ())
    }

    /// What a waiting sign-in rests on; `None`: it is over.
    pub async fn waiting_sign_in(&self, user: UserId, id: Uuid) -> Result<Option<Waiting>> {
        let row = sql::one(&self.tx, WAITING, vec![user.uuid().into(), id.into(), self.now().into()]).await?;
        let read = |row: QueryResult| {
            let did: Option<String> = row.try_get_by_index(2)?;
            let did = did.map(|text| Authentications::stored(Some(&text)));
            Ok(Waiting { proven: row.try_get_by_index(0)?, until: row.try_get_by_index(1)?, did })
        };
        row.map(read).transpose().map_err(from_db)
    }

    /// A sign-in waits no more. `false`: somebody else ended it.
    pub async fn end_waiting(&self, user: UserId, id: Uuid) -> Result<bool> {
        Ok(sql::execute(&self.tx, ENDED, vec![user.uuid().into(), id.into()]).await? == 1)
    }
}

const DID: Sql = sql!("select authn from sessions where id = $1 and user_id = $2 {for no key update}");
const SET_DID: Sql = sql!("update sessions set authn = $2 where id = $1");
const BUDGET: Sql = sql!("select b.full_at from guess_budgets b where b.id = $1 and b.forget_at > $2");
const FORGET: Sql = sql!("delete from guess_budgets where id = $1");
/// Organizations that somebody is a member of; so many are told what becomes of their factors.
const MEMBER_OF: Sql = sql!(
    "select o.id
    from memberships m
    join organizations o on o.id = m.org_id
    where m.user_id = $1 and o.deleted_at is null
    order by o.id
    limit 100"
);

impl WriteTx {
    /// A session did something more.
    pub async fn session_did(&self, user: UserId, session: domain::SessionId, done: Authentication) -> Result<()> {
        let row = sql::one(&self.tx, DID, vec![session.uuid().into(), user.uuid().into()]).await?;
        let Some(row) = row else { return Err(domain::Error::not_found("session")) };
        let text: Option<String> = row.try_get_by_index(0).map_err(from_db)?;
        let did = Authentications::stored(text.as_deref()).and(done);
        sql::execute(&self.tx, SET_DID, vec![session.uuid().into(), did.to_text().into()]).await.map(|_| ())
    }

    /// How much of a budget of guesses is used.
    pub async fn guess_budget(&self, id: &str) -> Result<Budget> {
        let row = sql::one(&self.tx, BUDGET, vec![id.into(), self.now().into()]).await?;
        let full_at = row.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)?.unwrap_or_default();
        Ok(Budget { full_at, ..Budget::default() })
    }

    /// Charges a wrong second factor against these budgets of the account.
    pub async fn charge_factor(&self, budgets: [(&str, Limit); 2]) -> Result<()> {
        for (id, limit) in budgets {
            self.charge_login_budget(id, limit).await?;
        }
        Ok(())
    }

    /// A budget is as if nothing had been guessed.
    pub async fn forget_guesses(&self, id: &str) -> Result<()> {
        sql::execute(&self.tx, FORGET, vec![id.into()]).await.map(|_| ())
    }

    /// The organizations that somebody is a member of, at most 100.
    pub async fn member_of(&self, user: UserId) -> Result<Vec<OrgId>> {
        let rows = sql::all(&self.tx, MEMBER_OF, vec![user.uuid().into()]).await?;
        sql::read_all(&rows, |row| row.try_get_by_index(0).map(OrgId::new))
    }
}

const DISTRUST: Sql = sql!("update users set password_hash = null, updated_at = $2 where id = $1 and password_hash is not null");

impl WriteTx {
    /// The account's password counts as known to others: it works no more. Sessions go on. `false`: it had none.
    pub async fn distrust_password(&self, user: UserId) -> Result<bool> {
        Ok(sql::execute(&self.tx, DISTRUST, vec![user.uuid().into(), self.now().into()]).await? == 1)
    }
}

//! Passkeys, and what devices are asked for them. A challenge is used up by a statement that must hit one row, whatever the answer is worth: of two who
//! bring the same answer at the same moment one gets in.

pub(crate) mod table;

use crypto::{
    passkeys::{Asked, Made},
    sealed::Sealed,
};
use domain::{
    Error, PLATFORM, Result, Time, UserId,
    authorization::policy::UserScope,
    core::value::Name,
    identity::passkeys::{Ceremony, MOST_CHALLENGES, Passkey, PasskeyChallengeId, PasskeyId},
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use uuid::Uuid;

use self::table::{ASKED, PASSKEYS_CREDENTIAL};
use crate::{
    Store, WriteTx,
    core::{
        error::{from_db, on},
        sql::{self, Columns, Sql, sql},
    },
};

const OF: Sql = sql!(
    "select id, name, created_at, last_used_at
    from passkeys
    where user_id = $1
    order by created_at, id
    limit 100"
);

fn read(row: &QueryResult) -> Result<Passkey, DbErr> {
    let mut columns = Columns::of(row);
    Ok(Passkey {
        id: PasskeyId::new(columns.next()?),
        name: Name::stored(columns.next()?),
        created_at: columns.next()?,
        last_used_at: columns.next()?,
    })
}

async fn all(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<Passkey>> {
    sql::read_all(&sql::all(db, OF, vec![user.uuid().into()]).await?, read)
}

const HAS: Sql = sql!("select 1 from passkeys where user_id = $1 limit 1");
const LOOK: Sql = sql!("select asked from passkey_challenges where id = $1 and ceremony = $2 and expires_at > $3");

impl Store {
    /// The caller's passkeys, the oldest first.
    pub async fn own_passkeys(&self, who: UserScope<'_>) -> Result<Vec<Passkey>> {
        all(&self.db, who.person().id).await
    }

    /// Whether an account whose password was right has passkeys.
    pub async fn has_passkey(&self, user: UserId) -> Result<bool> {
        Ok(sql::one(&self.db, HAS, vec![user.uuid().into()]).await?.is_some())
    }

    /// What a device is asked in a sign-in; `None`: it has run out, or was answered. Its name is random.
    pub async fn public_passkey_challenge(&self, id: PasskeyChallengeId, now: Time) -> Result<Option<Asked>> {
        let values = vec![id.uuid().into(), Ceremony::SignIn.as_str().into(), now.into()];
        let Some(row) = sql::one(&self.db, LOOK, values).await? else { return Ok(None) };
        let sealed: String = row.try_get_by_index(0).map_err(from_db)?;
        let plain = self.open_sealed(&ASKED.place(PLATFORM, &id.to_string()), &Sealed::from(sealed)).await?;
        serde_json::from_slice(&plain).map(Some).map_err(Error::internal)
    }
}

/// A passkey that somebody says to have.
#[derive(Clone, Debug)]
pub struct StoredPasskey {
    /// Whose.
    pub user: UserId,
    /// Identifier.
    pub id: PasskeyId,
    /// By what devices know the person.
    pub handle: Uuid,
    /// What answers are checked by.
    pub credential: String,
}

const ASK: Sql = sql!("insert into passkey_challenges (id, ceremony, user_id, asked, expires_at) values ($1, $2, $3, $4, $5)");
const CROWD: Sql = sql!(
    "delete from passkey_challenges
    where user_id = $1 and id in (
      select id from passkey_challenges where user_id = $1 order by expires_at desc, id desc limit 1000 offset $2)"
);
const TAKE: Sql = sql!(
    "select user_id, asked from passkey_challenges
    where id = $1 and ceremony = $2 and expires_at > $3
    {for update}"
);
const TAKEN: Sql = sql!("delete from passkey_challenges where id = $1");
const KNOWN: Sql = sql!("select credential_id, handle from passkeys where user_id = $1 order by created_at, id limit 100");
const OF_CREDENTIAL: Sql = sql!("select user_id, id, handle, credential from passkeys where credential_id = $1");
const ADD: Sql = sql!(
    "insert into passkeys (user_id, id, credential_id, handle, credential, name, created_at)
    values ($1, $2, $3, $4, $5, $6, $7)"
);
const USED: Sql =
    sql!("update passkeys set last_used_at = $3, credential = coalesce($4, credential) where user_id = $1 and id = $2");
const RENAME: Sql = sql!("update passkeys set name = $3 where user_id = $1 and id = $2");
const REMOVE: Sql = sql!("delete from passkeys where user_id = $1 and id = $2");

impl WriteTx {
    /// Asks a device; of a registration, one of this account.
    pub async fn ask_passkey(
        &self,
        id: PasskeyChallengeId,
        (ceremony, user): (Ceremony, Option<UserId>),
        asked: &Asked,
        until: Time,
    ) -> Result<()> {
        let sealed = self.store.keyring().seal_json(&ASKED.place(PLATFORM, &id.to_string()), asked)?;
        let whose = user.map(UserId::uuid);
        let values = vec![id.uuid().into(), ceremony.as_str().into(), whose.into(), sealed.as_str().into(), until.into()];
        sql::execute(&self.tx, ASK, values).await?;
        match user {
            Some(user) => sql::execute(&self.tx, CROWD, vec![user.uuid().into(), MOST_CHALLENGES.into()]).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Uses a challenge up: whose it is, and what was asked. `None`: it was used, has run out, or is for something else.
    pub async fn take_passkey_challenge(
        &self,
        id: PasskeyChallengeId,
        ceremony: Ceremony,
    ) -> Result<Option<(Option<UserId>, Asked)>> {
        let values = vec![id.uuid().into(), ceremony.as_str().into(), self.now().into()];
        let Some(row) = sql::one(&self.tx, TAKE, values).await? else { return Ok(None) };
        if sql::execute(&self.tx, TAKEN, vec![id.uuid().into()]).await? != 1 {
            return Ok(None);
        }
        let user: Option<Uuid> = row.try_get_by_index(0).map_err(from_db)?;
        let sealed: String = row.try_get_by_index(1).map_err(from_db)?;
        let plain = self.open_sealed(&ASKED.place(PLATFORM, &id.to_string()), &Sealed::from(sealed)).await?;
        let asked = serde_json::from_slice(&plain).map_err(Error::internal)?;
        Ok(Some((user.map(UserId::new), asked)))
    }

    /// The account's passkeys, the oldest first. Lock the account first.
    pub async fn passkeys(&self, user: UserId) -> Result<Vec<Passkey>> {
        all(&self.tx, user).await
    }

    /// The names of the account's passkeys, and by what their devices know the person; `None`: there are none.
    pub async fn known_passkeys(&self, user: UserId) -> Result<(Vec<String>, Option<Uuid>)> {
        let rows = sql::all(&self.tx, KNOWN, vec![user.uuid().into()]).await?;
        let known: Vec<(String, Uuid)> = sql::read_all(&rows, |row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))?;
        let handle = known.first().map(|(_, handle)| *handle);
        Ok((known.into_iter().map(|(id, _)| id).collect(), handle))
    }

    /// The passkey of that name, whoever has it.
    pub async fn passkey_of_credential(&self, credential_id: &str) -> Result<Option<StoredPasskey>> {
        let row = sql::one(&self.tx, OF_CREDENTIAL, vec![credential_id.into()]).await?;
        let read = |row: QueryResult| {
            let mut columns = Columns::of(&row);
            let (user, id) = (UserId::new(columns.next()?), PasskeyId::new(columns.next()?));
            Ok(StoredPasskey { user, id, handle: columns.next()?, credential: columns.next()? })
        };
        row.map(read).transpose().map_err(from_db)
    }

    /// Adds a passkey. `AlreadyExists` (`passkey_exists`) if somebody has it.
    pub async fn insert_passkey(&self, user: UserId, passkey: &Passkey, (made, handle): (&Made, Uuid)) -> Result<()> {
        let values = vec![
            user.uuid().into(),
            passkey.id.uuid().into(),
            made.credential_id.as_str().into(),
            handle.into(),
            made.credential.as_str().into(),
            passkey.name.as_str().into(),
            passkey.created_at.into(),
        ];
        let taken = || Error::exists("passkey_exists", "This passkey is known already.");
        sql::try_execute(&self.tx, ADD, values).await.map_err(on(&PASSKEYS_CREDENTIAL, taken)).map(|_| ())
    }

    /// Somebody signed in with it; `changed`: what its answers are checked by from now on.
    pub async fn passkey_used(&self, passkey: &StoredPasskey, changed: Option<&str>) -> Result<()> {
        let values = vec![passkey.user.uuid().into(), passkey.id.uuid().into(), self.now().into(), changed.into()];
        sql::execute(&self.tx, USED, values).await.map(|_| ())
    }

    /// Names one of the account's passkeys. `false`: there is no such passkey.
    pub async fn rename_passkey(&self, user: UserId, id: PasskeyId, name: &Name) -> Result<bool> {
        let values = vec![user.uuid().into(), id.uuid().into(), name.as_str().into()];
        Ok(sql::execute(&self.tx, RENAME, values).await? == 1)
    }

    /// Removes one of the account's passkeys. `false`: there is no such passkey.
    pub async fn remove_passkey(&self, user: UserId, id: PasskeyId) -> Result<bool> {
        Ok(sql::execute(&self.tx, REMOVE, vec![user.uuid().into(), id.uuid().into()]).await? == 1)
    }
}

//! Accounts. The links that are mailed to their owners are in [`links`].

mod links;
pub(crate) mod table;

use domain::{
    Error, OrgId, Result, UserId,
    core::value::{Email, Slug},
    identity::accounts::User,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, Select, Set,
    sea_query::{Expr, LockType},
};

pub use self::links::Link;
use crate::{
    Store, WriteTx,
    core::{
        entity::users,
        error::{from_db, on},
        sql::{self, Columns, Sql, sql},
    },
};

/// An account with what only sign-in needs.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account.
    pub user: User,
    /// Its password, hashed; `None` for an account without one.
    pub password_hash: Option<String>,
}

pub(crate) fn user(row: users::Model) -> User {
    User {
        id: UserId::new(row.id),
        realm: OrgId::new(row.realm),
        email: Email::stored(row.email),
        is_platform_owner: row.is_platform_owner,
        email_verified_at: row.email_verified_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
        deleted_at: row.deleted_at,
    }
}

/// The columns of a [`User`] behind its id, for every statement that joins users `u`.
pub(crate) const USER_COLUMNS: &str =
    "u.realm, u.email, u.is_platform_owner, u.email_verified_at, u.created_at, u.updated_at, u.deleted_at";

/// Reads what [`USER_COLUMNS`] selected.
pub(crate) fn next_user(id: UserId, columns: &mut Columns<'_>) -> Result<User, DbErr> {
    Ok(User {
        id,
        realm: OrgId::new(columns.next()?),
        email: Email::stored(columns.next()?),
        is_platform_owner: columns.next()?,
        email_verified_at: columns.next()?,
        created_at: columns.next()?,
        updated_at: columns.next()?,
        deleted_at: columns.next()?,
    })
}

fn account(row: users::Model) -> Account {
    Account { password_hash: row.password_hash.clone(), user: user(row) }
}

fn at_address(realm: OrgId, email: &Email) -> Select<users::Entity> {
    users::Entity::find().filter(users::Column::Realm.eq(realm.uuid())).filter(users::Column::Email.eq(email.as_str()))
}

async fn by_email(db: &impl ConnectionTrait, realm: OrgId, email: &Email) -> Result<Option<Account>> {
    Ok(at_address(realm, email).one(db).await.map_err(from_db)?.map(account))
}

async fn any_platform_owner(db: &impl ConnectionTrait) -> Result<bool> {
    let query = users::Entity::find().filter(users::Column::IsPlatformOwner.eq(true)).filter(users::Column::DeletedAt.is_null());
    Ok(query.one(db).await.map_err(from_db)?.is_some())
}

/// The account of an address in the realm of an organization that it is a member of.
const MANAGED_ACCOUNT: Sql = sql!(
    "select u.id
    from organizations o
    join users u on u.realm = o.id
    join memberships m on m.org_id = o.id and m.user_id = u.id
    where o.slug = $1 and u.email = $2 and u.deleted_at is null"
);

impl Store {
    /// What sign-in, sign-up and password recovery may look up before anybody is known: the live account of `email` in `realm`.
    pub async fn public_account(&self, realm: OrgId, email: &Email) -> Result<Option<Account>> {
        Ok(by_email(&self.db, realm, email).await?.filter(|account| account.user.deleted_at.is_none()))
    }
    /// The live account of `email` that the organization `slug` manages, while it is a member there.
    pub async fn public_managed_account(&self, slug: &Slug, email: &Email) -> Result<Option<Account>> {
        let Some(row) = sql::one(&self.db, MANAGED_ACCOUNT, vec![slug.as_str().into(), email.as_str().into()]).await? else {
            return Ok(None);
        };
        let id: uuid::Uuid = row.try_get("", "id").map_err(from_db)?;
        Ok(users::Entity::find_by_id(id).one(&self.db).await.map_err(from_db)?.map(account))
    }
    /// An account by id, with its password hash, for its owner.
    pub async fn own_account(&self, who: domain::authorization::policy::UserScope<'_>) -> Result<Account> {
        let row = users::Entity::find_by_id(who.person().id.uuid()).one(&self.db).await.map_err(from_db)?;
        row.map(account).ok_or_else(|| Error::not_found("user"))
    }
    /// An account by id, for who may have its data shown. `NotFound`.
    pub(crate) async fn account_by_id(&self, id: UserId) -> Result<User> {
        let row = users::Entity::find_by_id(id.uuid()).one(&self.db).await.map_err(from_db)?;
        row.map(user).ok_or_else(|| Error::not_found("user"))
    }
    /// Whether anybody operates the platform yet.
    pub async fn has_platform_owner(&self) -> Result<bool> {
        any_platform_owner(&self.db).await
    }
}

/// Changes nothing, and waits for whoever does the same.
const LOCK_SETUP: &str = "update sequencer set passes = passes where id = 1";

impl WriteTx {
    /// Lets only one transaction at a time look for, and make, the first platform owner.
    pub async fn lock_setup(&self) -> Result<()> {
        sql::execute(&self.tx, LOCK_SETUP, vec![]).await.map(|_| ())
    }

    /// Whether anybody operates the platform yet.
    pub async fn any_platform_owner(&self) -> Result<bool> {
        any_platform_owner(&self.tx).await
    }

    /// The account of `email` in `realm`.
    pub async fn find_account(&self, realm: OrgId, email: &Email) -> Result<Option<Account>> {
        by_email(&self.tx, realm, email).await
    }

    /// The same, locked until the transaction ends: for whoever gives something to whoever has the address, so that it is not moved away
    /// (`move_service_user`) in between.
    pub async fn lock_account_at(&self, realm: OrgId, email: &Email) -> Result<Option<Account>> {
        let query = at_address(realm, email).lock(LockType::NoKeyUpdate);
        Ok(query.one(&self.tx).await.map_err(from_db)?.map(account))
    }

    /// An account as it is now, not locked.
    pub async fn account(&self, id: UserId) -> Result<Account> {
        let row = users::Entity::find_by_id(id.uuid()).one(&self.tx).await.map_err(from_db)?;
        row.map(account).ok_or_else(|| Error::not_found("user"))
    }

    /// An account, locked until the transaction ends, so that checks on it hold.
    pub async fn lock_account(&self, id: UserId) -> Result<Account> {
        let row = users::Entity::find_by_id(id.uuid()).lock(LockType::NoKeyUpdate).one(&self.tx).await.map_err(from_db)?;
        row.map(account).ok_or_else(|| Error::not_found("user"))
    }

    /// Makes an account. `AlreadyExists` (`email_taken`) if the address has one in this realm: show that to nobody.
    pub async fn insert_account(&self, user: &User, password_hash: Option<String>) -> Result<()> {
        let row = users::ActiveModel {
            id: Set(user.id.uuid()),
            realm: Set(user.realm.uuid()),
            email: Set(user.email.to_string()),
            password_hash: Set(password_hash),
            is_platform_owner: Set(user.is_platform_owner),
            email_verified_at: Set(user.email_verified_at),
            created_at: Set(user.created_at),
            updated_at: Set(user.updated_at),
            deleted_at: Set(user.deleted_at),
        };
        let taken = on(&table::USERS_EMAIL, || Error::exists("email_taken", "This address has an account already."));
        users::Entity::insert(row).exec_without_returning(&self.tx).await.map_err(taken)?;
        Ok(())
    }

    /// Saves what may change of an account.
    pub async fn save_account(&self, user: &User, password_hash: Option<String>) -> Result<()> {
        let row = users::ActiveModel {
            id: Set(user.id.uuid()),
            email: Set(user.email.to_string()),
            password_hash: Set(password_hash),
            is_platform_owner: Set(user.is_platform_owner),
            email_verified_at: Set(user.email_verified_at),
            updated_at: Set(self.now()),
            deleted_at: Set(user.deleted_at),
            ..Default::default()
        };
        let taken = on(&table::USERS_EMAIL, || Error::exists("email_taken", "This address has an account already."));
        users::Entity::update(row).exec(&self.tx).await.map_err(taken)?;
        Ok(())
    }

    /// Stores a better hash of the same password, if it is still the same.
    pub async fn rehash_password(&self, id: UserId, old: &str, new: String) -> Result<()> {
        let update = users::Entity::update_many().col_expr(users::Column::PasswordHash, Expr::value(new));
        update
            .filter(users::Column::Id.eq(id.uuid()))
            .filter(users::Column::PasswordHash.eq(old))
            .exec(&self.tx)
            .await
            .map_err(from_db)?;
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;

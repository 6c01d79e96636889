//! Accounts and one-time links.

use domain::{
    Error, OrgId, Result, UserId,
    accounts::{LinkPurpose, User},
    value::Email,
};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Set, sea_query::Expr};

use crate::{
    Store, WriteTx,
    entity::{one_time_links, users},
    error::{USERS_EMAIL, from_db, on},
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

fn account(row: users::Model) -> Account {
    Account { password_hash: row.password_hash.clone(), user: user(row) }
}

async fn by_email(db: &impl ConnectionTrait, realm: OrgId, email: &Email) -> Result<Option<Account>> {
    let query = users::Entity::find().filter(users::Column::Realm.eq(realm.uuid())).filter(users::Column::Email.eq(email.as_str()));
    Ok(query.one(db).await.map_err(from_db)?.map(account))
}

impl Store {
    /// What sign-in, sign-up and password recovery may look up before anybody is known: the live account of `email` in `realm`.
    pub async fn public_account(&self, realm: OrgId, email: &Email) -> Result<Option<Account>> {
        Ok(by_email(&self.db, realm, email).await?.filter(|account| account.user.deleted_at.is_none()))
    }
    /// An account by id, with its password hash, for its owner.
    pub async fn own_account(&self, who: domain::policy::UserScope<'_>) -> Result<Account> {
        let row = users::Entity::find_by_id(who.person().id.uuid()).one(&self.db).await.map_err(from_db)?;
        row.map(account).ok_or_else(|| Error::not_found("user"))
    }
    /// Whether anybody operates the platform yet.
    pub async fn has_platform_owner(&self) -> Result<bool> {
        let query = users::Entity::find().filter(users::Column::IsPlatformOwner.eq(true)).filter(users::Column::DeletedAt.is_null());
        Ok(query.one(&self.db).await.map_err(from_db)?.is_some())
    }
}

impl WriteTx {
    /// The account of `email` in `realm`.
    pub async fn find_account(&self, realm: OrgId, email: &Email) -> Result<Option<Account>> {
        by_email(&self.tx, realm, email).await
    }

    /// An account, locked until the transaction ends, so that checks on it hold.
    pub async fn lock_account(&self, id: UserId) -> Result<Account> {
        let row = users::Entity::find_by_id(id.uuid()).lock_exclusive().one(&self.tx).await.map_err(from_db)?;
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
        let taken = on(USERS_EMAIL, || Error::exists("email_taken", "This address has an account already."));
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
        let taken = on(USERS_EMAIL, || Error::exists("email_taken", "This address has an account already."));
        users::Entity::update(row).exec(&self.tx).await.map_err(taken)?;
        Ok(())
    }

    /// Stores a better hash of the same password, if it is still the same.
    pub async fn rehash_password(&self, id: UserId, old: &str, new: String) -> Result<()> {
        let update = users::Entity::update_many().col_expr(users::Column::PasswordHash, Expr::value(new));
        update.filter(users::Column::Id.eq(id.uuid())).filter(users::Column::PasswordHash.eq(old)).exec(&self.tx).await.map_err(from_db)?;
        Ok(())
    }

    /// Stores what a mailed link stands for, and forgets earlier links of the same purpose.
    pub async fn insert_link(&self, purpose: LinkPurpose, user: UserId, email: &Email, token_hash: String) -> Result<()> {
        self.drop_links(purpose, user).await?;
        let row = one_time_links::ActiveModel {
            hash: Set(token_hash),
            purpose: Set(purpose.as_str().to_owned()),
            user_id: Set(user.uuid()),
            email: Set(email.to_string()),
            expires_at: Set(self.now() + purpose.lifetime()),
            created_at: Set(self.now()),
        };
        one_time_links::Entity::insert(row).exec_without_returning(&self.tx).await.map_err(from_db)?;
        Ok(())
    }

    /// Forgets a user's links of one purpose.
    pub async fn drop_links(&self, purpose: LinkPurpose, user: UserId) -> Result<()> {
        let links = one_time_links::Entity::delete_many().filter(one_time_links::Column::UserId.eq(user.uuid()));
        links.filter(one_time_links::Column::Purpose.eq(purpose.as_str())).exec(&self.tx).await.map_err(from_db)?;
        Ok(())
    }

    /// Uses a link up: whose it is and for which address. `None` if it is unknown, used, expired or for another purpose.
    pub async fn take_link(&self, purpose: LinkPurpose, token_hash: &str) -> Result<Option<(UserId, Email)>> {
        let row = one_time_links::Entity::find_by_id(token_hash).lock_exclusive().one(&self.tx).await.map_err(from_db)?;
        let Some(row) = row.filter(|row| row.purpose == purpose.as_str() && row.expires_at > self.now()) else { return Ok(None) };
        one_time_links::Entity::delete_by_id(row.hash).exec(&self.tx).await.map_err(from_db)?;
        Ok(Some((UserId::new(row.user_id), Email::stored(row.email))))
    }
}


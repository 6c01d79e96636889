//! Accounts and one-time links.

use domain::{
    Error, OrgId, Result, Time, UserId,
    core::value::{Email, Slug},
    identity::accounts::{LinkPurpose, User},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{Expr, LockType},
};

use crate::{
    Store, WriteTx,
    core::{
        entity::{one_time_links, users},
        error::{USERS_EMAIL, from_db, on},
        sql::{self, Columns},
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
macro_rules! user_columns {
    () => {
        "u.realm, u.email, u.is_platform_owner, u.email_verified_at, u.created_at, u.updated_at, u.deleted_at"
    };
}
pub(crate) use user_columns;

/// Reads what [`user_columns`] selected.
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

async fn by_email(db: &impl ConnectionTrait, realm: OrgId, email: &Email) -> Result<Option<Account>> {
    let query =
        users::Entity::find().filter(users::Column::Realm.eq(realm.uuid())).filter(users::Column::Email.eq(email.as_str()));
    Ok(query.one(db).await.map_err(from_db)?.map(account))
}

async fn any_platform_owner(db: &impl ConnectionTrait) -> Result<bool> {
    let query = users::Entity::find().filter(users::Column::IsPlatformOwner.eq(true)).filter(users::Column::DeletedAt.is_null());
    Ok(query.one(db).await.map_err(from_db)?.is_some())
}

impl Store {
    /// What sign-in, sign-up and password recovery may look up before anybody is known: the live account of `email` in `realm`.
    pub async fn public_account(&self, realm: OrgId, email: &Email) -> Result<Option<Account>> {
        Ok(by_email(&self.db, realm, email).await?.filter(|account| account.user.deleted_at.is_none()))
    }
    /// The live account of `email` that the organization `slug` manages, while it is a member there.
    pub async fn public_managed_account(&self, slug: &Slug, email: &Email) -> Result<Option<Account>> {
        let find = "select u.id from organizations o join users u on u.realm = o.id join memberships m on m.org_id = o.id and m.user_id = u.id
where o.slug = $1 and u.email = $2 and u.deleted_at is null";
        let Some(row) = sql::one(&self.db, find, vec![slug.as_str().into(), email.as_str().into()]).await? else {
            return Ok(None);
        };
        let id: uuid::Uuid = row.try_get("", "id").map_err(from_db)?;
        Ok(users::Entity::find_by_id(id).one(&self.db).await.map_err(from_db)?.map(account))
    }
    /// What a link stands for, without using it up.
    pub async fn public_link(&self, purpose: LinkPurpose, token_hash: &str, now: Time) -> Result<Option<Link>> {
        let row = one_time_links::Entity::find_by_id(token_hash).one(&self.db).await.map_err(from_db)?;
        Ok(row.filter(|row| row.purpose == purpose.as_str() && row.expires_at > now).map(|row| link(purpose, row)))
    }
    /// An account by id, with its password hash, for its owner.
    pub async fn own_account(&self, who: domain::authorization::policy::UserScope<'_>) -> Result<Account> {
        let row = users::Entity::find_by_id(who.person().id.uuid()).one(&self.db).await.map_err(from_db)?;
        row.map(account).ok_or_else(|| Error::not_found("user"))
    }
    /// Whether anybody operates the platform yet.
    pub async fn has_platform_owner(&self) -> Result<bool> {
        any_platform_owner(&self.db).await
    }
}

impl WriteTx {
    /// Lets only one transaction at a time look for, and make, the first platform owner.
    pub async fn lock_setup(&self) -> Result<()> {
        sql::execute(&self.tx, "update sequencer set passes = passes where id = 1", vec![]).await.map(|_| ())
    }

    /// Whether anybody operates the platform yet.
    pub async fn any_platform_owner(&self) -> Result<bool> {
        any_platform_owner(&self.tx).await
    }

    /// The account of `email` in `realm`.
    pub async fn find_account(&self, realm: OrgId, email: &Email) -> Result<Option<Account>> {
        by_email(&self.tx, realm, email).await
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
        update
            .filter(users::Column::Id.eq(id.uuid()))
            .filter(users::Column::PasswordHash.eq(old))
            .exec(&self.tx)
            .await
            .map_err(from_db)?;
        Ok(())
    }

    /// Stores what a mailed link stands for.
    pub async fn insert_link(&self, link: &Link, token_hash: String) -> Result<()> {
        let row = one_time_links::ActiveModel {
            hash: Set(token_hash),
            purpose: Set(link.purpose.as_str().to_owned()),
            user_id: Set(link.user.map(UserId::uuid)),
            email: Set(link.email.to_string()),
            password_hash: Set(link.password_hash.clone()),
            expires_at: Set(self.now() + link.purpose.lifetime()),
            created_at: Set(self.now()),
        };
        one_time_links::Entity::insert(row).exec_without_returning(&self.tx).await.map_err(from_db)?;
        Ok(())
    }

    /// Forgets a user's links of one purpose.
    pub async fn drop_user_links(&self, purpose: LinkPurpose, user: UserId) -> Result<()> {
        self.drop_links(purpose, one_time_links::Column::UserId.eq(user.uuid())).await
    }

    /// Forgets every link of one purpose to an address.
    pub async fn drop_address_links(&self, purpose: LinkPurpose, email: &Email) -> Result<()> {
        self.drop_links(purpose, one_time_links::Column::Email.eq(email.as_str())).await
    }

    async fn drop_links(&self, purpose: LinkPurpose, whose: Expr) -> Result<()> {
        let links =
            one_time_links::Entity::delete_many().filter(whose).filter(one_time_links::Column::Purpose.eq(purpose.as_str()));
        links.exec(&self.tx).await.map_err(from_db)?;
        Ok(())
    }

    /// The latest sign-up that waits for the proof of `email`.
    pub async fn pending_signup(&self, email: &Email) -> Result<Option<Link>> {
        let query = one_time_links::Entity::find()
            .filter(one_time_links::Column::Email.eq(email.as_str()))
            .filter(one_time_links::Column::Purpose.eq(LinkPurpose::VerifyEmail.as_str()))
            .filter(one_time_links::Column::ExpiresAt.gt(self.now()))
            .order_by_desc(one_time_links::Column::CreatedAt);
        Ok(query.one(&self.tx).await.map_err(from_db)?.map(|row| link(LinkPurpose::VerifyEmail, row)))
    }

    /// Uses a link up. `None` if it is unknown, used, expired or for another purpose.
    pub async fn take_link(&self, purpose: LinkPurpose, token_hash: &str) -> Result<Option<Link>> {
        let row = one_time_links::Entity::find_by_id(token_hash).lock_exclusive().one(&self.tx).await.map_err(from_db)?;
        let Some(row) = row.filter(|row| row.purpose == purpose.as_str() && row.expires_at > self.now()) else { return Ok(None) };
        one_time_links::Entity::delete_by_id(row.hash.clone()).exec(&self.tx).await.map_err(from_db)?;
        Ok(Some(link(purpose, row)))
    }
}

/// What a mailed link stands for.
#[derive(Clone, Debug)]
pub struct Link {
    /// What it does.
    pub purpose: LinkPurpose,
    /// Whose it is; `None` for a sign-up, which has no account yet.
    pub user: Option<UserId>,
    /// The mailbox it proves.
    pub email: Email,
    /// For a sign-up: the password it was made with.
    pub password_hash: Option<String>,
}

fn link(purpose: LinkPurpose, row: one_time_links::Model) -> Link {
    Link { purpose, user: row.user_id.map(UserId::new), email: Email::stored(row.email), password_hash: row.password_hash }
}

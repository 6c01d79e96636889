//! One-time links: what is stored when one is mailed, and what is found when it is used.

use domain::{OrgId, Result, Time, UserId, core::value::Email, identity::accounts::LinkPurpose};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set, sea_query::Expr};

use crate::{
    Store, WriteTx,
    core::{entity::one_time_links, error::from_db},
};

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
    /// For a sign-in: the organization, if one was named.
    pub org: Option<OrgId>,
}

fn link(purpose: LinkPurpose, row: one_time_links::Model) -> Link {
    let (user, org) = (row.user_id.map(UserId::new), row.org_id.map(OrgId::new));
    Link { purpose, user, email: Email::stored(row.email), password_hash: row.password_hash, org }
}

impl Store {
    /// What a link stands for, without using it up.
    pub async fn public_link(&self, purpose: LinkPurpose, token_hash: &str, now: Time) -> Result<Option<Link>> {
        let row = one_time_links::Entity::find_by_id(token_hash).one(&self.db).await.map_err(from_db)?;
        Ok(row.filter(|row| row.purpose == purpose.as_str() && row.expires_at > now).map(|row| link(purpose, row)))
    }
}

impl WriteTx {
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
            org_id: Set(link.org.map(OrgId::uuid)),
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

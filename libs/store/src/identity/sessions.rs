//! Sessions and their grants. The refresh tokens of a grant are in [`refresh`].

mod browser;
mod of_clients;
mod refresh;
mod repeats;

pub(crate) mod table;

use chrono::TimeDelta;
use domain::{
    GrantId, OrgId, Result, SessionId, Time, UserId,
    authorization::policy::UserScope,
    core::value::Slug,
    identity::{
        authentications::Authentications,
        sessions::{GrantRow, Session},
    },
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set, sea_query::Expr};

pub use self::{
    browser::BrowserSession,
    of_clients::{ClientsGrant, LivingGrant, RefreshOwner},
    refresh::{Presented, Refreshable},
};
use crate::{
    Store, WriteTx,
    core::{
        entity::{grants, sessions},
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

fn grant(row: &grants::Model) -> GrantRow {
    GrantRow {
        id: GrantId::new(row.id),
        session_id: SessionId::new(row.session_id),
        user_id: UserId::new(row.user_id),
        org_id: OrgId::new(row.org_id),
    }
}

/// Reads a grant's id, session, user and organization.
fn next_grant(columns: &mut Columns<'_>) -> Result<GrantRow, DbErr> {
    Ok(GrantRow {
        id: GrantId::new(columns.next()?),
        session_id: SessionId::new(columns.next()?),
        user_id: UserId::new(columns.next()?),
        org_id: OrgId::new(columns.next()?),
    })
}

fn session(row: sessions::Model) -> Session {
    Session {
        id: SessionId::new(row.id),
        user_id: UserId::new(row.user_id),
        method: row.method,
        did: Authentications::stored(row.authn.as_deref()),
        ip_address: row.ip_address,
        user_agent: row.user_agent,
        created_at: row.created_at,
        last_seen_at: row.last_seen_at,
        expires_at: row.expires_at,
    }
}

impl Store {
    /// The caller's own living sessions, newest first.
    pub async fn own_sessions(&self, who: UserScope<'_>, now: Time) -> Result<Vec<Session>> {
        let rows = sessions::Entity::find()
            .filter(sessions::Column::UserId.eq(who.person().id.uuid()))
            .filter(sessions::Column::RevokedAt.is_null())
            .filter(sessions::Column::ExpiresAt.gt(now))
            .order_by_desc(sessions::Column::CreatedAt)
            .order_by_desc(sessions::Column::Id)
            .limit(200)
            .all(&self.db)
            .await
            .map_err(from_db)?;
        Ok(rows.into_iter().map(session).collect())
    }
}

const SLUG_OF_GRANT: Sql = sql!(
    "select o.slug
    from grants g
    join organizations o on o.id = g.org_id
    where g.id = $1 and o.deleted_at is null"
);

impl Store {
    /// The organization that the caller's grant is for.
    pub async fn own_grant_slug(&self, who: UserScope<'_>) -> Result<Option<Slug>> {
        let row = sql::one(&self.db, SLUG_OF_GRANT, vec![who.person().grant.uuid().into()]).await?;
        row.map(|row| row.try_get("", "slug").map(Slug::stored)).transpose().map_err(from_db)
    }
}

impl WriteTx {
    /// Records a sign-in.
    pub async fn insert_session(&self, s: &Session) -> Result<()> {
        let row = sessions::ActiveModel {
            id: Set(s.id.uuid()),
            user_id: Set(s.user_id.uuid()),
            method: Set(s.method.clone()),
            authn: Set(Some(s.did.to_text())),
            ip_address: Set(s.ip_address.clone()),
            user_agent: Set(s.user_agent.clone()),
            created_at: Set(s.created_at),
            last_seen_at: Set(s.last_seen_at),
            expires_at: Set(s.expires_at),
            revoked_at: Set(None),
            browser_hash: Set(None),
        };
        sessions::Entity::insert(row).exec_without_returning(&self.tx).await.map_err(from_db)?;
        Ok(())
    }

    /// Until when a grant of a session that was `wanted` to live so long lives: no session outlives `longest`, however often it is
    /// renewed.
    pub async fn end_of_session(&self, id: SessionId, wanted: Time, longest: TimeDelta) -> Result<Time> {
        let row = sessions::Entity::find_by_id(id.uuid()).one(&self.tx).await.map_err(from_db)?;
        Ok(row.map_or(wanted, |row| wanted.min(row.created_at + longest)))
    }

    /// Adds a grant with its first refresh token, and keeps its session alive as long.
    pub async fn insert_grant(&self, g: &GrantRow, refresh_hash: String, expires_at: Time) -> Result<()> {
        let row = grants::ActiveModel {
            id: Set(g.id.uuid()),
            session_id: Set(g.session_id.uuid()),
            user_id: Set(g.user_id.uuid()),
            org_id: Set(g.org_id.uuid()),
            refresh_hash: Set(refresh_hash),
            refresh_expires_at: Set(expires_at),
            created_at: Set(self.now()),
            revoked_at: Set(None),
            ..Default::default()
        };
        grants::Entity::insert(row).exec_without_returning(&self.tx).await.map_err(from_db)?;
        self.touch_session(g.session_id, expires_at).await
    }

    async fn touch_session(&self, id: SessionId, expires_at: Time) -> Result<()> {
        let update = sessions::Entity::update_many()
            .col_expr(sessions::Column::LastSeenAt, Expr::value(self.now()))
            .col_expr(sessions::Column::ExpiresAt, Expr::value(expires_at));
        update.filter(sessions::Column::Id.eq(id.uuid())).exec(&self.tx).await.map_err(from_db)?;
        Ok(())
    }

    /// Ends one grant: its tokens stop working at once.
    pub async fn revoke_grant(&self, id: GrantId) -> Result<()> {
        let update = grants::Entity::update_many().col_expr(grants::Column::RevokedAt, Expr::value(self.now()));
        update.filter(grants::Column::Id.eq(id.uuid())).exec(&self.tx).await.map_err(from_db)?;
        Ok(())
    }

    /// Ends what a user's sessions may do in an organization, and what clients could still exchange; and nothing else of them.
    pub(crate) async fn end_grants(&self, org: OrgId, user: UserId) -> Result<()> {
        self.end_codes(org, user).await?;
        self.end_devices(org, user).await?;
        let update = grants::Entity::update_many().col_expr(grants::Column::RevokedAt, Expr::value(self.now()));
        update
            .filter(grants::Column::UserId.eq(user.uuid()))
            .filter(grants::Column::OrgId.eq(org.uuid()))
            .filter(grants::Column::RevokedAt.is_null())
            .exec(&self.tx)
            .await
            .map_err(from_db)?;
        Ok(())
    }

    /// Ends one of a user's sessions. `false` if it is not theirs or has ended.
    pub async fn revoke_session(&self, user: UserId, id: SessionId) -> Result<bool> {
        Ok(self.revoke(user, Some(id), None).await? == 1)
    }

    /// Ends all of a user's sessions but `keep`; how many.
    pub async fn revoke_sessions(&self, user: UserId, keep: Option<SessionId>) -> Result<u64> {
        self.revoke(user, None, keep).await
    }

    async fn revoke(&self, user: UserId, only: Option<SessionId>, keep: Option<SessionId>) -> Result<u64> {
        let mut update = sessions::Entity::update_many()
            .col_expr(sessions::Column::RevokedAt, Expr::value(self.now()))
            .filter(sessions::Column::UserId.eq(user.uuid()))
            .filter(sessions::Column::RevokedAt.is_null())
            .filter(sessions::Column::ExpiresAt.gt(self.now()));
        if let Some(id) = only {
            update = update.filter(sessions::Column::Id.eq(id.uuid()));
        }
        if let Some(id) = keep {
            update = update.filter(sessions::Column::Id.ne(id.uuid()));
        }
        let ended = update.exec(&self.tx).await.map_err(from_db)?.rows_affected;
        if ended > 0 {
            self.queue_logouts(user).await?;
        }
        Ok(ended)
    }
}

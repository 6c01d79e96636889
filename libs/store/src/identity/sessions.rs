//! Sessions, grants and refresh tokens.

use domain::{
    Error, GrantId, OrgId, Result, SessionId, Time, UserId,
    authorization::policy::UserScope,
    core::value::Slug,
    identity::{
        accounts::User,
        sessions::{GrantRow, Session},
    },
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect, Set, sea_query::Expr};

use crate::{
    Store, WriteTx,
    core::{
        dialect,
        entity::{grants, sessions, spent_refresh_tokens},
        error::from_db,
        sql::{self, Columns},
    },
    identity::accounts::{next_user, user_columns},
};

/// What a presented refresh token turned out to be.
pub enum Presented {
    /// The current token of a living grant, now locked.
    Current(Box<Refreshable>),
    /// It was used before, at this time; the grant and session it belongs to.
    Spent {
        /// Its family.
        grant: GrantRow,
        /// When it was used.
        at: Time,
    },
    /// Not ours, expired, or of an ended session.
    Unknown,
}

/// A grant that may be refreshed.
pub struct Refreshable {
    /// The grant.
    pub grant: GrantRow,
    /// Whose it is.
    pub user: User,
    /// For an organization's grant: its slug, its status, and whether the user still belongs to it.
    pub organization: Option<(Slug, String, bool)>,
}

fn grant(row: &grants::Model) -> GrantRow {
    GrantRow {
        id: GrantId::new(row.id),
        session_id: SessionId::new(row.session_id),
        user_id: UserId::new(row.user_id),
        org_id: OrgId::new(row.org_id),
    }
}

fn session(row: sessions::Model) -> Session {
    Session {
        id: SessionId::new(row.id),
        user_id: UserId::new(row.user_id),
        method: row.method,
        ip_address: row.ip_address,
        user_agent: row.user_agent,
        created_at: row.created_at,
        last_seen_at: row.last_seen_at,
        expires_at: row.expires_at,
    }
}

/// The grant that a refresh token is the current one of, if everything it depends on lives. A deleted organization is none.
const PRESENTED: &str = concat!(
    "select g.id, g.session_id, g.user_id, g.org_id, ",
    user_columns!(),
    ", o.slug, o.status, m.user_id
from grants g join sessions s on s.id = g.session_id join users u on u.id = g.user_id
left join organizations o on o.id = g.org_id and o.deleted_at is null
left join memberships m on m.org_id = g.org_id and m.user_id = g.user_id
where g.refresh_hash = $1 and g.revoked_at is null and g.refresh_expires_at > $2 and s.revoked_at is null and s.expires_at > $2
and u.deleted_at is null"
);

/// Reads a row of [`PRESENTED`].
fn refreshable(row: &QueryResult) -> Result<Refreshable, DbErr> {
    let mut columns = Columns::of(row);
    let grant = GrantRow {
        id: GrantId::new(columns.next()?),
        session_id: SessionId::new(columns.next()?),
        user_id: UserId::new(columns.next()?),
        org_id: OrgId::new(columns.next()?),
    };
    let user = next_user(grant.user_id, &mut columns)?;
    let (slug, status): (Option<String>, Option<String>) = (columns.next()?, columns.next()?);
    let belongs = columns.next::<Option<uuid::Uuid>>()?.is_some();
    let organization = slug.zip(status).map(|(slug, status)| (Slug::stored(slug), status, belongs));
    Ok(Refreshable { grant, user, organization })
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

impl Store {
    /// The organization that the caller's grant is for.
    pub async fn own_grant_slug(&self, who: UserScope<'_>) -> Result<Option<Slug>> {
        let find = "select o.slug from grants g join organizations o on o.id = g.org_id where g.id = $1 and o.deleted_at is null";
        let row = sql::one(&self.db, find, vec![who.person().grant.uuid().into()]).await?;
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
            ip_address: Set(s.ip_address.clone()),
            user_agent: Set(s.user_agent.clone()),
            created_at: Set(s.created_at),
            last_seen_at: Set(s.last_seen_at),
            expires_at: Set(s.expires_at),
            revoked_at: Set(None),
        };
        sessions::Entity::insert(row).exec_without_returning(&self.tx).await.map_err(from_db)?;
        Ok(())
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

    /// Looks a refresh token up by its hash and locks its grant: of two racers one waits here, and then finds it spent. One statement:
    /// what ended meanwhile without touching the grant (session, account, organization) is asked again whenever the tokens are used.
    pub async fn present_refresh(&self, hash: &str) -> Result<Presented> {
        let text = format!("{PRESENTED} {}", dialect::row_lock(self.is_sqlite(), "for no key update of g"));
        match sql::one(&self.tx, &text, vec![hash.into(), self.now().into()]).await? {
            Some(row) => Ok(Presented::Current(Box::new(refreshable(&row).map_err(from_db)?))),
            None => self.spent(hash).await,
        }
    }

    async fn spent(&self, hash: &str) -> Result<Presented> {
        let Some(spent) = spent_refresh_tokens::Entity::find_by_id(hash).one(&self.tx).await.map_err(from_db)? else {
            return Ok(Presented::Unknown);
        };
        let row = grants::Entity::find_by_id(spent.grant_id).one(&self.tx).await.map_err(from_db)?;
        Ok(match row {
            Some(row) if row.revoked_at.is_none() => Presented::Spent { grant: grant(&row), at: spent.spent_at },
            _ => Presented::Unknown,
        })
    }

    /// Replaces a grant's refresh token, by compare-and-swap, and remembers the old one so that its return is noticed.
    pub async fn rotate_refresh(&self, g: &GrantRow, old: &str, new: String, expires_at: Time) -> Result<()> {
        let swapped = grants::Entity::update_many()
            .col_expr(grants::Column::RefreshHash, Expr::value(new))
            .col_expr(grants::Column::RefreshExpiresAt, Expr::value(expires_at))
            .filter(grants::Column::Id.eq(g.id.uuid()))
            .filter(grants::Column::RefreshHash.eq(old))
            .exec(&self.tx)
            .await
            .map_err(from_db)?;
        if swapped.rows_affected != 1 {
            return Err(Error::unauthenticated("refresh_token_used", "This refresh token was used already. Sign in again."));
        }
        let spent = spent_refresh_tokens::ActiveModel {
            hash: Set(old.to_owned()),
            grant_id: Set(g.id.uuid()),
            spent_at: Set(self.now()),
        };
        spent_refresh_tokens::Entity::insert(spent).exec_without_returning(&self.tx).await.map_err(from_db)?;
        self.touch_session(g.session_id, expires_at).await
    }

    /// Ends one grant: its tokens stop working at once.
    pub async fn revoke_grant(&self, id: GrantId) -> Result<()> {
        let update = grants::Entity::update_many().col_expr(grants::Column::RevokedAt, Expr::value(self.now()));
        update.filter(grants::Column::Id.eq(id.uuid())).exec(&self.tx).await.map_err(from_db)?;
        Ok(())
    }

    /// The grant a refresh token belongs to, for revocation; `None` if it is unknown or ended.
    pub async fn grant_of_refresh(&self, hash: &str) -> Result<Option<GrantRow>> {
        let row = grants::Entity::find().filter(grants::Column::RefreshHash.eq(hash)).one(&self.tx).await.map_err(from_db)?;
        Ok(row.filter(|row| row.revoked_at.is_none()).as_ref().map(grant))
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
        Ok(update.exec(&self.tx).await.map_err(from_db)?.rows_affected)
    }
}

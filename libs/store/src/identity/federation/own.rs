//! The providers through which somebody signs in, as they are shown them themselves. One that was blocked by a removal is the organization's business:
//! who unlinked it themselves could come back as somebody else.

use domain::{
    ConnectionId, Error, OrgId, Result, Time, UserId,
    authorization::policy::UserScope,
    core::value::{Name, Slug},
    identity::connections::ConnectionSlug,
};
use sea_orm::{DbErr, QueryResult};

use crate::{
    Store, WriteTx,
    core::sql::{self, Columns, Sql, sql},
};

/// A provider through which somebody signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnIdentity {
    /// The connection.
    pub connection: ConnectionId,
    /// Its name in requests.
    pub slug: ConnectionSlug,
    /// Its name for people.
    pub name: Name,
    /// The organization's name in URLs.
    pub organization: Slug,
    /// The same for people.
    pub organization_name: String,
    /// The address that the provider claimed the last time.
    pub email: Option<String>,
    /// When it was linked.
    pub created_at: Time,
    /// When it was last used.
    pub last_used_at: Time,
}

/// Identities that are listed at most.
const LISTED: i64 = 200;

const LIST: Sql = sql!(
    "select i.connection_id, c.slug, c.name, o.slug, o.name, i.email, i.created_at, i.last_used_at
    from identities i
    join org_connections w on w.org_id = i.org_id and w.connection_id = i.connection_id
    join connections c on c.org_id = w.owner and c.id = w.connection_id
    join organizations o on o.id = i.org_id
    where i.user_id = $1 and i.blocked_at is null and o.deleted_at is null
    order by i.created_at desc, i.connection_id
    limit $2"
);
/// By the connection's id, or its name, which several organizations may have given.
const NAMED: Sql = sql!(
    "select i.org_id, i.connection_id
    from identities i
    join org_connections w on w.org_id = i.org_id and w.connection_id = i.connection_id
    join connections c on c.org_id = w.owner and c.id = w.connection_id
    where i.user_id = $1 and i.blocked_at is null and (c.id = $2 or c.slug = $3)
    order by i.org_id
    limit 2"
);
/// Connections of organizations that somebody is a member of, through which people sign in.
const LINKABLE: Sql = sql!(
    "select o.id, c.id,
      exists (select 1 from identities i where i.org_id = o.id and i.connection_id = c.id and i.user_id = $1)
    from memberships m
    join organizations o on o.id = m.org_id and o.deleted_at is null and o.status = 'active'
    join org_connections w on w.org_id = o.id and w.enabled
    join connections c on c.org_id = w.owner and c.id = w.connection_id
    where m.user_id = $1 and (c.id = $2 or c.slug = $3) and c.protocol in {spoken}
    order by o.id
    limit 2",
    spoken = super::SPOKEN
);
/// Other ways in: a password, a passkey, or another identity.
const OTHERS: Sql = sql!(
    "select count(*)
    from users u
    where u.id = $1 and (u.password_hash is not null
      or exists (select 1 from passkeys p where p.user_id = u.id)
      or exists (select 1 from identities i where i.user_id = u.id and i.blocked_at is null and i.connection_id <> $2))"
);
const UNLINK: Sql = sql!("delete from identities where org_id = $1 and connection_id = $2 and user_id = $3");

fn own(row: &QueryResult) -> Result<OwnIdentity, DbErr> {
    let mut columns = Columns::of(row);
    Ok(OwnIdentity {
        connection: ConnectionId::new(columns.next()?),
        slug: ConnectionSlug::stored(columns.next()?),
        name: Name::stored(columns.next()?),
        organization: Slug::stored(columns.next()?),
        organization_name: columns.next()?,
        email: columns.next()?,
        created_at: columns.next()?,
        last_used_at: columns.next()?,
    })
}

impl Store {
    /// The providers through which the caller signs in, the newest first.
    pub async fn own_identities(&self, scope: UserScope<'_>) -> Result<Vec<OwnIdentity>> {
        sql::read_all(&sql::all(&self.db, LIST, vec![scope.person().id.uuid().into(), LISTED.into()]).await?, own)
    }
}

fn ambiguous() -> Error {
    Error::conflict("ambiguous_provider", "Several organizations call a provider so. Send the connection's id.")
}

impl WriteTx {
    /// The connection that a member may link with their account, and its organization. `NotFound`; `Conflict` (`ambiguous_provider`, `identity_taken`).
    pub async fn linkable(&self, user: UserId, (id, slug): (Option<ConnectionId>, &str)) -> Result<(OrgId, ConnectionId)> {
        let id = id.map_or(uuid::Uuid::nil(), ConnectionId::uuid);
        let rows = sql::all(&self.tx, LINKABLE, vec![user.uuid().into(), id.into(), slug.into()]).await?;
        let found: Vec<(OrgId, ConnectionId, bool)> = sql::read_all(&rows, |row| {
            let mut columns = Columns::of(row);
            Ok((OrgId::new(columns.next()?), ConnectionId::new(columns.next()?), columns.next()?))
        })?;
        match found.as_slice() {
            [] => Err(Error::not_found("provider")),
            [(_, _, true)] => Err(Error::conflict(
                "identity_taken",
                "This account has an identity at this provider already. Unlink that first.",
            )),
            [(org, connection, false)] => Ok((*org, *connection)),
            _ => Err(ambiguous()),
        }
    }

    /// A person signs in through a connection no more; the organization where they did. Of two who unlink their last two one waits. `NotFound`;
    /// `Conflict` (`ambiguous_provider`, `last_identity`).
    pub async fn unlink_own_identity(
        &self,
        user: UserId,
        (id, slug): (Option<ConnectionId>, &str),
    ) -> Result<(OrgId, ConnectionId)> {
        self.hold_person(user).await?;
        let id = id.map_or(uuid::Uuid::nil(), ConnectionId::uuid);
        let rows = sql::all(&self.tx, NAMED, vec![user.uuid().into(), id.into(), slug.into()]).await?;
        let found: Vec<(OrgId, ConnectionId)> = sql::read_all(&rows, |row| {
            let mut columns = Columns::of(row);
            Ok((OrgId::new(columns.next()?), ConnectionId::new(columns.next()?)))
        })?;
        let (org, connection) = match found.as_slice() {
            [] => return Err(Error::not_found("identity")),
            [one] => *one,
            _ => return Err(ambiguous()),
        };
        if sql::count(&self.tx, OTHERS, vec![user.uuid().into(), connection.uuid().into()]).await? == 0 {
            return Err(Error::conflict(
                "last_identity",
                "This is the only way into your account. Set a password, or add a passkey, first.",
            ));
        }
        let values = vec![org.uuid().into(), connection.uuid().into(), user.uuid().into()];
        sql::execute(&self.tx, UNLINK, values).await.map(|_| (org, connection))
    }
}

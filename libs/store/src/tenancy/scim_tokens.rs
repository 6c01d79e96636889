//! Tokens of organizations' directories. Only hashes are kept. A revoked one stays, so that what it did can be told by its name.

use domain::{
    ConnectionId, Error, OrgId, Result, ScimTokenId, UserId,
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::{Connections, ScimTokens},
    },
    core::value::Name,
    identity::connections::ConnectionSlug,
    tenancy::{
        scim_tokens::{MAX_SCIM_TOKENS, ScimToken},
        smtp::Ceiling,
    },
};
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use crate::{
    Store, WriteTx,
    core::{
        error::{Constraint, from_db},
        sql::{self, Columns, Sql, sql},
        table::{Table, WhenOld, WithOrganization, own_rows},
    },
    tenancy::organizations::counters,
};

/// Never violated: secrets are random.
const SCIM_TOKENS_HASH: Constraint = Constraint { name: "scim_tokens_hash", columns: "scim_tokens.hash" };

pub(crate) const SCIM_TOKENS: Table = Table {
    name: "scim_tokens",
    unique: &[&SCIM_TOKENS_HASH],
    sealed: &[],
    when_old: WhenOld::Stays("until the organization deletes it; their number is bounded"),
    with_organization: WithOrganization::Deleted(own_rows!("scim_tokens")),
};

/// The columns of a [`ScimToken`], in the order of [`read`].
const TOKEN: &str = "t.id, t.org_id, t.name, t.prefix,
      (select c.slug from connections c where c.org_id = t.org_id and c.id = t.connection_id),
      t.expires_at, t.revoked_at, t.last_used_at, t.created_at";

fn read(row: &QueryResult) -> Result<ScimToken, DbErr> {
    let mut columns = Columns::of(row);
    Ok(ScimToken {
        id: ScimTokenId::new(columns.next()?),
        org_id: OrgId::new(columns.next()?),
        name: Name::stored(columns.next()?),
        prefix: columns.next()?,
        connection: columns.next::<Option<String>>()?.map(ConnectionSlug::stored),
        expires_at: columns.next()?,
        revoked_at: columns.next()?,
        last_used_at: columns.next()?,
        created_at: columns.next()?,
    })
}

const LIST: Sql = sql!(
    "select {token}
    from scim_tokens t
    where t.org_id = $1
    order by t.created_at, t.id",
    token = TOKEN
);
const LOCK: Sql = sql!(
    "select {token}
    from scim_tokens t
    where t.org_id = $1 and t.id = $2
    {for update}",
    token = TOKEN
);

impl Store {
    /// Every token of the organization, by age; [`MAX_SCIM_TOKENS`] bounds their number.
    pub async fn list_scim_tokens(&self, scope: OrgScope<'_, ScimTokens, Read>) -> Result<Vec<ScimToken>> {
        sql::read_all(&sql::all(&self.db, LIST, vec![scope.org().uuid().into()]).await?, read)
    }
}

const INSERT: Sql = sql!(
    "insert into scim_tokens (org_id, id, name, prefix, hash, mode, ceiling, shown_to, expires_at, created_at, connection_id)
    values ($1, $2, $3, $4, $5, 'live', $6, $7, $8, $9, $10)"
);
/// Whoever deletes the connection waits for the token, and deletes it as well.
const KEEP_CONNECTION: Sql = sql!(
    "select c.id, c.slug
    from connections c
    where c.org_id = $1 and (c.slug = $2 or c.id = $3)
    order by case when c.slug = $2 then 0 else 1 end
    limit 1
    {for key share}"
);
const OF_CONNECTION: Sql = sql!(
    "select {token}
    from scim_tokens t
    where t.org_id = $1 and t.connection_id = $2
    order by t.created_at, t.id
    {for update}",
    token = TOKEN
);
const REVOKE: Sql = sql!("update scim_tokens set revoked_at = $3 where org_id = $1 and id = $2");
const DELETE: Sql = sql!("delete from scim_tokens where org_id = $1 and id = $2");

impl WriteTx {
    /// A token, locked until the transaction ends.
    pub async fn lock_scim_token(&self, scope: OrgScope<'_, ScimTokens, Write>, id: ScimTokenId) -> Result<ScimToken> {
        let row = sql::one(&self.tx, LOCK, vec![scope.org().uuid().into(), id.uuid().into()]).await?;
        read(&row.ok_or_else(|| Error::not_found("SCIM token"))?).map_err(from_db)
    }

    /// A connection of the organization, by its name or else its id, which is not deleted until the transaction ends. `Invalid`
    /// (`unknown_connection`).
    pub async fn keep_connection(
        &self,
        scope: OrgScope<'_, ScimTokens, Write>,
        named: &str,
    ) -> Result<(ConnectionId, ConnectionSlug)> {
        let id = named.parse::<ConnectionId>().map_or(Uuid::nil(), ConnectionId::uuid);
        let row = sql::one(&self.tx, KEEP_CONNECTION, vec![scope.org().uuid().into(), named.into(), id.into()]).await?;
        let row =
            row.ok_or_else(|| Error::field("connection_id", "unknown_connection", "The organization has no such connection."))?;
        let read = || {
            let mut columns = Columns::of(&row);
            Ok((ConnectionId::new(columns.next()?), ConnectionSlug::stored(columns.next()?)))
        };
        read().map_err(from_db)
    }

    /// Keeps a new token of a kept connection, the hash of the secret that `shown_to` is about to see, and what they hold. `Conflict`
    /// (`scim_token_limit`).
    pub async fn insert_scim_token(
        &self,
        scope: OrgScope<'_, ScimTokens, Write>,
        token: &ScimToken,
        (hash, shown_to): (&str, UserId),
        connection: Option<ConnectionId>,
    ) -> Result<()> {
        let values = vec![
            scope.org().uuid().into(),
            token.id.uuid().into(),
            token.name.as_str().into(),
            token.prefix.as_str().into(),
            hash.into(),
            Ceiling::of(scope.authority()).text().into(),
            shown_to.uuid().into(),
            token.expires_at.into(),
            token.created_at.into(),
            connection.map(ConnectionId::uuid).into(),
        ];
        sql::execute(&self.tx, INSERT, values).await?;
        if self.take_place(scope.org(), &counters::SCIM_TOKENS, MAX_SCIM_TOKENS).await? {
            return Ok(());
        }
        Err(Error::conflict(
            "scim_token_limit",
            format!("An organization has at most {MAX_SCIM_TOKENS} SCIM tokens. Delete one first."),
        ))
    }

    /// Ends a locked token; it stays in the list.
    pub async fn revoke_scim_token(&self, scope: OrgScope<'_, ScimTokens, Write>, token: &ScimToken) -> Result<()> {
        let values = vec![scope.org().uuid().into(), token.id.uuid().into(), self.now().into()];
        sql::execute(&self.tx, REVOKE, values).await.map(|_| ())
    }

    /// Deletes the tokens of a locked connection: they work no more. Answers them.
    pub async fn delete_tokens_of_connection(
        &self,
        scope: OrgScope<'_, Connections, Write>,
        connection: ConnectionId,
    ) -> Result<Vec<ScimToken>> {
        let values = vec![scope.org().uuid().into(), connection.uuid().into()];
        let tokens: Vec<ScimToken> = sql::read_all(&sql::all(&self.tx, OF_CONNECTION, values).await?, read)?;
        for token in &tokens {
            sql::execute(&self.tx, DELETE, vec![scope.org().uuid().into(), token.id.uuid().into()]).await?;
            self.give_place_back(scope.org(), &counters::SCIM_TOKENS).await?;
        }
        Ok(tokens)
    }

    /// Deletes a locked token: it works no more.
    pub async fn delete_scim_token(&self, scope: OrgScope<'_, ScimTokens, Write>, token: &ScimToken) -> Result<()> {
        sql::execute(&self.tx, DELETE, vec![scope.org().uuid().into(), token.id.uuid().into()]).await?;
        self.give_place_back(scope.org(), &counters::SCIM_TOKENS).await
    }
}

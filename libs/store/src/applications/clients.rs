//! OAuth clients of services, and the secrets of every client, of which only hashes are kept; each remembers to whom it was shown.

use domain::{
    Error, OrgId, PLATFORM, Result, Time, UserId,
    applications::services::Service,
    authorization::{in_service::InService, policy::Write, resource::ClientSecrets},
};
use sea_orm::Value;
use uuid::Uuid;

use crate::{
    WriteTx,
    core::{
        error::Constraint,
        sql::{self, Sql, sql},
        table::{Age, Table, WhenOld, WithOrganization, own_rows},
    },
};

/// Never violated: they are random.
const CLIENTS_CLIENT_ID: Constraint = Constraint { name: "clients_client_id", columns: "clients.client_id" };
/// Never violated: they are random.
const CLIENT_SECRETS_HASH: Constraint = Constraint { name: "client_secrets_hash", columns: "client_secrets.hash" };

pub(crate) const CLIENTS: Table = Table {
    name: "clients",
    unique: &[&CLIENTS_CLIENT_ID],
    sealed: &[],
    when_old: WhenOld::Stays("until the organization deletes it"),
    with_organization: WithOrganization::Deleted(own_rows!("clients")),
};

pub(crate) const CLIENT_SECRETS: Table = Table {
    name: "client_secrets",
    unique: &[&CLIENT_SECRETS_HASH],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::Now,
        sql!(
            "delete from client_secrets
             where hash in (select hash from client_secrets where expires_at <= $1 limit $2)"
        ),
    ),
    with_organization: WithOrganization::GoesWith("clients"),
};

const INSERT: Sql = sql!(
    "insert into clients (org_id, id, client_id, name, redirect_uris, initiate_login_uri, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $7)"
);
const SAVE: Sql = sql!(
    "update clients
    set name = $3, redirect_uris = $4, initiate_login_uri = $5, updated_at = $6
    where org_id = $1 and id = $2"
);
/// Everything that hangs on it goes with it.
const DELETE: Sql = sql!("delete from clients where org_id = $1 and id = $2");

fn redirect_uris(service: &Service) -> String {
    service.settings.redirect_uris.iter().map(|uri| uri.as_str()).collect::<Vec<_>>().join(" ")
}

impl WriteTx {
    pub(super) async fn insert_client(&self, service: &Service) -> Result<()> {
        let values = vec![
            service.org_id.uuid().into(),
            service.id.uuid().into(),
            service.client_id.as_str().into(),
            service.settings.name.as_str().into(),
            redirect_uris(service).into(),
            service.settings.initiate_login_uri.as_ref().map(|uri| uri.as_str()).into(),
            service.created_at.into(),
        ];
        sql::execute(&self.tx, INSERT, values).await.map(|_| ())
    }

    pub(super) async fn save_client(&self, service: &Service) -> Result<()> {
        let values = vec![
            service.org_id.uuid().into(),
            service.id.uuid().into(),
            service.settings.name.as_str().into(),
            redirect_uris(service).into(),
            service.settings.initiate_login_uri.as_ref().map(|uri| uri.as_str()).into(),
            service.updated_at.into(),
        ];
        sql::execute(&self.tx, SAVE, values).await.map(|_| ())
    }

    pub(super) async fn delete_client(&self, service: &Service) -> Result<()> {
        sql::execute(&self.tx, DELETE, vec![service.org_id.uuid().into(), service.id.uuid().into()]).await.map(|_| ())
    }
}

const INSERT_SECRET: Sql = sql!(
    "insert into client_secrets (org_id, client_id, id, hash, shown_to, created_at)
    values ($1, $2, $3, $4, $5, $6)"
);
/// All but the secret that works without an end.
const END_OLD: Sql = sql!("delete from client_secrets where org_id = $1 and client_id = $2 and expires_at is not null");
const END_ALL: Sql = sql!("delete from client_secrets where org_id = $1 and client_id = $2");
const RUN_OUT: Sql = sql!("update client_secrets set expires_at = $3 where org_id = $1 and client_id = $2");
const SAVE_OLD: Sql = sql!("update services set old_secret_until = $3, updated_at = $4 where org_id = $1 and id = $2");

/// A client: whose it is, and its row.
#[derive(Clone, Copy)]
pub(super) struct ClientKey(pub(super) OrgId, pub(super) Uuid);

impl ClientKey {
    pub(super) fn of(service: &Service) -> Self {
        Self(service.org_id, service.id.uuid())
    }
    fn values(self) -> Vec<Value> {
        vec![self.0.uuid().into(), self.1.into()]
    }
}

/// When the secrets end that a client has.
pub(super) struct Ends {
    /// The one from before the last rotation.
    pub(super) before: Option<Time>,
    /// The one of now; `None`: at once, and every other.
    pub(super) now: Option<Time>,
}

impl WriteTx {
    /// Gives a client a secret. `shown_to`: `None` is whoever runs programs on the server.
    pub(super) async fn insert_client_secret(&self, client: ClientKey, hash: &str, shown_to: Option<UserId>) -> Result<()> {
        let shown_to = shown_to.map_or(PLATFORM.uuid(), UserId::uuid);
        let secret = vec![self.uuid().into(), hash.into(), shown_to.into(), self.now().into()];
        sql::execute(&self.tx, INSERT_SECRET, [client.values(), secret].concat()).await.map(|_| ())
    }

    /// Ends all secrets of a client.
    pub(super) async fn end_client_secrets(&self, client: ClientKey) -> Result<()> {
        sql::execute(&self.tx, END_ALL, client.values()).await.map(|_| ())
    }

    /// Gives a client that is locked another secret. `Conflict` (`too_many_secrets`): one from an earlier rotation works still.
    pub(super) async fn replace_client_secret(
        &self,
        client: ClientKey,
        (hash, shown_to): (&str, Option<UserId>),
        ends: &Ends,
    ) -> Result<()> {
        match ends.now {
            None => self.end_client_secrets(client).await?,
            Some(_) if ends.before.is_some_and(|until| until > self.now()) => return Err(too_many()),
            Some(until) => {
                sql::execute(&self.tx, END_OLD, client.values()).await?;
                sql::execute(&self.tx, RUN_OUT, [client.values(), vec![until.into()]].concat()).await?;
            }
        }
        self.insert_client_secret(client, hash, shown_to).await
    }

    /// Gives the client of a locked service another secret. The one before works until `service.old_secret_until`; if that is `None`, no
    /// other does from now on. `Conflict` (`too_many_secrets`): one from an earlier rotation works still.
    pub async fn rotate_client_secret(
        &self,
        _: InService<'_, ClientSecrets, Write>,
        before: &Service,
        service: &Service,
        hash: &str,
        shown_to: UserId,
    ) -> Result<()> {
        let (client, until) = (ClientKey::of(service), service.old_secret_until);
        self.replace_client_secret(client, (hash, Some(shown_to)), &Ends { before: before.old_secret_until, now: until }).await?;
        sql::execute(&self.tx, SAVE_OLD, [client.values(), vec![until.into(), self.now().into()]].concat()).await.map(|_| ())
    }
}

fn too_many() -> Error {
    Error::conflict(
        "too_many_secrets",
        "The secret before the last rotation works still. Wait for its end, or rotate with `grace_seconds` 0, which ends all others.",
    )
}

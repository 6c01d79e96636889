//! The tables of connections, and their sealed column. Only written as SQL.

use domain::{ConnectionId, OrgId, Result, identity::connections::ClientPassword};
use uuid::Uuid;

use crate::{
    Store,
    core::{
        error::Constraint,
        sql::sql,
        table::{SealedColumn, SealedRow, Table, WhenOld, WithOrganization, own_rows},
    },
};

pub(super) const CONNECTIONS_SLUG: Constraint =
    Constraint { name: "connections_slug", columns: "connections.org_id, connections.slug" };

/// What we show the provider to be the client.
pub(super) const CLIENT_SECRET: SealedColumn = SealedColumn {
    table: "connections",
    column: "client_secret",
    find: sql!("select org_id, id, client_secret as sealed from connections where client_secret is not null"),
    replace: sql!("update connections set client_secret = $1 where client_secret = $2 and org_id = $3 and id = $4"),
    row: |row| {
        let (org, id): (Uuid, Uuid) = (row.try_get("", "org_id")?, row.try_get("", "id")?);
        Ok(SealedRow { org: OrgId::new(org), name: ConnectionId::new(id).to_string(), key: vec![org.into(), id.into()] })
    },
};

/// Our keys at a SAML provider.
pub(super) const SAML_KEYS: SealedColumn = SealedColumn {
    table: "connections",
    column: "saml_keys",
    find: sql!("select org_id, id, saml_keys as sealed from connections where saml_keys is not null"),
    replace: sql!("update connections set saml_keys = $1 where saml_keys = $2 and org_id = $3 and id = $4"),
    row: CLIENT_SECRET.row,
};

pub(crate) const CONNECTIONS: Table = Table {
    name: "connections",
    unique: &[&CONNECTIONS_SLUG],
    sealed: &[&CLIENT_SECRET, &SAML_KEYS],
    when_old: WhenOld::Stays("until the organization deletes it; their number is bounded"),
    with_organization: WithOrganization::Deleted(own_rows!("connections")),
};

macro_rules! part {
    ($name:ident, $table:literal, $of:literal) => {
        pub(crate) const $name: Table = Table {
            name: $table,
            unique: &[],
            sealed: &[],
            when_old: WhenOld::GoesWith($of),
            with_organization: WithOrganization::GoesWith($of),
        };
    };
}
part!(ORG_CONNECTIONS, "org_connections", "connections");
part!(CONNECTION_DOCUMENTS, "connection_documents", "connections");
part!(CONNECTION_CERTS, "connection_certs", "connections");
part!(DOMAIN_ROUTES, "domain_routes", "domains");

impl Store {
    pub(super) fn seal_client_secret(&self, org: OrgId, id: ConnectionId, plain: &ClientPassword) -> Result<String> {
        let sealed = self.keyring().seal(&CLIENT_SECRET.place(org, &id.to_string()), plain.expose().as_bytes())?;
        Ok(sealed.as_str().to_owned())
    }

    pub(in crate::identity) async fn open_client_secret(
        &self,
        org: OrgId,
        id: ConnectionId,
        sealed: String,
    ) -> Result<ClientPassword> {
        let plain = self.open_sealed(&CLIENT_SECRET.place(org, &id.to_string()), &sealed.into()).await?;
        Ok(ClientPassword::stored(String::from_utf8_lossy(&plain).into_owned()))
    }
}

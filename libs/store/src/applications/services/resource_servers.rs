//! What access tokens can be for: the APIs of services.

use domain::{
    Error, Result,
    applications::{services::Service, uris::ResourceUri},
};

use crate::{
    WriteTx,
    core::{
        error::{Constraint, on},
        sql::{self, Sql, sql},
        table::{Table, WhenOld, WithOrganization},
    },
};

pub(crate) const RESOURCE_SERVERS_IDENTIFIER: Constraint =
    Constraint { name: "resource_servers_identifier", columns: "resource_servers.identifier" };

pub(crate) const RESOURCE_SERVERS: Table = Table {
    name: "resource_servers",
    unique: &[&RESOURCE_SERVERS_IDENTIFIER],
    sealed: &[],
    when_old: WhenOld::Stays("as many as the organization's services name"),
    with_organization: WithOrganization::GoesWith("services"),
};

/// Identifiers separated by spaces, in one order.
pub(super) fn parse(text: Option<String>) -> Vec<ResourceUri> {
    let mut uris: Vec<_> = text.unwrap_or_default().split_whitespace().map(|uri| ResourceUri::stored(uri.to_owned())).collect();
    uris.sort();
    uris
}

const INSERT: Sql = sql!(
    "insert into resource_servers (org_id, id, service_id, identifier, created_at)
    values ($1, $2, $3, $4, $5)"
);
const DELETE: Sql = sql!("delete from resource_servers where org_id = $1 and service_id = $2 and identifier = $3");

fn taken() -> Error {
    Error::exists("resource_uri_taken", "One of these resource URIs is another service's already.")
}

impl WriteTx {
    /// Makes the APIs of a locked service those that its settings name, where `before` were. `AlreadyExists` (`resource_uri_taken`).
    pub(super) async fn save_resource_servers(&self, service: &Service, before: &[ResourceUri]) -> Result<()> {
        let (org, id, after) = (service.org_id.uuid(), service.id.uuid(), &service.settings.resource_uris);
        for gone in before.iter().filter(|uri| !after.contains(uri)) {
            sql::execute(&self.tx, DELETE, vec![org.into(), id.into(), gone.as_str().into()]).await?;
        }
        for fresh in after.iter().filter(|uri| !before.contains(uri)) {
            let values = vec![org.into(), self.uuid().into(), id.into(), fresh.as_str().into(), self.now().into()];
            sql::try_execute(&self.tx, INSERT, values).await.map_err(on(&RESOURCE_SERVERS_IDENTIFIER, taken))?;
        }
        Ok(())
    }
}

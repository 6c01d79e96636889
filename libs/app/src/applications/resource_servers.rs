//! APIs of the platform.

use domain::{
    Error, Event, PLATFORM, Patch, ResourceServerId, Result,
    applications::resource_servers::{Audience, ResourceServer, Scopes, TokenAlg, TokenLife},
    authorization::policy,
    core::value::{Description, Name},
};
use store::Change;

use crate::{App, Caller};

/// A new API.
pub struct NewResourceServer {
    /// Its name in tokens.
    pub audience: Audience,
    /// For people.
    pub name: Name,
    /// For people.
    pub description: Option<Description>,
    /// What may be done there.
    pub scopes: Scopes,
    /// What its tokens are signed with.
    pub alg: TokenAlg,
    /// How long they live.
    pub life: TokenLife,
}

/// Changes of an API. Its audience stays.
pub struct ResourceServerChanges {
    /// Another name.
    pub name: Option<Name>,
    /// Another description, or none.
    pub description: Patch<Description>,
    /// Other scopes. What is defined no more, nobody is granted.
    pub scopes: Option<Scopes>,
    /// Another algorithm.
    pub alg: Option<TokenAlg>,
    /// Another life of tokens.
    pub life: Option<TokenLife>,
}

impl App {
    /// The platform's APIs, newest first, so many after so many; and how many there are.
    pub async fn resource_servers(&self, c: &Caller, offset: u64, limit: u64) -> Result<(Vec<ResourceServer>, i64)> {
        let principal = self.principal(c).await?;
        self.store.resource_servers(policy::platform(&principal)?, offset, limit).await
    }

    /// One of them. `NotFound`.
    pub async fn resource_server(&self, c: &Caller, id: ResourceServerId) -> Result<ResourceServer> {
        let principal = self.principal(c).await?;
        self.store.resource_server(policy::platform(&principal)?, id).await
    }

    /// Registers an API. `Invalid` for an audience of our own, `AlreadyExists` (`audience_taken`), `Conflict` (`resource_server_limit`).
    pub async fn create_resource_server(&self, c: &Caller, new: &NewResourceServer) -> Result<ResourceServer> {
        if new.audience.is_ours(&self.settings.public_url) {
            return Err(Error::field("audience", "reserved", "This audience lies at our own address; choose another."));
        }
        self.as_operator(c, async |tx, _| {
            let server = ResourceServer {
                id: ResourceServerId::new(tx.uuid()),
                audience: new.audience.clone(),
                name: new.name.clone(),
                description: new.description.clone(),
                scopes: new.scopes.clone(),
                alg: new.alg,
                life: new.life,
                created_at: tx.now(),
                updated_at: tx.now(),
            };
            tx.insert_resource_server(&server).await?;
            let event = Event::ResourceServerCreated { resource_server: server.id, audience: server.audience.to_string() };
            Ok(Change::new(server, PLATFORM, event))
        })
        .await
    }

    /// Changes an API. `NotFound`.
    pub async fn update_resource_server(
        &self,
        c: &Caller,
        id: ResourceServerId,
        changes: &ResourceServerChanges,
    ) -> Result<ResourceServer> {
        self.as_operator(c, async |tx, _| {
            let before = tx.lock_resource_server(id).await?;
            let server = ResourceServer {
                name: changes.name.clone().unwrap_or(before.name),
                description: changes.description.clone().apply(before.description),
                scopes: changes.scopes.clone().unwrap_or(before.scopes),
                alg: changes.alg.unwrap_or(before.alg),
                life: changes.life.unwrap_or(before.life),
                updated_at: tx.now(),
                ..before
            };
            tx.save_resource_server(&server).await?;
            let event = Event::ResourceServerUpdated { resource_server: server.id, audience: server.audience.to_string() };
            Ok(Change::new(server, PLATFORM, event))
        })
        .await
    }

    /// Deletes an API, with what clients were granted there. `NotFound`.
    pub async fn delete_resource_server(&self, c: &Caller, id: ResourceServerId) -> Result<()> {
        self.as_operator(c, async |tx, _| {
            let server = tx.lock_resource_server(id).await?;
            tx.delete_resource_server(id).await?;
            let event = Event::ResourceServerDeleted { resource_server: id, audience: server.audience.to_string() };
            Ok(Change::new((), PLATFORM, event))
        })
        .await
    }
}

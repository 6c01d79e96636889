//! Connections: which identity providers an organization's people sign in through.
//!
//! Fetching what a provider publishes takes as long as its servers do, so no transaction waits for it. What cannot be fetched refuses
//! nothing: the connection is kept, is not ready, and says why. What was uploaded must be right.

mod changes;
pub mod due;
mod fetching;
mod trial;

use domain::{
    ConnectionId, Error, Event, Result, Violation,
    authorization::{
        policy::{OrgScope, Read, Write, decide, may_map_role, may_try},
        resource::Connections,
    },
    core::value::{Name, Slug},
    identity::connections::{
        ClientIdentifier, ClientPassword, Connection, ConnectionSlug, Endpoints, Notes, Protocol, ProviderUrl, SamlSettings,
        Scopes,
        certificates::{Certificate, MAX_CERTIFICATES},
        documents::Documents,
        mapping::{Attributes, Mapping, RoleMapping, added, is_awake},
    },
    tenancy::{
        roles::{Caps, Role},
        smtp::Ceiling,
    },
};
use store::{Change, WriteTx};

use self::fetching::{Adopt, Source};
pub use self::{
    changes::ConnectionChanges,
    trial::{Check, Outcome, Tried},
};
use crate::{App, Caller, identity::federation::ServiceProvider};

/// A new connection.
pub struct NewConnection {
    /// Its name in sign-in requests.
    pub slug: ConnectionSlug,
    /// Its name for people.
    pub name: Name,
    /// What is spoken.
    pub protocol: Protocol,
    /// Whether people may sign in through it.
    pub enabled: bool,
    /// Whether whoever signs in through it becomes a member.
    pub jit: bool,
    /// Who we are there.
    pub client_id: ClientIdentifier,
    /// What we show to be the client.
    pub secret: Option<ClientPassword>,
    /// Where it is.
    pub endpoints: Endpoints,
    /// What is asked for.
    pub scopes: Option<Scopes>,
    /// What clients keep with it.
    pub notes: Option<Notes>,
    /// Its document, uploaded.
    pub document: Option<String>,
    /// Certificates that verify its signatures.
    pub certificates: Vec<String>,
    /// How a SAML provider is spoken with.
    pub saml: SamlSettings,
    /// Which claim holds what.
    pub attributes: Attributes,
    /// Which group gives which role.
    pub roles: Vec<RoleMapping>,
}

/// A connection, and which of its mapped roles sleep.
pub struct ConnectionView {
    /// The connection.
    pub connection: Connection,
    /// Whether each of its mapped roles is given, in their order.
    pub awake: Vec<bool>,
    /// Where its provider sends people back to, which is registered there.
    pub callback_url: String,
    /// Who we are to a SAML provider.
    pub service_provider: ServiceProvider,
}

impl ConnectionView {
    fn of(app: &App, connection: Connection, roles: &[Role]) -> Self {
        let role = |mapping: &RoleMapping| roles.iter().find(|role| role.name.as_str() == mapping.role.as_str());
        let awake = connection.mapping.roles.iter().map(|mapping| is_awake(&connection.ceiling, role(mapping))).collect();
        let (callback_url, service_provider) = (app.callback_url(connection.id), app.service_provider(connection.id));
        Self { callback_url, service_provider, connection, awake }
    }
}

impl App {
    /// The connections, by age.
    pub async fn list_connections(&self, c: &Caller, slug: &Slug) -> Result<Vec<ConnectionView>> {
        let standing = self.standing(c, slug).await?;
        let scope: OrgScope<'_, Connections, Read> = decide(&standing)?;
        let roles = self.store.mappable_roles(scope).await?;
        let all = self.store.list_connections(scope).await?;
        Ok(all.into_iter().map(|connection| ConnectionView::of(self, connection, &roles)).collect())
    }

    /// One connection.
    pub async fn get_connection(&self, c: &Caller, slug: &Slug, id: ConnectionId) -> Result<ConnectionView> {
        let standing = self.standing(c, slug).await?;
        let scope: OrgScope<'_, Connections, Read> = decide(&standing)?;
        let connection = self.store.get_connection(scope, id).await?;
        Ok(ConnectionView::of(self, connection, &self.store.mappable_roles(scope).await?))
    }

    /// Makes a connection. `AlreadyExists` (`connection_id_taken`), `Conflict` (`connection_limit`), `Forbidden` (`beyond_own`) for a
    /// mapped role that the caller does not hold.
    pub async fn create_connection(&self, c: &Caller, slug: &Slug, new: &NewConnection) -> Result<ConnectionView> {
        check(new.protocol, &new.endpoints, new.document.is_some(), new.secret.is_some())?;
        let standing = self.standing(c, slug).await?;
        may_try::<Connections>(&standing)?;
        if let Some(client) = &new.saml.default_client {
            self.check_default_client(standing.facts().view.organization.id, new.protocol, client).await?;
        }
        let by_hand = self.certificates(&new.certificates)?;
        self.check_endpoints(new.endpoints.urls()).await?;
        let source = Source::of(new.document.as_deref(), new.endpoints.discovery.as_ref());
        let fetched = self.fetch_published(standing.facts().view.organization.id, new.protocol, source).await?;
        let made = self.in_org::<Connections, _>(c, slug, async |tx, scope| {
            check_roles(tx, scope, &[], &new.roles).await?;
            let mut connection = new.connection(scope, tx);
            connection.certificates.clone_from(&by_hand);
            connection.adopt(&fetched, tx.now());
            tx.insert_connection(scope, &connection, new.secret.as_ref()).await?;
            let event = Event::ConnectionCreated {
                provider_id: connection.id,
                connection_id: connection.slug.as_str().to_owned(),
                name: connection.name.to_string(),
                provider_type: connection.protocol.as_str(),
                enabled: connection.enabled,
            };
            Ok(Change::new(connection.id, scope.org(), event))
        });
        let id = made.await?;
        self.get_connection(c, slug, id).await
    }

    /// Deletes a connection: nobody signs in through it any more, and its SCIM tokens and the roles that it gave end with it. `Conflict` (`connection_in_use`) while people of some domain can sign in
    /// through nothing else.
    pub async fn delete_connection(&self, c: &Caller, slug: &Slug, id: ConnectionId) -> Result<()> {
        self.in_org::<Connections, _>(c, slug, async |tx, scope| {
            let connection = tx.lock_connection(scope, id).await?;
            let bound = tx.domains_bound_to(scope, id).await?;
            if !bound.is_empty() {
                let text =
                    format!("People of {} sign in through nothing else. Change their `login_policy` first.", bound.join(", "));
                return Err(Error::conflict("connection_in_use", text));
            }
            let tokens = tx.delete_tokens_of_connection(scope, id).await?;
            let ended = tx.end_mapped_roles(scope, id, |_| true).await?;
            tx.delete_connection(scope, id).await?;
            let ended_roles = ended.iter().map(ToString::to_string).collect();
            let (connection_id, name) = (connection.slug.as_str().to_owned(), connection.name.to_string());
            let change =
                Change::new((), scope.org(), Event::ConnectionDeleted { provider_id: id, connection_id, name, ended_roles });
            Ok(tokens.into_iter().fold(change, |change, token| {
                change.and(scope.org(), Event::ScimTokenDeleted { scim_token_id: token.id, name: token.name.to_string() })
            }))
        })
        .await
    }

    async fn check_endpoints(&self, urls: impl Iterator<Item = (&'static str, &ProviderUrl)>) -> Result<()> {
        let mut violations = Vec::new();
        for (field, url) in urls {
            violations.extend(self.guard.check(field, url.url()).await.err());
        }
        if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations)) }
    }

    fn certificates(&self, texts: &[String]) -> Result<Vec<Certificate>> {
        if texts.len() > MAX_CERTIFICATES {
            let text = format!("A connection has at most {MAX_CERTIFICATES} certificates.");
            return Err(Error::field("certificates", "too_many", text));
        }
        let mut all: Vec<Certificate> = Vec::new();
        for text in texts {
            let one =
                self.identity_providers.certificate(text).map_err(|bad| Error::field("certificates", bad.code, bad.message))?;
            if all.iter().all(|known| known.sha256 != one.sha256) {
                all.push(one);
            }
        }
        Ok(all)
    }
}

impl NewConnection {
    fn connection(&self, scope: OrgScope<'_, Connections, Write>, tx: &WriteTx) -> Connection {
        Connection {
            id: ConnectionId::new(tx.uuid()),
            org_id: scope.org(),
            slug: self.slug.clone(),
            name: self.name.clone(),
            protocol: self.protocol,
            enabled: self.enabled,
            jit: self.jit,
            client_id: self.client_id.clone(),
            has_secret: self.secret.is_some(),
            endpoints: self.endpoints.clone(),
            scopes: self.scopes.clone(),
            notes: self.notes.clone(),
            mapping: Mapping { attributes: self.attributes.clone(), roles: self.roles.clone() },
            saml: self.saml.clone(),
            ceiling: Ceiling::of(scope.authority()),
            generation: 1,
            documents: Documents::default(),
            certificates: Vec::new(),
            next_check_at: None,
            created_at: tx.now(),
            updated_at: tx.now(),
        }
    }
}

/// What a protocol cannot do without.
fn check(protocol: Protocol, endpoints: &Endpoints, has_document: bool, has_secret: bool) -> Result<()> {
    let rule = if protocol == Protocol::Saml {
        "Give it, or metadata: `discovery_url` or `document`."
    } else {
        "Give `discovery_url`, or `authorization_url`, `token_url` and `userinfo_url`."
    };
    let missing = endpoints.missing(protocol, has_document).into_iter().map(|field| Violation::new(field, "required", rule));
    let mut violations: Vec<_> = missing.collect();
    if protocol.has_client_secret() && !has_secret {
        violations.push(Violation::new("client_secret", "required", "This field is required."));
    }
    if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations)) }
}

/// Checks mappings that go from `before` to `after`. Answers whether the caller holds all that are mapped afterwards.
async fn check_roles(
    tx: &WriteTx,
    scope: OrgScope<'_, Connections, Write>,
    before: &[RoleMapping],
    after: &[RoleMapping],
) -> Result<bool> {
    if before != after {
        may_map_role(scope, Caps::NONE)?;
    }
    let new: Vec<_> = added(before, after).collect();
    let mut holds_all = true;
    for mapping in after {
        let is_new = new.contains(&mapping);
        let Some(role) = tx.mappable_role(scope, &mapping.role).await? else {
            if is_new {
                return Err(Error::field("role_mapping", "unknown_role", format!("There is no custom role `{}`.", mapping.role)));
            }
            // One that was mapped and is gone gives nothing.
            continue;
        };
        match may_map_role(scope, role.caps) {
            Err(e) if is_new => return Err(e),
            held => holds_all &= held.is_ok(),
        }
    }
    Ok(holds_all)
}

//! Changing a connection, all of it or nothing.
//!
//! Whoever may change one does not know its client secret, and must not learn it by sending it to a server of their own: it stays only while
//! codes are exchanged at the same server.

use domain::{
    ConnectionId, Error, Event, Patch, Result,
    authorization::{
        policy::{OrgScope, Read, Write, decide, may_try},
        resource::Connections,
    },
    core::value::{Name, RoleSlug, Slug},
    identity::connections::{
        ClientIdentifier, ClientPassword, Connection, Endpoints, Issuer, Notes, ProviderUrl, Scopes,
        certificates::Certificate,
        documents::Documents,
        mapping::{Attributes, Changed, RoleMapping, added},
    },
    tenancy::smtp::Ceiling,
};
use store::{Change, NoEvent, WriteTx};

use super::{
    ConnectionView, check, check_roles,
    fetching::{Adopt, Fetched, Source},
};
use crate::{App, Caller};

/// What may be changed of a connection.
#[derive(Default)]
pub struct ConnectionChanges {
    /// Another name.
    pub name: Option<Name>,
    /// Whether people may sign in through it.
    pub enabled: Option<bool>,
    /// Whether whoever signs in through it becomes a member.
    pub jit: Option<bool>,
    /// Who we are there.
    pub client_id: Option<ClientIdentifier>,
    /// What we show to be the client.
    pub secret: Patch<ClientPassword>,
    /// Who the provider is.
    pub issuer: Patch<Issuer>,
    /// Where people sign in.
    pub authorization: Patch<ProviderUrl>,
    /// Where codes are exchanged.
    pub token: Patch<ProviderUrl>,
    /// Where it tells who somebody is.
    pub userinfo: Patch<ProviderUrl>,
    /// Where its document is: fetched again, and whatever it says accepted, also if it is the same address.
    pub discovery: Patch<ProviderUrl>,
    /// What is asked for.
    pub scopes: Patch<Scopes>,
    /// What clients keep with it.
    pub notes: Patch<Notes>,
    /// Its document, uploaded.
    pub document: Option<String>,
    /// Certificates that were written down, in the place of those before.
    pub certificates: Option<Vec<String>>,
    /// Whether a SAML provider's assertions are decrypted by AES-CBC where no signature covers that.
    pub unauthenticated_cbc: Option<bool>,
    /// The client at which a sign-in begins when a SAML provider sends a response that nobody asked for, or none.
    pub default_client: Patch<String>,
    /// Which claim holds what.
    pub attributes: Option<Attributes>,
    /// Which group gives which role.
    pub roles: Option<Vec<RoleMapping>>,
}

impl App {
    /// Changes a connection. `Forbidden` (`beyond_own`) for a role that the caller does not hold, and is mapped anew.
    pub async fn update_connection(
        &self,
        c: &Caller,
        slug: &Slug,
        id: ConnectionId,
        changes: &ConnectionChanges,
    ) -> Result<ConnectionView> {
        let standing = self.standing(c, slug).await?;
        may_try::<Connections>(&standing)?;
        let scope: OrgScope<'_, Connections, Read> = decide(&standing)?;
        let known = self.store.get_connection(scope, id).await?;
        if let Patch::Set(client) = &changes.default_client {
            self.check_default_client(scope.org(), known.protocol, client).await?;
        }
        let by_hand = changes.certificates.as_deref().map(|texts| self.certificates(texts)).transpose()?;
        self.check_endpoints(changes.endpoints(&known.endpoints).urls().filter(|(_, url)| changes.names(url))).await?;
        let discovery = match &changes.discovery {
            Patch::Set(url) => Some(url),
            Patch::Keep | Patch::Clear => None,
        };
        let source = Source::of(changes.document.as_deref(), discovery);
        let found = (self.fetch_published(scope.org(), known.protocol, source).await?, by_hand);
        self.in_org::<Connections, _>(c, slug, async |tx, scope| {
            let before = tx.lock_connection(scope, id).await?;
            change(tx, scope, &before, changes, &found).await
        })
        .await?;
        self.get_connection(c, slug, id).await
    }
}

async fn change(
    tx: &WriteTx,
    scope: OrgScope<'_, Connections, Write>,
    before: &Connection,
    changes: &ConnectionChanges,
    (fetched, by_hand): &(Fetched, Option<Vec<Certificate>>),
) -> Result<Change<()>> {
    let roles = changes.roles.as_deref().unwrap_or(&before.mapping.roles);
    let holds_all = check_roles(tx, scope, &before.mapping.roles, roles).await?;
    let confirms = holds_all && changes.roles.is_some();
    if changes.moves_groups(before) && !holds_all {
        return Err(groups_decide());
    }
    let mut after = changes.applied(before, tx.now());
    if let Some(by_hand) = by_hand {
        let published =
            before.certificates.iter().filter(|one| !one.by_hand && by_hand.iter().all(|new| new.sha256 != one.sha256));
        after.certificates = by_hand.iter().chain(published).cloned().collect();
    }
    if changes.discovery == Patch::Clear && changes.document.is_none() {
        after.documents = Documents::default();
        after.certificates.retain(|certificate| certificate.by_hand);
    }
    after.adopt(fetched, tx.now());
    let has_document = after.documents.configuration.content.is_some();
    check(after.protocol, &after.endpoints, has_document, after.has_secret)?;
    keep_secret(before, &after, &changes.secret)?;
    let kind = match () {
        () if before.trust() != after.trust() => Changed::Trust,
        () if confirms => Changed::Confirmed,
        () => Changed::Other,
    };
    after.generation += i64::from(kind == Changed::Trust);
    after.ceiling = kind.ceiling(&before.ceiling, &Ceiling::of(scope.authority()));
    let changed = differences(before, &after, &changes.secret);
    // Looking again is no change by itself.
    if changed.is_empty() && before.documents == after.documents && before.ceiling == after.ceiling {
        return Ok(Change::silent((), NoEvent::Unchanged));
    }
    // Whoever is in another group that gives one of them has it again at their next sign-in.
    let ends = |role: &RoleSlug| added(&after.mapping.roles, &before.mapping.roles).any(|gone| gone.role == *role);
    let ended = tx.end_mapped_roles(scope, after.id, ends).await?;
    tx.save_connection(scope, &after, &changes.secret).await?;
    if kind == Changed::Trust {
        tx.ask_for_proof(scope, after.id).await?;
    }
    if changed.is_empty() {
        return Ok(Change::silent((), NoEvent::Housekeeping));
    }
    let event = Event::ConnectionUpdated {
        provider_id: after.id,
        connection_id: after.slug.as_str().to_owned(),
        name: after.name.to_string(),
        provider_type: after.protocol.as_str(),
        enabled: after.enabled,
        changed: changed.into_iter().map(str::to_owned).collect(),
        new_generation: kind == Changed::Trust,
        ended_roles: ended.iter().map(ToString::to_string).collect(),
    };
    Ok(Change::new((), scope.org(), event))
}

/// Another claim of groups gives mapped roles to others, as another mapping does.
fn groups_decide() -> Error {
    Error::forbidden(
        "permission_not_held",
        "Which claim names the groups decides who is given the mapped roles: only who may hand out roles, and holds all of them, changes it.",
    )
}

/// Another server does not get the secret of this one.
fn keep_secret(before: &Connection, after: &Connection, secret: &Patch<ClientPassword>) -> Result<()> {
    let origin = |connection: &Connection| connection.effective().token.map(|url| url.url().origin());
    let (was, is) = (origin(before), origin(after));
    // While nobody knows where it goes, it goes nowhere.
    let moved = is.is_some() && was.is_some() && was != is;
    if moved && before.has_secret && *secret == Patch::Keep {
        let rule = "It is only kept while `token_url` leads to the same server. Send it again.";
        return Err(Error::field("client_secret", "required", rule));
    }
    Ok(())
}

impl ConnectionChanges {
    fn endpoints(&self, before: &Endpoints) -> Endpoints {
        Endpoints {
            issuer: self.issuer.clone().apply(before.issuer.clone()),
            authorization: self.authorization.clone().apply(before.authorization.clone()),
            token: self.token.clone().apply(before.token.clone()),
            userinfo: self.userinfo.clone().apply(before.userinfo.clone()),
            discovery: self.discovery.clone().apply(before.discovery.clone()),
        }
    }

    /// Whether the groups that give roles are found elsewhere from now on.
    fn moves_groups(&self, before: &Connection) -> bool {
        self.attributes.as_ref().is_some_and(|after| after.groups != before.mapping.attributes.groups)
    }

    /// Whether a URL is sent with these changes, and not one that was there.
    fn names(&self, url: &ProviderUrl) -> bool {
        let all = [&self.authorization, &self.token, &self.userinfo, &self.discovery];
        all.into_iter().any(|patch| matches!(patch, Patch::Set(sent) if sent == url))
    }

    fn applied(&self, before: &Connection, now: domain::Time) -> Connection {
        let mut after = before.clone();
        after.endpoints = self.endpoints(&before.endpoints);
        if let Some(name) = &self.name {
            after.name = name.clone();
        }
        if let Some(client_id) = &self.client_id {
            after.client_id = client_id.clone();
        }
        after.enabled = self.enabled.unwrap_or(before.enabled);
        after.jit = self.jit.unwrap_or(before.jit);
        after.has_secret = match self.secret {
            Patch::Keep => before.has_secret,
            Patch::Clear => false,
            Patch::Set(_) => true,
        };
        after.scopes = self.scopes.clone().apply(after.scopes);
        after.notes = self.notes.clone().apply(after.notes);
        after.saml.unauthenticated_cbc = self.unauthenticated_cbc.unwrap_or(before.saml.unauthenticated_cbc);
        after.saml.default_client = self.default_client.clone().apply(after.saml.default_client.take());
        if let Some(attributes) = &self.attributes {
            after.mapping.attributes = attributes.clone();
        }
        if let Some(roles) = &self.roles {
            after.mapping.roles = roles.clone();
        }
        after.updated_at = now;
        after
    }
}

/// The fields that differ, as the contract and we call them.
fn differences(before: &Connection, after: &Connection, secret: &Patch<ClientPassword>) -> Vec<&'static str> {
    let (was, is) = (&before.endpoints, &after.endpoints);
    let names = |connection: &Connection| connection.certificates.iter().map(|one| one.sha256.clone()).collect::<Vec<_>>();
    [
        ("name", before.name != after.name),
        ("enabled", before.enabled != after.enabled),
        ("jit", before.jit != after.jit),
        ("client_id", before.client_id != after.client_id),
        ("client_secret", *secret != Patch::Keep && !(before.has_secret == after.has_secret && *secret == Patch::Clear)),
        ("issuer", was.issuer != is.issuer),
        ("authorization_url", was.authorization != is.authorization),
        ("token_url", was.token != is.token),
        ("userinfo_url", was.userinfo != is.userinfo),
        ("discovery_url", was.discovery != is.discovery),
        ("scopes", before.scopes != after.scopes),
        ("metadata", before.notes != after.notes),
        ("document", before.documents.configuration.content != after.documents.configuration.content),
        ("certificates", names(before) != names(after)),
        ("saml_unauthenticated_cbc", before.saml.unauthenticated_cbc != after.saml.unauthenticated_cbc),
        ("saml_default_client_id", before.saml.default_client != after.saml.default_client),
        ("attribute_mapping", before.mapping.attributes != after.mapping.attributes),
        ("role_mapping", before.mapping.roles != after.mapping.roles),
    ]
    .into_iter()
    .filter(|(_, differs)| *differs)
    .map(|(name, _)| name)
    .collect()
}

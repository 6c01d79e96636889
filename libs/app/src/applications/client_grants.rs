//! What clients of the platform may do at its APIs, and for which organizations.

use domain::{
    ClientGrantId, ClientId, Error, Event, OrgId, PLATFORM, Result, Violation,
    applications::{
        client_grants::{ClientGrant, ForOrganizations, SubjectType},
        clients::OrganizationUsage,
        resource_servers::{Audience, ResourceServer, Scopes},
    },
    authorization::policy,
};
use store::{Change, NoEvent, applications::org_client_grants::GrantedOrganization};

use crate::{App, Caller};

/// What a client is granted.
#[derive(Clone, Debug, Default)]
pub struct GrantTerms {
    /// What it may do.
    pub scopes: Scopes,
    /// In whose name.
    pub subject_type: SubjectType,
    /// For which organizations, in its own name.
    pub organizations: ForOrganizations,
}

impl GrantTerms {
    fn of(grant: &ClientGrant) -> Self {
        Self { scopes: grant.scopes.clone(), subject_type: grant.subject_type, organizations: grant.organizations }
    }

    /// `Invalid` for organizations of a grant in the name of people: where those sign in, the client says.
    fn check(&self) -> Result<()> {
        if self.subject_type == SubjectType::User && self.organizations != ForOrganizations::default() {
            let text =
                "Only what a client does by itself is for organizations; where people sign in, the client's own setting says.";
            return Err(Error::field("organization_usage", "not_for_people", text));
        }
        Ok(())
    }
}

/// Changes of a grant. What is left out stays.
#[derive(Clone, Debug, Default)]
pub struct GrantChanges {
    /// Other scopes.
    pub scopes: Option<Scopes>,
    /// Whether its tokens are for an organization.
    pub organization_usage: Option<OrganizationUsage>,
    /// Whether every organization will do.
    pub any_organization: Option<bool>,
}

impl GrantChanges {
    fn apply(&self, grant: &mut ClientGrant) {
        grant.scopes = self.scopes.clone().unwrap_or_else(|| grant.scopes.clone());
        grant.organizations.usage = self.organization_usage.unwrap_or(grant.organizations.usage);
        grant.organizations.any = self.any_organization.unwrap_or(grant.organizations.any);
    }
}

impl App {
    /// What a client may do, or what all may, newest first, so many after so many; and how many grants there are.
    pub async fn client_grants(
        &self,
        c: &Caller,
        client: Option<ClientId>,
        window: (u64, u64),
    ) -> Result<(Vec<ClientGrant>, i64)> {
        let principal = self.principal(c).await?;
        self.store.client_grants(policy::platform(&principal)?, client, window).await
    }

    /// Lets a client do something at an API. `NotFound` for the client; `Invalid` for an API that is not registered, and for scopes that it does not
    /// define, or organizations of one in the name of people; `AlreadyExists` (`client_grant_exists`), `Conflict` (`client_grant_limit`).
    pub async fn create_client_grant(
        &self,
        c: &Caller,
        client: ClientId,
        audience: &Audience,
        terms: &GrantTerms,
    ) -> Result<ClientGrant> {
        terms.check()?;
        let GrantTerms { scopes, subject_type, organizations } = terms;
        self.as_operator(c, async |tx, _| {
            let client = tx.lock_platform_client(client).await?;
            let Some(server) = tx.resource_server_of(audience).await? else {
                return Err(Error::field("audience", "unknown", "Register this API first."));
            };
            defined(scopes, &server)?;
            let grant = ClientGrant {
                id: ClientGrantId::new(tx.uuid()),
                client: client.id,
                client_id: client.client_id,
                resource_server: server.id,
                audience: server.audience,
                scopes: scopes.clone(),
                subject_type: *subject_type,
                organizations: *organizations,
                created_at: tx.now(),
                updated_at: tx.now(),
            };
            tx.insert_client_grant(&grant).await?;
            let (client_id, audience) = (grant.client_id.clone(), grant.audience.to_string());
            let event = Event::ClientGrantCreated { client: client.id, client_id, audience, scopes: scopes.to_string() };
            Ok(Change::new(grant, PLATFORM, event))
        })
        .await
    }

    /// Lets a client do something else at an API. `NotFound`; `Invalid` for scopes that it does not define.
    pub async fn update_client_grant(&self, c: &Caller, id: ClientGrantId, changes: &GrantChanges) -> Result<ClientGrant> {
        self.as_operator(c, async |tx, _| {
            let mut grant = tx.lock_client_grant(id).await?;
            changes.apply(&mut grant);
            GrantTerms::of(&grant).check()?;
            if changes.scopes.is_some() {
                defined(&grant.scopes, &tx.lock_resource_server(grant.resource_server).await?)?;
            }
            grant.updated_at = tx.now();
            tx.save_client_grant(&grant).await?;
            let (client_id, audience) = (grant.client_id.clone(), grant.audience.to_string());
            let scopes = grant.scopes.to_string();
            let event = Event::ClientGrantUpdated { client: grant.client, client_id, audience, scopes };
            Ok(Change::new(grant, PLATFORM, event))
        })
        .await
    }

    /// Takes a grant back. `NotFound`.
    pub async fn delete_client_grant(&self, c: &Caller, id: ClientGrantId) -> Result<()> {
        self.as_operator(c, async |tx, _| {
            let grant = tx.lock_client_grant(id).await?;
            tx.delete_client_grant(id).await?;
            let (client_id, audience) = (grant.client_id, grant.audience.to_string());
            Ok(Change::new((), PLATFORM, Event::ClientGrantDeleted { client: grant.client, client_id, audience }))
        })
        .await
    }

    /// The organizations that a grant names, the latest first, so many after so many; and how many there are.
    pub async fn organizations_of_grant(
        &self,
        c: &Caller,
        id: ClientGrantId,
        window: (u64, u64),
    ) -> Result<(Vec<GrantedOrganization>, i64)> {
        let principal = self.principal(c).await?;
        self.store.organizations_of_grant(policy::platform(&principal)?, id, window).await
    }

    /// Lets a client have tokens for an organization by a grant; nothing happens if it may already. `NotFound`; `Conflict` (`organization_usage`) for a
    /// grant that is for none, `organization_limit`.
    pub async fn add_organization_to_grant(&self, c: &Caller, id: ClientGrantId, org: OrgId) -> Result<()> {
        self.as_operator(c, async |tx, scope| {
            let organization = tx.lock_organization(scope, org).await?.organization;
            let grant = tx.lock_client_grant(id).await?;
            if grant.organizations.usage == OrganizationUsage::Deny {
                let text = "This grant is for no organization: set its `organization_usage` to allow or require first.";
                return Err(Error::conflict("organization_usage", text));
            }
            if !tx.add_organization_to_grant(id, organization.id).await? {
                return Ok(Change::silent((), NoEvent::Unchanged));
            }
            let (audience, scopes) = (grant.audience.to_string(), grant.scopes.to_string());
            let event =
                Event::ClientGrantAdded { organization_id: organization.id, client_id: grant.client_id, audience, scopes };
            Ok(Change::new((), organization.id, event))
        })
        .await
    }

    /// Takes that back. Introspection tells at once; APIs that verify tokens by themselves take those that there are until they expire. `NotFound`.
    pub async fn remove_organization_from_grant(&self, c: &Caller, id: ClientGrantId, org: OrgId) -> Result<()> {
        self.as_operator(c, async |tx, scope| {
            let organization = tx.lock_organization(scope, org).await?.organization;
            let grant = tx.lock_client_grant(id).await?;
            if !tx.remove_organization_from_grant(id, organization.id).await? {
                return Err(Error::not_found("organization of this grant"));
            }
            let audience = grant.audience.to_string();
            let event = Event::ClientGrantRemoved { organization_id: organization.id, client_id: grant.client_id, audience };
            Ok(Change::new((), organization.id, event))
        })
        .await
    }
}

fn defined(scopes: &Scopes, server: &ResourceServer) -> Result<()> {
    let unknown = scopes.iter().enumerate().filter(|(_, scope)| !server.scopes.iter().any(|known| known == *scope));
    let violations: Vec<_> = unknown
        .map(|(n, _)| Violation::new(format!("scopes[{n}]"), "unknown_scope", "This API does not define the scope."))
        .collect();
    if violations.is_empty() { Ok(()) } else { Err(Error::invalid(violations)) }
}

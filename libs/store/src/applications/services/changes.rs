//! Making, changing and deleting services.

use domain::{
    Error, OrgId, Result, ServiceId, UserId,
    applications::{
        plans::Plan,
        services::{ListedService, Service, ServiceUsage},
    },
    authorization::{
        in_service::InService,
        policy::{OrgScope, Write},
        resource::{OfService, OneService, ServiceLifecycle, Services},
    },
};

use super::{super::clients::ClientKey, SERVICE, SERVICES_SLUG, SOURCE, get};
use crate::{
    WriteTx,
    core::{
        error::on,
        sql::{self, Sql, sql},
    },
    tenancy::organizations::counters,
};

/// Whoever adds a subscription or a key refers to the row, and waits; so does whoever deletes it while they do.
const LOCK: Sql = sql!(
    "select {service}, s.plans, s.subscriptions
    from {source}
    where s.org_id = $1 and s.id = $2
    {for no key update of s}",
    service = SERVICE,
    source = SOURCE
);
const LOCK_TO_DELETE: Sql = sql!(
    "select {service}, s.plans, s.subscriptions
    from {source}
    where s.org_id = $1 and s.id = $2
    {for update of s}",
    service = SERVICE,
    source = SOURCE
);
const INSERT: Sql = sql!(
    "insert into services (org_id, id, slug, service_type, github_scopes, microsoft_scopes, google_scopes, device_activation_uri,
      plans, api_keys, users, subscriptions, created_at, updated_at, sign_up, implicit_grant)
    values ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, 0, $9, $9, $10, $11)"
);
const SAVE: Sql = sql!(
    "update services
    set service_type = $3, github_scopes = $4, microsoft_scopes = $5, google_scopes = $6, device_activation_uri = $7, updated_at = $8, sign_up = $9, implicit_grant = $10
    where org_id = $1 and id = $2"
);

const KEEP: Sql = sql!("select 1 from services where org_id = $1 and id = $2 {for key share}");
const HOLD: Sql = sql!("select 1 from services where org_id = $1 and id = $2 {for no key update}");

/// Whoever adds one refers to the service, whose row is locked.
const ACTIVE: Sql = sql!(
    "select 1 from subscriptions
    where org_id = $1 and service_id = $2 and status in ('active', 'trialing', 'past_due')
    limit 1"
);

impl WriteTx {
    /// Keeps a service as it is until the transaction ends, and those who change what belongs to it one after another. Call it before
    /// anything else of the service is locked. `NotFound` if it was just deleted.
    pub(crate) async fn hold_service<R: OfService>(&self, scope: InService<'_, R, Write>) -> Result<()> {
        let row = sql::one(&self.tx, HOLD, vec![scope.org().uuid().into(), scope.service().uuid().into()]).await?;
        row.map(|_| ()).ok_or_else(|| Error::not_found("service"))
    }

    /// Keeps a service from being deleted until the transaction ends; many may at once. `NotFound` if it was just deleted.
    pub(crate) async fn keep_service<R: OfService>(&self, scope: InService<'_, R, Write>) -> Result<()> {
        self.keep_service_of(scope.org(), scope.service()).await
    }

    /// The same for who has no proof of one service.
    pub(crate) async fn keep_service_of(&self, org: OrgId, service: ServiceId) -> Result<()> {
        let row = sql::one(&self.tx, KEEP, vec![org.uuid().into(), service.uuid().into()]).await?;
        row.map(|_| ()).ok_or_else(|| Error::not_found("service"))
    }

    /// A service, locked until the transaction ends.
    pub async fn lock_service<R: OfService>(&self, scope: InService<'_, R, Write>) -> Result<ListedService> {
        get(&self.tx, LOCK, scope.org(), scope.service()).await
    }

    /// Keeps a new service with its client, the hash of the secret that `shown_to` is about to see, and its first plan. `AlreadyExists`
    /// (`service_slug_taken`, `resource_uri_taken`), `Conflict` (`service_limit`).
    pub async fn insert_service(
        &self,
        scope: OrgScope<'_, Services, Write>,
        service: &Service,
        hash: &str,
        shown_to: UserId,
        plan: &Plan,
    ) -> Result<()> {
        self.insert_client(service).await?;
        let s = &service.settings;
        let values = vec![
            scope.org().uuid().into(),
            service.id.uuid().into(),
            service.slug.as_str().into(),
            s.service_type.as_str().into(),
            s.github_scopes.texts().join(" ").into(),
            s.microsoft_scopes.texts().join(" ").into(),
            s.google_scopes.texts().join(" ").into(),
            s.device_activation_uri.as_ref().map(|uri| uri.as_str()).into(),
            service.created_at.into(),
            s.sign_up.into(),
            s.implicit_grant.into(),
        ];
        let taken = || Error::exists("service_slug_taken", "Another service of this organization has this slug.");
        sql::try_execute(&self.tx, INSERT, values).await.map_err(on(&SERVICES_SLUG, taken))?;
        self.insert_client_secret(ClientKey::of(service), hash, Some(shown_to)).await?;
        self.save_resource_servers(service, &[]).await?;
        self.insert_first_plan(plan).await?;
        let max = ServiceUsage::of(scope.view()).max;
        if self.take_place(scope.org(), &counters::SERVICES, max).await? {
            return Ok(());
        }
        Err(Error::conflict(
            "service_limit",
            format!("This organization has all {max} services that its tier allows. Ask for a larger one."),
        ))
    }

    /// Saves the settings of a locked service. `AlreadyExists` (`resource_uri_taken`).
    pub async fn save_service(&self, _: InService<'_, OneService, Write>, before: &Service, service: &Service) -> Result<()> {
        self.save_client(service).await?;
        let s = &service.settings;
        let values = vec![
            service.org_id.uuid().into(),
            service.id.uuid().into(),
            s.service_type.as_str().into(),
            s.github_scopes.texts().join(" ").into(),
            s.microsoft_scopes.texts().join(" ").into(),
            s.google_scopes.texts().join(" ").into(),
            s.device_activation_uri.as_ref().map(|uri| uri.as_str()).into(),
            service.updated_at.into(),
            s.sign_up.into(),
            s.implicit_grant.into(),
        ];
        sql::execute(&self.tx, SAVE, values).await?;
        self.save_resource_servers(service, &before.settings.resource_uris).await
    }

    /// Deletes a service with everything that belongs to it; answers what it was. `Conflict` (`active_subscriptions`).
    pub async fn delete_service(&self, scope: InService<'_, ServiceLifecycle, Write>) -> Result<Service> {
        let service = get(&self.tx, LOCK_TO_DELETE, scope.org(), scope.service()).await?.service;
        let active = vec![scope.org().uuid().into(), scope.service().uuid().into()];
        if sql::one(&self.tx, ACTIVE, active).await?.is_some() {
            let text = "There are active subscriptions to this service. Cancel them first.";
            return Err(Error::conflict("active_subscriptions", text));
        }
        let end_users = self.discount_end_users_of(scope.org(), scope.service()).await?;
        self.delete_client(&service).await?;
        self.give_place_back(scope.org(), &counters::SERVICES).await?;
        self.give_end_users_back(scope.org(), end_users).await?;
        Ok(service)
    }
}

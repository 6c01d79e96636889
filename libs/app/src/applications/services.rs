//! Services of an organization: its applications, each an OAuth client.

use chrono::TimeDelta;
use crypto::{Purpose, opaque};
use domain::{
    Error, Event, Patch, PlanId, Result, ServiceId,
    applications::{
        plans::{Currency, Features, Plan},
        services::{ListedService, MAX_GRACE, ProviderScopes, Service, ServiceSettings, ServiceType, ServiceUsage, USUAL_GRACE},
        uris::{PageUri, RedirectUri, ResourceUri},
    },
    authorization::{
        in_service::{InService, decide_in_service},
        policy::{OrgScope, Read, Write, decide},
        resource::{ClientSecrets, OneService, ServiceLifecycle, Services},
    },
    core::value::{Name, ServiceSlug, Slug},
};
use serde::{Deserialize, Serialize};
use store::{Change, NoEvent, WriteTx};

use crate::{App, Caller};

/// A new service.
pub struct NewService {
    /// Its name in URLs; unique in the organization.
    pub slug: ServiceSlug,
    /// Everything else.
    pub settings: ServiceSettings,
}

/// What may be changed of a service.
pub struct ServiceChanges {
    /// Another name.
    pub name: Option<Name>,
    /// Another type.
    pub service_type: Option<ServiceType>,
    /// Scopes asked of GitHub, Microsoft and Google.
    pub scopes: [Option<ProviderScopes>; 3],
    /// Other places where sign-ins may come back to.
    pub redirect_uris: Option<Vec<RedirectUri>>,
    /// Another page where a device's user types the code, or none.
    pub device_activation_uri: Patch<PageUri>,
    /// Another place where it begins a sign-in that nobody there asked for, or none.
    pub initiate_login_uri: Patch<PageUri>,
    /// Other APIs.
    pub resource_uris: Option<Vec<ResourceUri>>,
    /// Whether it takes sign-ups.
    pub sign_up: Option<bool>,
    /// Whether it takes tokens in the fragment.
    pub implicit_grant: Option<bool>,
}

/// A service that was just made; its client secret is shown this once.
#[derive(Clone, Serialize, Deserialize)]
pub struct CreatedService {
    /// The service.
    pub service: Service,
    /// What its client authenticates with.
    pub client_secret: String,
    /// Its first plan.
    pub default_plan: Plan,
    /// How many services there are now.
    pub usage: ServiceUsage,
}

/// A service with its new client secret, which is shown this once.
#[derive(Clone, Serialize, Deserialize)]
pub struct RotatedSecret {
    /// The service.
    pub service: Service,
    /// What its client authenticates with.
    pub client_secret: String,
}

impl App {
    /// Services by age, perhaps of one type, so many after so many; and how many there are and may be. Whoever holds no permission on
    /// services sees those that were granted to them.
    pub async fn list_services(
        &self,
        c: &Caller,
        slug: &Slug,
        service_type: Option<ServiceType>,
        window: (u64, u64),
    ) -> Result<(Vec<ListedService>, ServiceUsage)> {
        let standing = self.standing(c, slug).await?;
        let scope: OrgScope<'_, Services, Read> = decide(&standing)?;
        let usage = ServiceUsage::of(scope.view());
        let services = self.list(scope.org(), false, self.store.list_services(scope, service_type, window)).await?;
        Ok((services, usage))
    }

    /// One service.
    pub async fn get_service(&self, c: &Caller, slug: &Slug, service: &ServiceSlug) -> Result<ListedService> {
        let standing = self.standing(c, slug).await?;
        let found = self.store.service_facts(&standing, service).await?;
        self.store.get_service(decide_in_service(&standing, found.as_ref())?).await
    }

    /// Makes a service with a client and a free plan, and answers the client's secret, this once. `AlreadyExists` (`service_slug_taken`,
    /// `resource_uri_taken`), `Conflict` (`service_limit`).
    pub async fn create_service(&self, c: &Caller, slug: &Slug, new: &NewService) -> Result<CreatedService> {
        new.settings.check()?;
        self.in_org::<Services, _>(c, slug, async |tx, scope| {
            let maker = scope.require_person()?.id;
            new.settings.check_hosts(&[], &tx.verified_hosts(scope.org()).await?)?;
            let (service, plan) = self.fresh(tx, scope, new);
            let secret = opaque::mint(Purpose::ClientSecret, self.ids.as_ref());
            tx.insert_service(scope, &service, &secret.hash, maker, &plan).await?;
            let usage = ServiceUsage::of(&tx.organization_view(scope.org()).await?);
            let (org, created, planned) = (scope.org(), created(&service), super::plans::created(&plan));
            let made = CreatedService { service, client_secret: secret.text, default_plan: plan, usage };
            Ok(Change::new(made, org, created).and(org, planned))
        })
        .await
    }

    fn fresh(&self, tx: &WriteTx, scope: OrgScope<'_, Services, Write>, new: &NewService) -> (Service, Plan) {
        let service = Service {
            id: ServiceId::new(tx.uuid()),
            org_id: scope.org(),
            slug: new.slug.clone(),
            client_id: self.ids.secret()[..16].iter().map(|byte| format!("{byte:02x}")).collect(),
            settings: new.settings.clone(),
            old_secret_until: None,
            created_at: tx.now(),
            updated_at: tx.now(),
        };
        let plan = Plan {
            id: PlanId::new(tx.uuid()),
            org_id: service.org_id,
            service_id: service.id,
            name: Name::stored("free".to_owned()),
            description: None,
            price_cents: 0,
            currency: Currency::usual(),
            features: Features::default(),
            stripe_price_id: None,
            polar_product_id: None,
            is_default: true,
            subscriptions: 0,
            created_at: tx.now(),
            updated_at: tx.now(),
        };
        (service, plan)
    }

    /// Changes a service, all of it or nothing; what is not named stays. `AlreadyExists` (`resource_uri_taken`).
    pub async fn update_service(
        &self,
        c: &Caller,
        slug: &Slug,
        service: &ServiceSlug,
        changes: &ServiceChanges,
    ) -> Result<ListedService> {
        self.in_service::<OneService, _>(c, slug, service, async |tx, scope| update(tx, scope, changes).await).await
    }

    /// The service whose key calls.
    pub async fn own_service(&self, c: &Caller) -> Result<Service> {
        let (standing, service) = self.service_key_standing(c).await?;
        Ok(self.store.get_service(decide_in_service(&standing, Some(&service))?).await?.service)
    }

    /// Changes the service whose key calls, as [`App::update_service`]. Who may come to it, and that tokens stand in addresses, a person says.
    pub async fn update_own_service(&self, c: &Caller, changes: &ServiceChanges) -> Result<ListedService> {
        self.by_service_key::<OneService, _>(c, async |tx, scope| {
            if changes.sign_up.is_some() || changes.implicit_grant.is_some() {
                scope.require_person()?;
            }
            update(tx, scope, changes).await
        })
        .await
    }

    /// Deletes a service with its client, plans, keys and users. `Conflict` (`active_subscriptions`).
    pub async fn delete_service(&self, c: &Caller, slug: &Slug, service: &ServiceSlug) -> Result<()> {
        self.in_service::<ServiceLifecycle, _>(c, slug, service, async |tx, scope| {
            let service = tx.delete_service(scope).await?;
            let (slug, name) = (service.slug.to_string(), service.settings.name.to_string());
            Ok(Change::new((), scope.org(), Event::ServiceDeleted { service_id: service.id, slug, name }))
        })
        .await
    }

    /// Gives a service's client another secret and answers it, this once. For `grace` seconds (a day if not said; 0: not at all) the one
    /// before works beside it, so that programs can change over. `Conflict` (`too_many_secrets`).
    pub async fn rotate_client_secret(
        &self,
        c: &Caller,
        slug: &Slug,
        service: &ServiceSlug,
        grace: Option<i64>,
    ) -> Result<RotatedSecret> {
        let grace = grace.map_or(USUAL_GRACE, TimeDelta::seconds);
        if !(TimeDelta::zero()..=MAX_GRACE).contains(&grace) {
            return Err(Error::field("grace_seconds", "out_of_range", format!("Use at most {} days.", MAX_GRACE.num_days())));
        }
        self.in_service::<ClientSecrets, _>(c, slug, service, async |tx, scope| {
            let before = tx.lock_service(scope).await?.service;
            let secret = opaque::mint(Purpose::ClientSecret, self.ids.as_ref());
            let mut service = before.clone();
            service.old_secret_until = (grace > TimeDelta::zero()).then(|| tx.now() + grace);
            service.updated_at = tx.now();
            tx.rotate_client_secret(scope, &before, &service, &secret.hash, scope.require_person()?.id).await?;
            let (slug, grace_seconds) = (service.slug.to_string(), grace.num_seconds());
            let event = Event::ServiceSecretRotated { service_id: service.id, slug, grace_seconds };
            Ok(Change::new(RotatedSecret { service, client_secret: secret.text }, scope.org(), event))
        })
        .await
    }
}

async fn update(
    tx: &WriteTx,
    scope: InService<'_, OneService, Write>,
    changes: &ServiceChanges,
) -> Result<Change<ListedService>> {
    let mut listed = tx.lock_service(scope).await?;
    let (before, service) = (listed.service.clone(), &mut listed.service);
    apply(changes, &mut service.settings);
    service.settings.check()?;
    let hosts = tx.verified_hosts(scope.org()).await?;
    service.settings.check_hosts(&before.settings.resource_uris, &hosts)?;
    let changed = differences(&before.settings, &service.settings);
    if changed.is_empty() {
        return Ok(Change::silent(listed, NoEvent::Unchanged));
    }
    service.updated_at = tx.now();
    tx.save_service(scope, &before, service).await?;
    let (service_id, slug, name) = (service.id, service.slug.to_string(), service.settings.name.to_string());
    Ok(Change::new(listed, scope.org(), Event::ServiceUpdated { service_id, slug, name, changed }))
}

fn created(service: &Service) -> Event {
    Event::ServiceCreated {
        service_id: service.id,
        slug: service.slug.to_string(),
        name: service.settings.name.to_string(),
        service_type: service.settings.service_type.as_str(),
    }
}

fn apply(changes: &ServiceChanges, s: &mut ServiceSettings) {
    s.name = changes.name.clone().unwrap_or_else(|| s.name.clone());
    s.service_type = changes.service_type.unwrap_or(s.service_type);
    let scopes = [&mut s.github_scopes, &mut s.microsoft_scopes, &mut s.google_scopes];
    for (scopes, changed) in scopes.into_iter().zip(&changes.scopes) {
        if let Some(changed) = changed {
            scopes.clone_from(changed);
        }
    }
    if let Some(uris) = &changes.redirect_uris {
        s.redirect_uris.clone_from(uris);
    }
    s.device_activation_uri = changes.device_activation_uri.clone().apply(s.device_activation_uri.take());
    s.initiate_login_uri = changes.initiate_login_uri.clone().apply(s.initiate_login_uri.take());
    if let Some(uris) = &changes.resource_uris {
        s.resource_uris.clone_from(uris);
    }
    s.sign_up = changes.sign_up.unwrap_or(s.sign_up);
    s.implicit_grant = changes.implicit_grant.unwrap_or(s.implicit_grant);
}

/// The contract's names of what differs.
fn differences(before: &ServiceSettings, after: &ServiceSettings) -> Vec<&'static str> {
    let fields = [
        ("name", before.name != after.name),
        ("service_type", before.service_type != after.service_type),
        ("github_scopes", before.github_scopes != after.github_scopes),
        ("microsoft_scopes", before.microsoft_scopes != after.microsoft_scopes),
        ("google_scopes", before.google_scopes != after.google_scopes),
        ("redirect_uris", before.redirect_uris != after.redirect_uris),
        ("device_activation_uri", before.device_activation_uri != after.device_activation_uri),
        ("initiate_login_uri", before.initiate_login_uri != after.initiate_login_uri),
        ("resource_uris", before.resource_uris != after.resource_uris),
        ("sign_up", before.sign_up != after.sign_up),
        ("implicit_grant", before.implicit_grant != after.implicit_grant),
    ];
    fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

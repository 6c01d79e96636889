//! Plans of a service.

use domain::{
    Error, Event, Patch, PlanId, Result,
    applications::plans::{Currency, Features, Plan, PolarProductId, StripePriceId},
    authorization::{in_service::decide_in_service, resource::Plans},
    core::value::{Description, Name, ServiceSlug, Slug},
};
use store::{Change, NoEvent};

use crate::{App, Caller};

/// A new plan.
pub struct NewPlan {
    /// Unique in the service.
    pub name: Name,
    /// What it is.
    pub description: Option<Description>,
    /// A month's price, in hundredths of the currency.
    pub price_cents: i64,
    /// The currency.
    pub currency: Currency,
    /// What it includes.
    pub features: Features,
    /// Its price at Stripe.
    pub stripe_price_id: Option<StripePriceId>,
    /// Its product at Polar.
    pub polar_product_id: Option<PolarProductId>,
    /// Whether it becomes the default one.
    pub is_default: bool,
}

/// What may be changed of a plan.
pub struct PlanChanges {
    /// Another name.
    pub name: Option<Name>,
    /// Another description, or none.
    pub description: Patch<Description>,
    /// Another price.
    pub price_cents: Option<i64>,
    /// Another currency.
    pub currency: Option<Currency>,
    /// Other features.
    pub features: Option<Features>,
    /// Another price at Stripe, or none.
    pub stripe_price_id: Patch<StripePriceId>,
    /// Another product at Polar, or none.
    pub polar_product_id: Patch<PolarProductId>,
    /// Whether it is the default one. `false` is refused for the one that is: another one takes its place.
    pub is_default: Option<bool>,
}

impl App {
    /// Every plan, by age.
    pub async fn list_plans(&self, c: &Caller, slug: &Slug, service: &ServiceSlug) -> Result<Vec<Plan>> {
        let standing = self.standing(c, slug).await?;
        let found = self.store.service_facts(&standing, service).await?;
        self.store.list_plans(decide_in_service(&standing, found.as_ref())?).await
    }

    /// Makes a plan. `AlreadyExists` (`plan_name_taken`), `Conflict` (`plan_limit`).
    pub async fn create_plan(&self, c: &Caller, slug: &Slug, service: &ServiceSlug, new: &NewPlan) -> Result<Plan> {
        self.in_service::<Plans, _>(c, slug, service, async |tx, scope| {
            let plan = Plan {
                id: PlanId::new(tx.uuid()),
                org_id: scope.org(),
                service_id: scope.service(),
                name: new.name.clone(),
                description: new.description.clone(),
                price_cents: new.price_cents,
                currency: new.currency.clone(),
                features: new.features.clone(),
                stripe_price_id: new.stripe_price_id.clone(),
                polar_product_id: new.polar_product_id.clone(),
                is_default: new.is_default,
                subscriptions: 0,
                created_at: tx.now(),
                updated_at: tx.now(),
            };
            tx.insert_plan(scope, &plan).await?;
            let event = created(&plan);
            Ok(Change::new(plan, scope.org(), event))
        })
        .await
    }

    /// Changes a plan, all of it or nothing. `AlreadyExists` (`plan_name_taken`), `Conflict` (`default_plan`).
    pub async fn update_plan(
        &self,
        c: &Caller,
        slug: &Slug,
        service: &ServiceSlug,
        id: PlanId,
        changes: &PlanChanges,
    ) -> Result<Plan> {
        self.in_service::<Plans, _>(c, slug, service, async |tx, scope| {
            let before = tx.lock_plan(scope, id).await?;
            if before.is_default && changes.is_default == Some(false) {
                return Err(default_plan());
            }
            let mut plan = before.clone();
            apply(changes, &mut plan);
            if plan == before {
                return Ok(Change::silent(plan, NoEvent::Unchanged));
            }
            plan.updated_at = tx.now();
            tx.save_plan(scope, &before, &plan).await?;
            let (name, price_cents, currency) = (plan.name.to_string(), plan.price_cents, plan.currency.as_str().to_owned());
            let event = Event::PlanUpdated { plan_id: id, service_id: plan.service_id, name, price_cents, currency };
            Ok(Change::new(plan, scope.org(), event))
        })
        .await
    }

    /// Deletes a plan that nobody has and that is not the default one. `Conflict` (`default_plan`, `plan_in_use`).
    pub async fn delete_plan(&self, c: &Caller, slug: &Slug, service: &ServiceSlug, id: PlanId) -> Result<()> {
        self.in_service::<Plans, _>(c, slug, service, async |tx, scope| {
            let plan = tx.lock_plan(scope, id).await?;
            if plan.is_default {
                return Err(default_plan());
            }
            tx.delete_plan(scope, &plan).await?;
            let event = Event::PlanDeleted { plan_id: id, service_id: plan.service_id, name: plan.name.to_string() };
            Ok(Change::new((), scope.org(), event))
        })
        .await
    }
}

fn default_plan() -> Error {
    Error::conflict("default_plan", "A service keeps a default plan. Make another plan that: the present one then is it no more.")
}

pub(super) fn created(plan: &Plan) -> Event {
    let (name, price_cents, currency) = (plan.name.to_string(), plan.price_cents, plan.currency.as_str().to_owned());
    Event::PlanCreated { plan_id: plan.id, service_id: plan.service_id, name, price_cents, currency }
}

fn apply(changes: &PlanChanges, plan: &mut Plan) {
    plan.name = changes.name.clone().unwrap_or_else(|| plan.name.clone());
    plan.description = changes.description.clone().apply(plan.description.take());
    plan.price_cents = changes.price_cents.unwrap_or(plan.price_cents);
    plan.currency = changes.currency.clone().unwrap_or_else(|| plan.currency.clone());
    plan.features = changes.features.clone().unwrap_or_else(|| plan.features.clone());
    plan.stripe_price_id = changes.stripe_price_id.clone().apply(plan.stripe_price_id.take());
    plan.polar_product_id = changes.polar_product_id.clone().apply(plan.polar_product_id.take());
    plan.is_default = changes.is_default.unwrap_or(plan.is_default);
}

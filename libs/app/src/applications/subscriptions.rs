//! Subscriptions to a service and its totals, as the service's own program sees them with its key.

use domain::{
    Event, Patch, PlanId, Result, Time, UserId,
    applications::{
        plans::Plan,
        subscriptions::{Subscription, SubscriptionStatus},
    },
    authorization::{
        in_service::decide_in_service,
        resource::{ServiceAnalytics, Subscriptions},
    },
};
use store::{Change, NoEvent, applications::subscriptions::Wanted};

use crate::{App, Caller};

/// A new subscription.
pub struct NewSubscription {
    /// Whose.
    pub user: UserId,
    /// Which plan.
    pub plan: PlanId,
    /// Where it stands.
    pub status: SubscriptionStatus,
    /// Until when it is paid.
    pub until: Option<Time>,
}

/// What may be changed of a subscription.
pub struct SubscriptionChanges {
    /// Another plan.
    pub plan: Option<PlanId>,
    /// Where it stands.
    pub status: Option<SubscriptionStatus>,
    /// Until when it is paid.
    pub until: Patch<Time>,
}

/// A service in numbers.
pub struct Totals {
    /// Users.
    pub users: i64,
    /// Its plans, each with its subscriptions.
    pub plans: Vec<Plan>,
}

impl App {
    /// Subscriptions to the key's service, newest first, so many after so many; and how many there are.
    pub async fn list_subscriptions(&self, c: &Caller, window: (u64, u64)) -> Result<(Vec<Subscription>, i64)> {
        let (standing, service) = self.service_key_standing(c).await?;
        let scope = decide_in_service(&standing, Some(&service))?;
        self.list(scope.org(), window.1 > domain::Page::NEAR, self.store.list_subscriptions(scope, window)).await
    }

    /// A user's.
    pub async fn get_subscription(&self, c: &Caller, user: UserId) -> Result<Subscription> {
        let (standing, service) = self.service_key_standing(c).await?;
        self.store.get_subscription(decide_in_service(&standing, Some(&service))?, user).await
    }

    /// Gives a user of the service a subscription. `NotFound` for an unknown user or plan, `AlreadyExists` (`already_subscribed`).
    pub async fn create_subscription(&self, c: &Caller, new: &NewSubscription) -> Result<Subscription> {
        self.by_service_key::<Subscriptions, _>(c, async |tx, scope| {
            let wanted = Wanted { plan: new.plan, status: new.status, until: new.until };
            let made = tx.insert_subscription(scope, new.user, wanted).await?;
            let event = Event::SubscriptionCreated {
                user_id: made.user_id,
                service_id: made.service_id,
                plan_id: made.plan_id,
                status: made.status.as_str(),
            };
            Ok(Change::new(made, scope.org(), event))
        })
        .await
    }

    /// Changes a subscription. `NotFound` for an unknown plan.
    pub async fn update_subscription(&self, c: &Caller, user: UserId, changes: &SubscriptionChanges) -> Result<Subscription> {
        self.by_service_key::<Subscriptions, _>(c, async |tx, scope| {
            let before = tx.lock_subscription(scope, user).await?;
            let wanted = Wanted {
                plan: changes.plan.unwrap_or(before.plan_id),
                status: changes.status.unwrap_or(before.status),
                until: changes.until.clone().apply(before.current_period_end),
            };
            if (wanted.plan, wanted.status, wanted.until) == (before.plan_id, before.status, before.current_period_end) {
                return Ok(Change::silent(before, NoEvent::Unchanged));
            }
            let after = tx.save_subscription(scope, &before, wanted).await?;
            let event = updated(&before, &after);
            Ok(Change::new(after, scope.org(), event))
        })
        .await
    }

    /// Deletes a subscription.
    pub async fn delete_subscription(&self, c: &Caller, user: UserId) -> Result<()> {
        self.by_service_key::<Subscriptions, _>(c, async |tx, scope| {
            let before = tx.lock_subscription(scope, user).await?;
            tx.delete_subscription(scope, &before).await?;
            Ok(Change::new((), scope.org(), canceled(&before)))
        })
        .await
    }

    /// The key's service in numbers.
    pub async fn service_totals(&self, c: &Caller) -> Result<Totals> {
        let (standing, service) = self.service_key_standing(c).await?;
        let scope = decide_in_service::<ServiceAnalytics, _>(&standing, Some(&service))?;
        Ok(Totals { users: self.store.count_service_users(scope).await?, plans: self.store.count_plans(scope).await? })
    }
}

fn canceled(s: &Subscription) -> Event {
    Event::SubscriptionCanceled { user_id: s.user_id, service_id: s.service_id, plan_id: s.plan_id }
}

fn updated(before: &Subscription, after: &Subscription) -> Event {
    if after.status == SubscriptionStatus::Canceled && before.status != after.status {
        return canceled(after);
    }
    Event::SubscriptionUpdated {
        user_id: after.user_id,
        service_id: after.service_id,
        plan_id: after.plan_id,
        status: after.status.as_str(),
    }
}

//! Calls of payment providers. Whose one is, its path says; that it is genuine, the signature under that organization's own secret and no
//! other. What it says changes a subscription at most once, and never back to what was before.

use chrono::TimeDelta;
use crypto::webhook::{self, Received};
use domain::{
    Actor, Error, Event, Kind, OrgId, Result, Time,
    applications::{
        billing::{
            PaymentMode, PaymentProvider,
            told::{Call as Told, Known, Outcome, Told as About, judge},
        },
        subscriptions::SubscriptionStatus,
    },
    authorization::policy::SystemScope,
    core::rate::Limit,
};
use std::time::Duration;
use store::{Change, NoEvent, WriteTx};

use crate::{App, Call, core::limits::rate_request};

/// How far a call's moment may be from ours: an older one is a replay.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);
/// Calls from one network for one organization.
pub(super) const CALLS: Limit = Limit { burst: 300, period: Duration::from_millis(50) };
/// The longest id and name that are kept.
const LONGEST: usize = 255;

/// The headers that a provider signs with.
pub enum Signed<'a> {
    /// `Stripe-Signature`.
    Stripe(&'a str),
    /// The three of Standard Webhooks.
    Polar(Received<'a>),
}

#[expect(
    clippy::disallowed_methods,
    reason = "who is called by a provider, and whoever buys from an organization, is nobody in it: every statement names the organization"
)]
pub(super) const fn scope_of(provider: PaymentProvider) -> SystemScope {
    SystemScope::job(provider.as_str())
}

impl Signed<'_> {
    pub(super) const fn provider(&self) -> PaymentProvider {
        match self {
            Self::Stripe(_) => PaymentProvider::Stripe,
            Self::Polar(_) => PaymentProvider::Polar,
        }
    }
    pub(super) const fn scope(&self) -> SystemScope {
        scope_of(self.provider())
    }
    /// The id of a call: what it says itself, or its headers.
    pub(super) fn id_of<'c>(&'c self, read: &'c Told) -> Result<&'c str> {
        let id = match (&read.id, self) {
            (Some(id), _) => id.as_str(),
            (None, Signed::Polar(received)) => received.id,
            (None, Signed::Stripe(_)) => return Err(Error::field("id", "required", "This is no event.")),
        };
        if fits(id) && fits(&read.kind) { Ok(id) } else { Err(Error::field("id", "bad_id", "This is no event's id and type.")) }
    }
    pub(super) fn verify(&self, secret: &str, body: &[u8], now: Time) -> Result<()> {
        let genuine = match self {
            Self::Stripe(header) => webhook::verify_timed(secret, header, body, now, TOLERANCE),
            Self::Polar(received) => webhook::verify_polar(secret, received, body, now, TOLERANCE),
        };
        genuine.map_err(|_| not_genuine())
    }
}

impl App {
    /// Takes a call of a provider for an organization. `Invalid` (`invalid_signature`) for one that is not genuine, or for an organization that
    /// has no account there: nobody learns which.
    pub async fn take_billing_call(&self, call: &Call, org: OrgId, signed: &Signed<'_>, body: &[u8]) -> Result<()> {
        let (provider, scope) = (signed.provider(), signed.scope());
        let from = rate_request("billing", &format!("{org} {}", call.origin.network()), CALLS);
        if self.settings.limits.enabled {
            self.admit("billing", &[from]).await?;
        }
        let account = self.store.billing_listener(scope, org, provider).await?.ok_or_else(not_genuine)?;
        signed.verify(account.secret.expose(), body, call.now)?;
        let read = self.payments.read(provider, body, call.now)?;
        let id = signed.id_of(&read)?;
        self.anonymously(call, async |tx| {
            tx.acts(Actor::System(provider.as_str()));
            take(tx, scope, (org, provider), (id, &read), account.mode).await
        })
        .await
    }
}

fn fits(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

pub(super) fn not_genuine() -> Error {
    Error::field(
        "signature",
        "invalid_signature",
        "The signature does not fit the body and the signing secret that is set here, or is too old.",
    )
}

async fn take(
    tx: &WriteTx,
    scope: SystemScope,
    (org, provider): (OrgId, PaymentProvider),
    (id, call): (&str, &Told),
    mode: PaymentMode,
) -> Result<Change<()>> {
    let Some(before) = tx.begin_billing_call(scope, org, provider, id).await? else {
        return Ok(Change::silent((), NoEvent::Unchanged));
    };
    let other_mode = call.live.is_some_and(|live| live != (mode == PaymentMode::Live));
    let (outcome, event) = match &call.about {
        Some(about) if !other_mode => apply(tx, scope, (org, provider), about, call.at).await?,
        _ => (Outcome::Ignored, None),
    };
    tx.end_billing_call(scope, (org, provider), (id, call), before, outcome).await?;
    metrics::counter!("billing_calls_total", "provider" => provider.as_str(), "outcome" => outcome.as_str()).increment(1);
    Ok(match event {
        Some(event) => Change::new((), org, event),
        None => Change::silent((), NoEvent::Housekeeping),
    })
}

/// Makes a subscription what a provider says, if that is the newest that is known.
async fn apply(
    tx: &WriteTx,
    scope: SystemScope,
    (org, provider): (OrgId, PaymentProvider),
    told: &About,
    at: Time,
) -> Result<(Outcome, Option<Event>)> {
    let plans = tx.plans_sold_as(scope, org, provider, &told.products).await?;
    let meant = match tx.external_subscription(scope, org, provider, &told.id).await? {
        // It stays the same user's and service's; of a price that is not ours it keeps the plan.
        Some(known) => {
            let plan = plans.iter().find(|(_, service)| *service == known.service);
            Some((plan.map_or(known.plan, |(plan, _)| *plan), known.service, known.user))
        }
        None => {
            let mut fitting = plans.iter().filter(|(_, service)| told.service.is_none_or(|meant| meant == *service)).peekable();
            let first = fitting.peek().map(|(plan, service)| (*plan, *service));
            // Sold by two services, and it does not say which.
            let one = first.filter(|(_, service)| fitting.all(|(_, other)| other == service));
            one.zip(told.user).map(|((plan, service), user)| (plan, service, user))
        }
    };
    let Some((plan, service, user)) = meant else { return Ok((Outcome::Unmatched, None)) };
    let known = match tx.lock_users_subscription(scope, org, service, user).await {
        Err(e) if e.kind == Kind::NotFound => return Ok((Outcome::Unmatched, None)),
        found => found?,
    };
    if let Some(known) = &known {
        let outcome = judge(known, provider, told, at);
        if outcome != Outcome::Applied {
            return Ok((outcome, None));
        }
    }
    let by = Some((provider, told.id.clone(), at));
    let after = Known { service, user, plan, status: told.status, until: told.until, by };
    match tx.apply_told(scope, org, (known.as_ref(), &after)).await {
        Err(e) if e.kind == Kind::NotFound => return Ok((Outcome::Unmatched, None)),
        applied => applied?,
    }
    let event = changed(known.as_ref(), &after);
    Ok((if event.is_some() { Outcome::Applied } else { Outcome::Unchanged }, event))
}

/// What that is to whoever listens; `None`: nothing is different.
fn changed(before: Option<&Known>, after: &Known) -> Option<Event> {
    let (user_id, service_id, plan_id, status) = (after.user, after.service, after.plan, after.status.as_str());
    let Some(before) = before else {
        return Some(Event::SubscriptionCreated { user_id, service_id, plan_id, status });
    };
    if (before.plan, before.status, before.until) == (after.plan, after.status, after.until) {
        return None;
    }
    if after.status == SubscriptionStatus::Canceled && before.status != after.status {
        return Some(Event::SubscriptionCanceled { user_id, service_id, plan_id });
    }
    Some(Event::SubscriptionUpdated { user_id, service_id, plan_id, status })
}

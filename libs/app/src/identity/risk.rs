//! Risky sign-ins: what organizations make of them, how one is judged, and what is done about it.
//!
//! A sign-in with the right password is judged by the organization that it names, and by every other of the account's organizations whose
//! mode acts on sign-ins: the session will reach those as well. The strictest counts; but one that is not named never blocks, it asks
//! for a code. So nobody can shut people out of what is not theirs, and an organization's owner whom its own rule blocks gets back in:
//! without naming it, with a code.

pub(crate) mod challenge;
pub mod device;

use domain::{
    Event, OrgId, Page, Result, UserId,
    authorization::policy::decide,
    core::value::Slug,
    identity::{
        accounts::User,
        risk::{Inputs, Judgement, Location, Observed, RiskAction, RiskChanges, RiskEvent, RiskSettings, Travel, strictest},
    },
};
use store::{
    Change, NoEvent, WriteTx,
    identity::risk::{Judge, Judged},
};

use crate::{
    App, Caller,
    identity::{login_throttling, risk::device::Shown},
};

impl App {
    /// What the organization makes of risky sign-ins.
    pub async fn risk_settings(&self, c: &Caller, slug: &Slug) -> Result<RiskSettings> {
        let standing = self.standing(c, slug).await?;
        self.store.risk_settings(decide(&standing)?).await
    }

    /// Changes some of it. `Invalid` where the thresholds would not be in their order.
    pub async fn update_risk_settings(&self, c: &Caller, slug: &Slug, changes: &RiskChanges) -> Result<RiskSettings> {
        self.in_org(c, slug, async |tx, scope| {
            let old = tx.lock_risk_settings(scope).await?;
            let new = old.changed(changes)?;
            if new == old {
                return Ok(Change::silent(new, NoEvent::Unchanged));
            }
            tx.put_risk_settings(scope, &new).await?;
            let event = Event::RiskSettingsUpdated {
                organization_id: scope.org(),
                enforcement_mode: new.enforcement_mode.as_str(),
                low_threshold: new.low_threshold.into(),
                medium_threshold: new.medium_threshold.into(),
                new_device_score: new.new_device_score.into(),
                impossible_travel_score: new.impossible_travel_score.into(),
                velocity_score: new.velocity_score.into(),
                velocity_threshold: new.velocity_threshold.into(),
            };
            Ok(Change::new(new, scope.org(), event))
        })
        .await
    }

    /// Back to what is usual.
    pub async fn reset_risk_settings(&self, c: &Caller, slug: &Slug) -> Result<RiskSettings> {
        self.in_org(c, slug, async |tx, scope| {
            tx.reset_risk_settings(scope).await?;
            let event = Event::RiskSettingsReset { organization_id: scope.org() };
            Ok(Change::new(RiskSettings::default(), scope.org(), event))
        })
        .await
    }

    /// The organization's judged sign-ins with at least this score, newest first.
    pub async fn risk_events(&self, c: &Caller, slug: &Slug, min_score: i64, page: Page) -> Result<Vec<RiskEvent>> {
        let standing = self.standing(c, slug).await?;
        let scope = decide(&standing)?;
        self.list(scope.org(), page.is_deep() || min_score > 0, self.store.risk_events(scope, min_score, page)).await
    }

    /// Judges a sign-in of an account whose first factor was right.
    pub(crate) async fn judge(
        &self,
        tx: &WriteTx,
        named: Option<OrgId>,
        (user, method): (UserId, &'static str),
        shown: &Shown,
    ) -> Result<Verdict> {
        let network = login_throttling::network(tx.origin());
        let judges = tx.risk_judges(named, user, &network).await?;
        let address = tx.origin().address();
        let location = address.and_then(|address| self.locations.locate(address)).unwrap_or_default();
        let inputs = |judge: &Judge| {
            let way = judge.last.zip(location.at);
            let travel = way.map(|((from, at), to)| Travel { from, to, seconds: (tx.now() - at).num_seconds() });
            let device = shown.device(user, judge.org, tx.now());
            Inputs { settings: judge.settings, observed: Observed { device, attempts: judge.attempts + 1, travel } }
        };
        let judgements = judges.iter().map(|judge| Judgement::of(judge.org, named == Some(judge.org), inputs(judge))).collect();
        Ok(Verdict { judgements, location, method })
    }
}

/// What all who judge a sign-in say.
pub(crate) struct Verdict {
    judgements: Vec<Judgement>,
    location: Location,
    /// What was shown.
    method: &'static str,
}

impl Verdict {
    /// What is done.
    pub(crate) fn action(&self) -> RiskAction {
        strictest(&self.judgements)
    }

    /// Whose word it was.
    pub(crate) fn judges(&self) -> impl Iterator<Item = OrgId> {
        self.judgements.iter().map(|judgement| judgement.org)
    }

    /// Writes down what was decided and what came of it, and says what is to be told. Another organization's judgement is its business only
    /// where it asked for a code.
    pub(crate) async fn record(&self, tx: &WriteTx, user: &User, came_of_it: Judged) -> Result<Vec<(OrgId, Event)>> {
        let mut told = Vec::new();
        for judgement in self.judgements.iter().filter(|one| one.named || one.assessment.action == RiskAction::ChallengeMfa) {
            let id = tx.record_judgement(judgement, (user.id, self.method), &self.location, came_of_it).await?;
            if !judgement.tells() {
                continue;
            }
            let (user_id, email, answer) = (user.id, user.email.to_string(), &judgement.assessment);
            let (score, factors, verdict) = (answer.score, answer.factors.clone(), answer.verdict.as_str());
            let enforcement_mode = judgement.inputs.settings.enforcement_mode.as_str();
            let risk_event_id = id;
            let event = match answer.action {
                RiskAction::Block => {
                    Event::RiskBlocked { user_id, email, risk_event_id, score, factors, verdict, enforcement_mode }
                }
                RiskAction::ChallengeMfa => {
                    Event::RiskChallenged { user_id, email, risk_event_id, score, factors, verdict, enforcement_mode }
                }
                _ => Event::RiskDetected { user_id, email, risk_event_id, score, factors, verdict, enforcement_mode },
            };
            told.push((judgement.org, event));
        }
        Ok(told)
    }
}

/// A change that tells these as well.
pub(crate) fn telling<T>(change: Change<T>, events: Vec<(OrgId, Event)>) -> Change<T> {
    events.into_iter().fold(change, |change, (org, event)| change.and(org, event))
}

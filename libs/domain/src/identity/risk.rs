//! How risky a sign-in looks to an organization, and what becomes of it. [`assess`] is a pure function of an organization's settings and of
//! what was observed; both are kept with its answer ([`Inputs`]), so that any decision can be made again and explained later.
//!
//! A password that was right is asked about. Three things count: whether the device has signed in here before, how often somebody tried to
//! sign in from its network just now, and whether the person could have travelled from where they signed in last. The sum, 0 to 100,
//! is held against two thresholds: below the lower one the sign-in goes on, below the upper one it is challenged, else it is blocked. What of
//! that is done says the organization's mode ([`EnforcementMode`]).

mod settings;
mod travel;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::{
    settings::{Attempts, EnforcementMode, RiskChanges, RiskSettings, Score},
    travel::{Coordinates, Travel},
};
use crate::core::id::id;
use crate::{OrgId, SessionId, Time, UserId, core::value::Email};

id! {
    /// A sign-in that was judged.
    RiskEventKind RiskEventId = "rsk"
}

/// For how long tries from a network count.
pub const VELOCITY_MINUTES: i64 = 5;
/// What a device that is known here takes off.
const TRUSTED: i64 = 20;

/// What is known of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// The person signed in to this organization with it, lately.
    Trusted,
    /// The person signed in with it, but elsewhere, or too long ago.
    Untrusted,
    /// Somebody else did.
    Mismatch,
    /// What it shows is not ours.
    Invalid,
    /// It shows nothing.
    New,
}

impl Device {
    /// What it is called among the factors.
    pub const fn factor(self) -> &'static str {
        match self {
            Self::Trusted => "trusted_device",
            Self::Untrusted => "untrusted_cookie",
            Self::Mismatch => "cookie_mismatch",
            Self::Invalid => "invalid_cookie",
            Self::New => "new_device",
        }
    }
}

/// What was seen of one sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The device.
    pub device: Device,
    /// Tries to sign in from this network within [`VELOCITY_MINUTES`], this one included, whatever became of them.
    pub attempts: i64,
    /// The way from the last sign-in whose place is known, if this one's is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub travel: Option<Travel>,
}

/// What the thresholds say, and what is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskAction {
    /// Nothing, and nobody looks: it is only written down.
    LogOnly,
    /// It goes on.
    Allow,
    /// A code is asked for.
    ChallengeMfa,
    /// It is refused.
    Block,
}

impl RiskAction {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LogOnly => "log_only",
            Self::Allow => "allow",
            Self::ChallengeMfa => "challenge_mfa",
            Self::Block => "block",
        }
    }
    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::LogOnly, Self::Allow, Self::ChallengeMfa, Self::Block].into_iter().find(|action| action.as_str() == name)
    }
}

impl fmt::Display for RiskAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The answer about one sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// 0 to 100.
    pub score: i64,
    /// What counted.
    pub factors: Vec<&'static str>,
    /// What the thresholds say.
    pub verdict: RiskAction,
    /// What the mode makes of that.
    pub action: RiskAction,
}

/// Judges one sign-in.
pub fn assess(settings: &RiskSettings, observed: &Observed) -> Assessment {
    let mut factors = vec![observed.device.factor()];
    let mut score = match observed.device {
        Device::Trusted => -TRUSTED,
        _ => settings.new_device_score.into(),
    };
    if observed.travel.is_some_and(|travel| travel.is_impossible()) {
        factors.push("impossible_travel");
        score += i64::from(settings.impossible_travel_score);
    }
    if observed.attempts > settings.velocity_threshold.into() {
        factors.push("velocity_limit");
        score += i64::from(settings.velocity_score);
    }
    let score = score.clamp(0, 100);
    let verdict = match score {
        low if low < settings.low_threshold.into() => RiskAction::Allow,
        medium if medium < settings.medium_threshold.into() => RiskAction::ChallengeMfa,
        _ => RiskAction::Block,
    };
    Assessment { score, factors, verdict, action: settings.enforcement_mode.does(verdict) }
}

/// Everything that a decision was made on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// The settings of that moment.
    pub settings: RiskSettings,
    /// What was observed.
    pub observed: Observed,
}

/// Where an address is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// On the globe.
    pub at: Option<Coordinates>,
    /// The country's ISO code.
    pub country: Option<String>,
    /// The city, in English.
    pub city: Option<String>,
}

/// An organization's judgement on one sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whose.
    pub org: OrgId,
    /// Whether the sign-in names that organization.
    pub named: bool,
    /// On what.
    pub inputs: Inputs,
    /// The answer.
    pub assessment: Assessment,
}

impl Judgement {
    /// Judges for one organization. One that the sign-in does not name lets a code do where it would block: it has a say, for the session
    /// will reach it as well, and yet must not keep anybody out of what is not its own.
    pub fn of(org: OrgId, named: bool, inputs: Inputs) -> Self {
        let mut assessment = assess(&inputs.settings, &inputs.observed);
        if !named {
            assessment.action = assessment.action.min(RiskAction::ChallengeMfa);
        }
        Self { org, named, inputs, assessment }
    }

    /// Whether it is worth telling: everything beyond the lower threshold, unless the mode is only to write it down.
    pub fn tells(&self) -> bool {
        self.assessment.verdict > RiskAction::Allow && self.assessment.action != RiskAction::LogOnly
    }
}

/// What all who judge a sign-in make of it together: the strictest counts.
pub fn strictest(judgements: &[Judgement]) -> RiskAction {
    judgements.iter().map(|judgement| judgement.assessment.action).max().unwrap_or(RiskAction::Allow)
}

/// A sign-in that was judged, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskEvent {
    /// Identifier.
    pub id: RiskEventId,
    /// Who.
    pub user_id: UserId,
    /// Their address.
    pub user_email: Option<Email>,
    /// The session that came of it, if one did.
    pub session_id: Option<SessionId>,
    /// When.
    pub created_at: Time,
    /// 0 to 100.
    pub score: i64,
    /// What counted.
    pub factors: Vec<String>,
    /// What the thresholds said.
    pub verdict: RiskAction,
    /// What was done.
    pub action: RiskAction,
    /// On what it was judged.
    pub inputs: Inputs,
    /// From where.
    pub ip_address: Option<String>,
    /// Where that is.
    pub location: Location,
    /// How the person signed in: `password`.
    pub provider: String,
}

#[cfg(test)]
mod tests;

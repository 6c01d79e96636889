//! What an organization makes of risky sign-ins.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::RiskAction;
use crate::{
    Error, Result,
    core::value::{BadValue, bad},
};

/// What is done about what the thresholds say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnforcementMode {
    /// It is written down.
    LogOnly,
    /// It is written down, and told: in the audit log, in the feed, to webhooks.
    Monitor,
    /// A code is asked for, also where the upper threshold is reached.
    Challenge,
    /// A code is asked for, and beyond the upper threshold the sign-in is refused.
    Block,
}

impl EnforcementMode {
    /// Every mode.
    pub const ALL: [Self; 4] = [Self::LogOnly, Self::Monitor, Self::Challenge, Self::Block];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LogOnly => "log_only",
            Self::Monitor => "monitor",
            Self::Challenge => "challenge",
            Self::Block => "block",
        }
    }

    /// What it does about a verdict.
    pub fn does(self, verdict: RiskAction) -> RiskAction {
        match self {
            Self::LogOnly => RiskAction::LogOnly,
            Self::Monitor => RiskAction::Allow,
            Self::Challenge => verdict.min(RiskAction::ChallengeMfa),
            Self::Block => verdict,
        }
    }
}

impl FromStr for EnforcementMode {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match Self::ALL.into_iter().find(|mode| mode.as_str() == s) {
            Some(mode) => Ok(mode),
            None => bad("unknown_mode", "Use log_only, monitor, challenge or block."),
        }
    }
}

/// A score or a threshold: 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Score(u8);

impl TryFrom<i64> for Score {
    type Error = BadValue;
    fn try_from(n: i64) -> Result<Self, BadValue> {
        match u8::try_from(n) {
            Ok(n @ 0..=100) => Ok(Self(n)),
            _ => bad("out_of_range", "Use a whole number from 0 to 100."),
        }
    }
}

impl From<Score> for i64 {
    fn from(score: Score) -> Self {
        score.0.into()
    }
}

/// A number of tries: 1 to 1,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attempts(u32);

impl TryFrom<i64> for Attempts {
    type Error = BadValue;
    fn try_from(n: i64) -> Result<Self, BadValue> {
        match u32::try_from(n) {
            Ok(n @ 1..=1_000_000) => Ok(Self(n)),
            _ => bad("out_of_range", "Use a whole number from 1 to 1000000."),
        }
    }
}

impl From<Attempts> for i64 {
    fn from(attempts: Attempts) -> Self {
        attempts.0.into()
    }
}

/// What an organization makes of risky sign-ins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskSettings {
    /// What is done about them.
    pub enforcement_mode: EnforcementMode,
    /// From this score on a sign-in is worth a challenge.
    pub low_threshold: Score,
    /// From this score on it is worth a refusal. Always more than the lower one.
    pub medium_threshold: Score,
    /// What a device that is not trusted here counts.
    pub new_device_score: Score,
    /// What a journey counts that nobody can make.
    pub impossible_travel_score: Score,
    /// What it counts when too many tries come from one network.
    pub velocity_score: Score,
    /// So many tries within five minutes are not too many yet.
    pub velocity_threshold: Attempts,
}

impl Default for RiskSettings {
    fn default() -> Self {
        Self {
            enforcement_mode: EnforcementMode::LogOnly,
            low_threshold: Score(30),
            medium_threshold: Score(70),
            new_device_score: Score(20),
            impossible_travel_score: Score(50),
            velocity_score: Score(30),
            velocity_threshold: Attempts(10),
        }
    }
}

/// Changes of the settings; `None`: stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields of `RiskSettings`")]
pub struct RiskChanges {
    pub enforcement_mode: Option<EnforcementMode>,
    pub low_threshold: Option<Score>,
    pub medium_threshold: Option<Score>,
    pub new_device_score: Option<Score>,
    pub impossible_travel_score: Option<Score>,
    pub velocity_score: Option<Score>,
    pub velocity_threshold: Option<Attempts>,
}

impl RiskSettings {
    /// The settings with these changes. `Invalid` where the thresholds would not be in their order, whichever of them was sent.
    pub fn changed(self, changes: &RiskChanges) -> Result<Self> {
        let new = Self {
            enforcement_mode: changes.enforcement_mode.unwrap_or(self.enforcement_mode),
            low_threshold: changes.low_threshold.unwrap_or(self.low_threshold),
            medium_threshold: changes.medium_threshold.unwrap_or(self.medium_threshold),
            new_device_score: changes.new_device_score.unwrap_or(self.new_device_score),
            impossible_travel_score: changes.impossible_travel_score.unwrap_or(self.impossible_travel_score),
            velocity_score: changes.velocity_score.unwrap_or(self.velocity_score),
            velocity_threshold: changes.velocity_threshold.unwrap_or(self.velocity_threshold),
        };
        if new.low_threshold < new.medium_threshold {
            return Ok(new);
        }
        let field = if changes.low_threshold.is_some() { "low_threshold" } else { "medium_threshold" };
        let (low, medium) = (i64::from(new.low_threshold), i64::from(new.medium_threshold));
        let message = format!("low_threshold must be less than medium_threshold; they would be {low} and {medium}.");
        Err(Error::field(field, "thresholds_out_of_order", message))
    }
}

//! What platform owners set while the platform runs: first prepared, then applied, so that several changes hold from one moment on.

use domain::{
    Event, PLATFORM, Patch, Result,
    authorization::policy,
    tenancy::platform::{ConfigState, PlatformConfig},
};
use store::{Change, NoEvent};

use super::check_tier;
use crate::{App, Caller, Settings};

/// What is set, in the platform's log.
const BOOTSTRAP: &str = "config_bootstrap";

/// What holds for an organization that is founded now.
pub(crate) struct Founding {
    pub(crate) require_approval: bool,
    pub(crate) tier: String,
    pub(crate) most: i64,
}

impl Founding {
    /// What platform owners set; what they did not, the configuration file says.
    pub(crate) fn of(set: PlatformConfig, settings: &Settings) -> Self {
        Self {
            require_approval: set.require_approval.unwrap_or(settings.require_approval),
            tier: set.default_tier_id.unwrap_or_else(|| settings.first_tier.clone()),
            most: set.max_organizations_per_user.unwrap_or(settings.max_organizations),
        }
    }
}

/// What is to be changed; cleared, it is as the configuration file says.
#[derive(Clone, Debug, Default)]
pub struct ConfigChanges {
    /// Whether new organizations wait for approval.
    pub require_approval: Patch<bool>,
    /// Their tier.
    pub default_tier_id: Patch<String>,
    /// Organizations that one account may own.
    pub max_organizations_per_user: Patch<i64>,
}

impl App {
    /// What was prepared and what holds, and what the configuration file says.
    pub async fn platform_config(&self, c: &Caller) -> Result<ConfigState> {
        let principal = self.principal(c).await?;
        self.store.platform_config(policy::platform(&principal)?).await
    }

    /// What the configuration file says, where platform owners set nothing.
    pub fn configured(&self) -> PlatformConfig {
        PlatformConfig {
            require_approval: Some(self.settings.require_approval),
            default_tier_id: Some(self.settings.first_tier.clone()),
            max_organizations_per_user: Some(self.settings.max_organizations),
        }
    }

    /// Prepares changes. `Invalid` for a tier that is not there.
    pub async fn prepare_platform_config(&self, c: &Caller, changes: &ConfigChanges) -> Result<ConfigState> {
        self.as_operator(c, async |tx, scope| {
            let mut state = tx.lock_platform_config(scope).await?;
            let before = state.prepared.clone();
            if let Patch::Set(tier) = &changes.default_tier_id {
                check_tier(tx, "default_tier_id", tier).await?;
            }
            let set = &mut state.prepared;
            set.require_approval = changes.require_approval.clone().apply(set.require_approval);
            set.default_tier_id = changes.default_tier_id.clone().apply(set.default_tier_id.take());
            set.max_organizations_per_user = changes.max_organizations_per_user.clone().apply(set.max_organizations_per_user);
            if state.prepared == before {
                return Ok(Change::silent(state, NoEvent::Unchanged));
            }
            state.updated_at = Some(tx.now());
            tx.save_platform_config(scope, &state).await?;
            let PlatformConfig { require_approval, default_tier_id, max_organizations_per_user } = state.prepared.clone();
            let config_part = BOOTSTRAP;
            let event =
                Event::PlatformConfigUpdated { config_part, require_approval, default_tier_id, max_organizations_per_user };
            Ok(Change::new(state, PLATFORM, event))
        })
        .await
    }

    /// What was prepared holds from now on, in every process.
    pub async fn apply_platform_config(&self, c: &Caller) -> Result<ConfigState> {
        self.as_operator(c, async |tx, scope| {
            let mut state = tx.lock_platform_config(scope).await?;
            if !state.is_pending() {
                return Ok(Change::silent(state, NoEvent::Unchanged));
            }
            (state.applied, state.applied_at) = (state.prepared.clone(), Some(tx.now()));
            tx.save_platform_config(scope, &state).await?;
            let PlatformConfig { require_approval, default_tier_id, max_organizations_per_user } = state.applied.clone();
            let config_part = BOOTSTRAP;
            let event =
                Event::PlatformConfigApplied { config_part, require_approval, default_tier_id, max_organizations_per_user };
            Ok(Change::new(state, PLATFORM, event))
        })
        .await
    }
}

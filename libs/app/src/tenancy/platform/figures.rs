//! The platform in numbers.

use domain::{
    Result, Time,
    authorization::policy,
    events::analytics::Days,
    tenancy::platform::{OrganizationLine, PlatformDay, PlatformTotals},
};

use crate::{App, Caller, events::analytics::DaysAsked};

impl App {
    /// Whether the caller may see how the platform is doing.
    pub async fn see_operations(&self, c: &Caller) -> Result<()> {
        policy::platform(&self.principal(c).await?).map(|_| ())
    }

    /// What there was when it was counted last, and when that was.
    pub async fn platform_totals(&self, c: &Caller) -> Result<(PlatformTotals, Option<Time>)> {
        let principal = self.principal(c).await?;
        self.store.platform_totals(policy::platform(&principal)?).await
    }

    /// Days of the platform; those that nobody has counted are left out.
    pub async fn platform_days(&self, c: &Caller, asked: DaysAsked) -> Result<Vec<PlatformDay>> {
        let principal = self.principal(c).await?;
        let scope = policy::platform(&principal)?;
        self.store.platform_days(scope, Days::between(asked.start, asked.end, c.call.now)?).await
    }

    /// The organizations that were signed in to most, and how often.
    pub async fn top_organizations(&self, c: &Caller, limit: usize) -> Result<Vec<(OrganizationLine, i64)>> {
        let principal = self.principal(c).await?;
        self.store.top_organizations(policy::platform(&principal)?, limit).await
    }

    /// The newest organizations.
    pub async fn newest_organizations(&self, c: &Caller, limit: u64) -> Result<Vec<OrganizationLine>> {
        let principal = self.principal(c).await?;
        self.store.newest_organizations(policy::platform(&principal)?, limit).await
    }
}

//! What may be sent again, and as a test, is counted by deliveries: one call makes up to a thousand, and each is a request to somebody
//! else's server and rows of ours.

use domain::{
    Error, OrgId, Result,
    authorization::{policy::may_try, resource::Webhooks},
    core::{ports::RateRequest, rate::whole_seconds, value::Slug},
};

use crate::{App, Caller, core::limits::refuse};

/// What an organization is counted under.
pub(super) struct Budget(Option<RateRequest>);

impl Budget {
    /// What one call may make: more at once than the limit could not be paid back.
    pub(super) fn most(&self) -> usize {
        self.0.as_ref().map_or(usize::MAX, |request| usize::try_from(request.limit.burst).unwrap_or(usize::MAX))
    }
}

fn request(app: &App, org: OrgId) -> RateRequest {
    RateRequest::new(format!("redeliveries:{org}"), app.settings.limits.redeliveries)
}

impl App {
    /// Counts one delivery that a member of the organization asks for. `RateLimited` if the organization made as many as it may.
    pub(super) async fn admit_redelivery(&self, c: &Caller, slug: &Slug) -> Result<Budget> {
        let limits = &self.settings.limits;
        if !limits.enabled || limits.redeliveries.is_none() {
            return Ok(Budget(None));
        }
        // A stranger takes nothing of it.
        let standing = self.standing(c, slug).await?;
        may_try::<Webhooks>(&standing)?;
        let request = request(self, standing.facts().view.organization.id);
        match self.kv.admit(std::slice::from_ref(&request)).await?.first() {
            Some(admission) if !admission.allowed => Err(used_up(whole_seconds(admission.retry_after))),
            _ => Ok(Budget(Some(request))),
        }
    }

    /// Counts the deliveries that a call made beyond its first. They were made, so they are counted even if there is less left; nothing
    /// passes then until that is paid back.
    pub(super) async fn charge_redelivery(&self, budget: Budget, made: usize) {
        // One was counted before, and asking counts one more: the others are reported with it.
        let (Some(request), Some(more)) = (budget.0, made.checked_sub(2)) else { return };
        let request = RateRequest { unreported: u32::try_from(more).unwrap_or(u32::MAX), ..request };
        if let Err(error) = self.kv.admit(&[request]).await {
            tracing::warn!(%error, "deliveries that were sent again were not counted");
        }
    }
}

fn used_up(seconds: u32) -> Error {
    let mut refused = refuse("redeliveries", seconds);
    let message = format!(
        "Your organization has had as many events sent again as it may for now. Go on in {} s, with the same request: what is on its way is \
         not sent twice.",
        seconds.max(1)
    );
    refused.message = message.into();
    refused
}

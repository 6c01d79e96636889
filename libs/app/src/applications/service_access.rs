//! Access to single services, given to members directly.

use domain::{
    Error, Event, Result, UserId,
    applications::services::{AccessLevel, ServiceAccess},
    authorization::{
        policy::{self, OrgScope, Write, decide},
        resource,
    },
    core::value::{ServiceSlug, Slug},
    tenancy::members::Member,
};
use store::{Change, NoEvent, WriteTx};

use crate::{App, Caller};

/// On which service, and what; `None` takes it away. What is not named stays.
pub type Grant = (ServiceSlug, Option<AccessLevel>);

impl App {
    /// Every service of the organization, with what the member was given on it.
    pub async fn list_service_access(&self, c: &Caller, slug: &Slug, user: UserId) -> Result<Vec<ServiceAccess>> {
        let standing = self.standing(c, slug).await?;
        let scope = decide(&standing)?;
        if !self.store.is_member(decide(&standing)?, user).await? {
            return Err(Error::not_found("member"));
        }
        self.store.list_service_access(scope, user).await
    }

    /// Changes what a member was given, all of it or nothing; answers all of it. Never one's own (`own_access`), and nobody gives what they
    /// do not hold (`permission_not_held`). `NotFound` for an unknown service.
    pub async fn update_service_access(
        &self,
        c: &Caller,
        slug: &Slug,
        user: UserId,
        grants: &[Grant],
    ) -> Result<Vec<ServiceAccess>> {
        self.moving_members::<resource::ServiceAccess, _>(c, slug, async |tx, scope| {
            if scope.principal().is_user(user) {
                return Err(Error::conflict("own_access", "You cannot change your own access. Ask another owner or admin."));
            }
            let member = tx.lock_member(scope, user).await?;
            give(tx, scope, &member, grants).await
        })
        .await
    }
}

async fn give(
    tx: &WriteTx,
    scope: OrgScope<'_, resource::ServiceAccess, Write>,
    member: &Member,
    grants: &[Grant],
) -> Result<Change<Vec<ServiceAccess>>> {
    let mut all = tx.service_access(scope, member.user.id).await?;
    let own = tx.service_access(scope, scope.require_person()?.id).await?;
    let mut events = Vec::new();
    for (slug, access) in grants {
        let at = all.iter().position(|one| one.slug == *slug).ok_or_else(|| Error::not_found("service"))?;
        let before = std::mem::replace(&mut all[at].access, *access);
        policy::may_grant_service(scope, own.get(at).and_then(|one| one.access), before, *access)?;
        if before != *access {
            tx.set_service_access(scope, member.user.id, &all[at]).await?;
            events.push(updated(member, &all[at], before));
        }
    }
    let unchanged = Change::silent(all, NoEvent::Unchanged);
    Ok(events.into_iter().fold(unchanged, |change, event| change.and(scope.org(), event)))
}

fn updated(member: &Member, given: &ServiceAccess, before: Option<AccessLevel>) -> Event {
    Event::UserServiceAccessUpdated {
        user_id: member.user.id,
        email: member.user.email.to_string(),
        service_id: given.service_id,
        service_slug: given.slug.to_string(),
        previous_access: before.map(AccessLevel::as_str),
        access: given.access.map(AccessLevel::as_str),
    }
}

//! What platform owners do: approve, suspend, resize and delete organizations, and name each other.

use domain::{
    Error, Event, OrgId, PLATFORM, Page, Result, Total, UserId,
    authorization::policy,
    identity::accounts::User,
    tenancy::organizations::{OrgStatus, Organization, Tier},
};
use store::{
    Change,
    events::audit::{AuditFilter, AuditRecord},
    tenancy::platform::ListedOrganization,
};

use crate::{App, Caller, tenancy::organizations::deleted};

/// Another tier and, optionally, limits of its own.
#[derive(Clone, Debug)]
pub struct TierChange {
    /// A tier's id.
    pub tier_id: String,
    /// Overrides the tier's number of services.
    pub max_services: Option<i64>,
    /// Overrides the tier's number of seats.
    pub max_users: Option<i64>,
}

fn wrong_state(message: &'static str) -> Error {
    Error::conflict("wrong_status", message)
}

impl App {
    /// Every tier, by price.
    pub async fn list_tiers(&self, c: &Caller) -> Result<Vec<Tier>> {
        let principal = self.principal(c).await?;
        self.store.list_tiers(policy::platform(&principal)?).await
    }

    /// Organizations, newest first, and how many match.
    pub async fn platform_organizations(
        &self,
        c: &Caller,
        status: Option<OrgStatus>,
        tier_id: Option<&str>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<ListedOrganization>, Total)> {
        let principal = self.principal(c).await?;
        let scope = policy::platform(&principal)?;
        let is_long = offset > Page::NEAR || status.is_some() || tier_id.is_some();
        self.list(PLATFORM, is_long, self.store.platform_organizations(scope, status, tier_id, offset, limit)).await
    }

    /// The platform's own log.
    pub async fn platform_audit_log(
        &self,
        c: &Caller,
        filter: &AuditFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<AuditRecord>, Total)> {
        let principal = self.principal(c).await?;
        let scope = policy::platform(&principal)?;
        let is_long = self.store.audit_page_is_long(PLATFORM, filter, offset);
        self.list(PLATFORM, is_long, self.store.platform_audit_page(scope, filter, offset, limit)).await
    }

    /// Changes an organization's state: `change` judges and edits the locked row and names the organization's and the platform's event.
    async fn change_state(
        &self,
        c: &Caller,
        id: OrgId,
        change: impl AsyncFn(&store::WriteTx, &mut Organization, UserId) -> Result<(Event, Event)>,
    ) -> Result<Organization> {
        self.as_operator(c, async |tx, scope| {
            let mut organization = tx.lock_organization(scope, id).await?.organization;
            let before = organization.status;
            let (own, platform) = change(tx, &mut organization, scope.require_person()?.id).await?;
            tx.save_organization_state(scope, &organization).await?;
            if organization.status == OrgStatus::Active && before != OrgStatus::Active {
                tx.wake_webhooks(scope, id).await?;
            }
            let organization = tx.organization_view(id).await?.organization;
            Ok(Change::new(organization, id, own).and(PLATFORM, platform))
        })
        .await
    }

    /// Approves a pending organization, optionally into another tier.
    pub async fn approve_organization(&self, c: &Caller, id: OrgId, tier_id: Option<&str>) -> Result<Organization> {
        self.change_state(c, id, async |tx, o, by| {
            if o.status != OrgStatus::Pending {
                return Err(wrong_state("Only a pending organization can be approved."));
            }
            if let Some(tier) = tier_id {
                check_tier(tx, tier).await?;
                o.tier_id = tier.to_owned();
            }
            o.status = OrgStatus::Active;
            (o.approved_by, o.approved_at) = (Some(by), Some(tx.now()));
            Ok((
                Event::OrganizationApproved { organization_id: id },
                Event::PlatformApproved { organization_id: id, slug: o.slug.to_string() },
            ))
        })
        .await
    }

    /// Rejects a pending organization.
    pub async fn reject_organization(&self, c: &Caller, id: OrgId, reason: &str) -> Result<Organization> {
        self.change_state(c, id, async |tx, o, by| {
            if o.status != OrgStatus::Pending {
                return Err(wrong_state("Only a pending organization can be rejected."));
            }
            o.status = OrgStatus::Rejected;
            (o.rejected_by, o.rejected_at, o.rejection_reason) = (Some(by), Some(tx.now()), Some(reason.to_owned()));
            let (slug, reason) = (o.slug.to_string(), reason.to_owned());
            Ok((
                Event::OrganizationRejected { organization_id: id, reason: reason.clone() },
                Event::PlatformRejected { organization_id: id, slug, reason },
            ))
        })
        .await
    }

    /// Suspends an active organization: refused everywhere, at once.
    pub async fn suspend_organization(&self, c: &Caller, id: OrgId) -> Result<Organization> {
        self.change_state(c, id, async |_, o, _| {
            if o.status != OrgStatus::Active {
                return Err(wrong_state("Only an active organization can be suspended."));
            }
            o.status = OrgStatus::Suspended;
            Ok((
                Event::OrganizationSuspended { organization_id: id },
                Event::PlatformSuspended { organization_id: id, slug: o.slug.to_string() },
            ))
        })
        .await
    }

    /// Ends a suspension.
    pub async fn activate_organization(&self, c: &Caller, id: OrgId) -> Result<Organization> {
        self.change_state(c, id, async |_, o, _| {
            if o.status != OrgStatus::Suspended {
                return Err(wrong_state("Only a suspended organization can be activated."));
            }
            o.status = OrgStatus::Active;
            Ok((
                Event::OrganizationActivated { organization_id: id },
                Event::PlatformActivated { organization_id: id, slug: o.slug.to_string() },
            ))
        })
        .await
    }

    /// Gives an organization another tier and limits.
    pub async fn update_organization_tier(&self, c: &Caller, id: OrgId, new: &TierChange) -> Result<Organization> {
        self.change_state(c, id, async |tx, o, _| {
            check_tier(tx, &new.tier_id).await?;
            o.tier_id = new.tier_id.clone();
            (o.max_services, o.max_users) = (new.max_services, new.max_users);
            let own = Event::OrganizationTierUpdated {
                organization_id: id,
                tier_id: new.tier_id.clone(),
                max_services: new.max_services,
                max_users: new.max_users,
            };
            Ok((own, Event::PlatformTierUpdated { organization_id: id, slug: o.slug.to_string(), tier_id: new.tier_id.clone() }))
        })
        .await
    }

    /// Deletes any organization.
    pub async fn platform_delete_organization(&self, c: &Caller, id: OrgId) -> Result<()> {
        self.as_operator(c, async |tx, scope| {
            let organization = tx.lock_organization(scope, id).await?.organization;
            tx.platform_delete_organization(scope, id).await?;
            Ok(deleted(&organization))
        })
        .await
    }

    /// Makes somebody a platform owner.
    pub async fn promote_owner(&self, c: &Caller, id: UserId) -> Result<User> {
        self.set_platform_owner(c, id, true).await
    }

    /// Takes the platform ownership from somebody else; at least one owner stays.
    pub async fn demote_owner(&self, c: &Caller, id: UserId) -> Result<User> {
        self.set_platform_owner(c, id, false).await
    }

    async fn set_platform_owner(&self, c: &Caller, id: UserId, owner: bool) -> Result<User> {
        self.as_operator(c, async |tx, scope| {
            if id == scope.require_person()?.id {
                return Err(Error::conflict(
                    "own_platform_role",
                    "You cannot change your own platform ownership. Ask another platform owner.",
                ));
            }
            let owners = tx.lock_platform_owners(scope).await?;
            // Read again under the lock: two owners who demote each other must not both succeed.
            if !owners.contains(&scope.require_person()?.id) {
                return Err(Error::forbidden("platform_owner_required", "Only a platform owner may do this."));
            }
            let mut account = tx.lock_account(id).await?;
            if owner
                && (account.user.realm != PLATFORM
                    || account.user.email_verified_at.is_none()
                    || account.user.deleted_at.is_some())
            {
                return Err(Error::conflict(
                    "not_promotable",
                    "Only a platform account with a proven address can own the platform.",
                ));
            }
            account.user.is_platform_owner = owner;
            tx.save_account(&account.user, account.password_hash).await?;
            let (user_id, email) = (id, account.user.email.to_string());
            let event = if owner {
                Event::PlatformOwnerPromoted { user_id, email }
            } else {
                Event::PlatformOwnerDemoted { user_id, email }
            };
            Ok(Change::new(tx.platform_user(scope, id).await?, PLATFORM, event))
        })
        .await
    }
}

async fn check_tier(tx: &store::WriteTx, id: &str) -> Result<()> {
    if tx.tier_exists(id).await? {
        Ok(())
    } else {
        Err(Error::field("tier_id", "unknown_tier", "Use an id that `platform.getTiers` lists."))
    }
}

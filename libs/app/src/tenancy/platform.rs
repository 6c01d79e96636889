//! What platform owners do: approve, suspend, resize and delete organizations, and name each other.

mod accounts;
pub(crate) mod config;
mod figures;

pub use self::config::ConfigChanges;

use domain::{
    Error, Event, OrgId, PLATFORM, Page, Result, Total, UserId,
    applications::plans::Currency,
    authorization::policy,
    core::value::Name,
    identity::accounts::User,
    tenancy::{
        features::FeatureChanges,
        organizations::{OrgStatus, Organization, Tier},
    },
};
use store::{
    Change, NoEvent,
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

/// What may be changed of a tier.
#[derive(Clone, Debug, Default)]
pub struct TierEdit {
    /// What people call it.
    pub display_name: Option<Name>,
    /// Services of an organization that has no number of its own. Organizations that have more keep them.
    pub default_max_services: Option<i64>,
    /// Members, likewise.
    pub default_max_users: Option<i64>,
    /// What it allows.
    pub features: FeatureChanges,
    /// Per month, in hundredths of the currency.
    pub price_cents: Option<i64>,
    /// The currency.
    pub currency: Option<Currency>,
}

impl TierEdit {
    fn apply(&self, before: Tier) -> Tier {
        Tier {
            display_name: self.display_name.as_ref().map_or(before.display_name, ToString::to_string),
            default_max_services: self.default_max_services.unwrap_or(before.default_max_services),
            default_max_users: self.default_max_users.unwrap_or(before.default_max_users),
            features: self.features.replace(&before.features),
            price_cents: self.price_cents.unwrap_or(before.price_cents),
            currency: self.currency.as_ref().map_or(before.currency, |currency| currency.as_str().to_owned()),
            ..before
        }
    }
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
                tx.wake_log_streams(scope, id).await?;
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
                check_tier(tx, "tier_id", tier).await?;
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
            check_tier(tx, "tier_id", &new.tier_id).await?;
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

    /// Gives an organization features beyond its tier, or takes such back.
    pub async fn update_organization_features(&self, c: &Caller, id: OrgId, changes: &FeatureChanges) -> Result<Organization> {
        self.as_operator(c, async |tx, scope| {
            let mut organization = tx.lock_organization(scope, id).await?.organization;
            let overrides = changes.widen(organization.feature_overrides.as_deref());
            if overrides == organization.feature_overrides {
                return Ok(Change::silent(organization, NoEvent::Unchanged));
            }
            organization.feature_overrides = overrides;
            tx.save_organization_state(scope, &organization).await?;
            let organization = tx.organization_view(id).await?.organization;
            let features = organization.feature_overrides.clone();
            let (slug, own) = (organization.slug.to_string(), features.clone());
            let event = Event::OrganizationFeaturesUpdated { organization_id: id, features: own };
            let platform = Event::PlatformFeaturesUpdated { organization_id: id, slug, features };
            Ok(Change::new(organization, id, event).and(PLATFORM, platform))
        })
        .await
    }

    /// Changes what a tier is, for every organization in it: at once in this process, within a minute in others. `NotFound`.
    pub async fn update_tier(&self, c: &Caller, id: &str, changes: &TierEdit) -> Result<Tier> {
        let tier = self.as_operator(c, async |tx, scope| {
            let before = tx.lock_tier(scope, id).await?;
            let tier = changes.apply(before.clone());
            if tier == before {
                return Ok(Change::silent(tier, NoEvent::Unchanged));
            }
            tx.save_tier(scope, &tier).await?;
            let event = Event::PlatformTierEdited {
                tier_id: tier.id.clone(),
                default_max_services: tier.default_max_services,
                default_max_users: tier.default_max_users,
                features: tier.features.clone(),
                price_cents: tier.price_cents,
                currency: tier.currency.clone(),
            };
            Ok(Change::new(tier, PLATFORM, event))
        });
        let tier = tier.await?;
        self.store.forget_tiers();
        Ok(tier)
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

async fn check_tier(tx: &store::WriteTx, field: &'static str, id: &str) -> Result<()> {
    if tx.tier_exists(id).await? {
        Ok(())
    } else {
        Err(Error::field(field, "unknown_tier", "Use an id that `platform.getTiers` lists."))
    }
}

//! Organizations.

use domain::{
    Error, Event, OrgId, PLATFORM, Page, Patch, Result,
    authorization::{
        policy::{self, OrgScope, Read, decide},
        resource::{Context, OrgLifecycle, Settings},
    },
    core::value::{Name, Slug},
    identity::{accounts::User, sessions::TokenPair},
    tenancy::{
        members::Membership,
        organizations::{OrgStatus, Organization, OrganizationView},
    },
};
use serde::{Deserialize, Serialize};
use store::{Change, WriteTx, tenancy::members::Admission};

use crate::{
    App, Caller,
    identity::tokens::{For, same_session},
    tenancy::platform::config::Founding,
};

/// What founding an organization answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Founded {
    /// The organization.
    pub organization: Organization,
    /// Its owner.
    pub owner: User,
    /// The owner's membership.
    pub membership: Membership,
    /// Tokens for the new organization.
    pub tokens: TokenPair,
}

/// What `select` answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Selected {
    /// The organization.
    pub organization: Organization,
    /// The caller's membership.
    pub membership: Membership,
    /// Tokens for it.
    pub tokens: TokenPair,
}

/// What may be changed of an organization. The limits count only when a platform owner sends them.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Another name.
    pub name: Option<Name>,
    /// Another number of services, or the tier's.
    pub max_services: Patch<i64>,
    /// Another number of seats, or the tier's.
    pub max_users: Patch<i64>,
    /// The versions the caller saw (`If-Match`); none: whichever it is.
    pub expected: Option<Vec<i64>>,
}

/// How many times as many organizations as somebody may own they may have deleted within the time that a slug is held.
const HELD_SLUGS: i64 = 10;

impl App {
    /// Founds an organization; the caller becomes its owner. `AlreadyExists` (`slug_taken`, also while it is held), `Conflict`
    /// (`organization_limit`, `held_slug_limit`).
    pub async fn create_organization(&self, c: &Caller, slug: &Slug, name: &Name) -> Result<Founded> {
        self.as_person(c, async |tx, person| {
            if !person.owns_address() {
                return Err(Error::forbidden("managed_account", "An account that an organization manages cannot found another."));
            }
            let owner = tx.lock_account(person.id).await?.user;
            let founding = Founding::of(tx.applied_config().await?, &self.settings);
            check_organization_limit(tx, &owner, founding.most).await?;
            let organization = new_organization(tx, slug, name, &owner, founding);
            tx.insert_organization(&organization).await?;
            let membership = tx.insert_member(Admission::Founder(organization.id), owner.id).await?;
            let tokens =
                self.grant(tx, &owner, &same_session(person, tx.now()), &For::Organization(organization.id, slug)).await?;
            let event =
                Event::OrganizationCreated { organization_id: organization.id, slug: slug.to_string(), name: name.to_string() };
            let org = organization.id;
            Ok(Change::new(Founded { organization, owner, membership, tokens }, org, event))
        })
        .await
    }

    /// The organizations the caller belongs to.
    pub async fn list_organizations(&self, c: &Caller, page: Page, status: Option<OrgStatus>) -> Result<Vec<OrganizationView>> {
        let person = self.reader(c).await?;
        self.store.own_organizations(policy::own(&person), page, status).await
    }

    /// One of them: facts and view are the same statement.
    pub async fn get_organization(&self, c: &Caller, slug: &Slug) -> Result<OrganizationView> {
        let standing = self.standing(c, slug).await?;
        let _: OrgScope<'_, Settings, Read> = decide(&standing)?;
        Ok(standing.into_view())
    }

    /// Switches to an organization: new tokens for it; the old ones keep working.
    pub async fn select_organization(&self, c: &Caller, slug: &Slug) -> Result<Selected> {
        self.in_org::<Context, _>(c, slug, async |tx, scope| {
            let (person, organization) = (scope.require_person()?, &scope.view().organization);
            let member = tx.member(scope, person.id).await?;
            let to = For::Organization(organization.id, &organization.slug);
            let tokens = self.grant(tx, &member.user, &same_session(person, tx.now()), &to).await?;
            tx.record_sign_in(organization.id, person.session, None).await?;
            let event =
                Event::LoginSucceeded { user_id: member.user.id, session_id: person.session, method: "select".to_owned() };
            let selected = Selected { organization: organization.clone(), membership: member.membership, tokens };
            Ok(Change::new(selected, scope.org(), event))
        })
        .await
    }

    /// Changes an organization's settings. `PreconditionFailed` if it is not at the expected version.
    pub async fn update_organization(&self, c: &Caller, slug: &Slug, changes: &Changes) -> Result<OrganizationView> {
        self.in_org::<Settings, _>(c, slug, async |tx, scope| {
            // Limits are the platform's to set; from anybody else they are ignored, as the contract says.
            let ignored = [&Patch::Keep, &Patch::Keep];
            let limits = if scope.principal().is_operator() { [&changes.max_services, &changes.max_users] } else { ignored };
            tx.update_organization(scope, changes.name.as_ref(), limits, changes.expected.as_deref()).await?;
            let view = tx.organization_view(scope.org()).await?;
            let event = Event::OrganizationUpdated { organization_id: scope.org(), name: view.organization.name.to_string() };
            Ok(Change::new(view, scope.org(), event))
        })
        .await
    }

    /// Deletes an organization. Its last event goes to its webhooks; the platform's log keeps the record.
    pub async fn delete_organization(&self, c: &Caller, slug: &Slug) -> Result<()> {
        self.in_org::<OrgLifecycle, _>(c, slug, async |tx, scope| {
            tx.delete_organization(scope).await?;
            Ok(deleted(&scope.view().organization))
        })
        .await
    }
}

/// The two records of a deletion.
pub(crate) fn deleted(o: &Organization) -> Change<()> {
    let (slug, name) = (o.slug.to_string(), o.name.to_string());
    Change::new((), o.id, Event::OrganizationDeleted { organization_id: o.id, slug: slug.clone(), name: name.clone() })
        .and(PLATFORM, Event::PlatformOrganizationDeleted { organization_id: o.id, slug, name })
}

async fn check_organization_limit(tx: &WriteTx, owner: &User, max: i64) -> Result<()> {
    if tx.count_owned(owner.id).await? >= max {
        return Err(Error::conflict("organization_limit", format!("You own {max} organizations already, which is the limit.")));
    }
    if tx.count_held_slugs(owner.id).await? >= max * HELD_SLUGS {
        let message = "You have deleted too many organizations within 30 days; their slugs have to be free again first.";
        return Err(Error::conflict("held_slug_limit", message));
    }
    Ok(())
}

fn new_organization(tx: &WriteTx, slug: &Slug, name: &Name, owner: &User, founding: Founding) -> Organization {
    Organization {
        id: OrgId::new(tx.uuid()),
        slug: slug.clone(),
        name: name.clone(),
        owner_user_id: owner.id,
        status: if founding.require_approval { OrgStatus::Pending } else { OrgStatus::Active },
        tier_id: founding.tier,
        max_services: None,
        max_users: None,
        approved_by: None,
        approved_at: None,
        rejected_by: None,
        rejected_at: None,
        rejection_reason: None,
        feature_overrides: None,
        brand_logo_url: None,
        brand_primary_color: None,
        custom_domain: None,
        domain_verified: false,
        version: 1,
        created_at: tx.now(),
        updated_at: tx.now(),
    }
}

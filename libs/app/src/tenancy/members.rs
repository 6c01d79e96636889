//! Members: who belongs to an organization, in which role, and how that ends.

use std::convert::identity;

use domain::{
    Error, Event, InvitationId, Page, Result, Total, UserId,
    authorization::{
        policy::{self, OrgScope, Read, Write, decide},
        resource::{MemberRoles, Members, OwnMembership, Ownership, Resource},
    },
    core::value::{Email, Slug},
    tenancy::{
        members::Member,
        organizations::Seats,
        roles::{Role, RoleName},
    },
};
use store::{Change, NoEvent, WriteTx};

use crate::{App, Caller};

impl App {
    /// A page of members, how many there are (of the role, if one is named), and the seats.
    pub async fn list_members(
        &self,
        c: &Caller,
        slug: &Slug,
        page: Page,
        role: Option<&str>,
    ) -> Result<(Vec<Member>, Total, Seats)> {
        let standing = self.standing(c, slug).await?;
        let scope: OrgScope<'_, Members, Read> = decide(&standing)?;
        let members = self.list(scope.org(), page.is_deep(), self.store.list_members(scope, page, role)).await?;
        let total = match role {
            Some(role) => self.store.count_members(scope, role).await?,
            None => Total::exact(scope.view().members.unsigned_abs()),
        };
        Ok((members, total, scope.view().seats()))
    }

    /// Gives a member another role. `owner` hands the organization over: the caller becomes an admin.
    pub async fn update_member_role(&self, c: &Caller, slug: &Slug, user: UserId, role: &RoleName) -> Result<Member> {
        if *role == RoleName::Owner {
            return self.hand_over_to(c, slug, user, identity).await;
        }
        self.moving_members::<MemberRoles, _>(c, slug, async |tx, scope| {
            if scope.principal().is_user(user) {
                return Err(Error::conflict("own_role", "You cannot change your own role. Ask another owner or admin."));
            }
            let new = tx.resolve_role(scope, role).await?;
            let mut member = tx.lock_member(scope, user).await?;
            let current = current_role(tx, scope, &member).await?;
            policy::may_assign(scope, &current, &new)?;
            if current.name == new.name {
                return Ok(Change::silent(member, NoEvent::Unchanged));
            }
            tx.set_role(scope, &member.membership, role).await?;
            let event = role_updated(&member, role);
            member.membership.role = role.clone();
            Ok(Change::new(member, scope.org(), event))
        })
        .await
    }

    /// `unknown` words that they are no member.
    async fn hand_over_to(&self, c: &Caller, slug: &Slug, user: UserId, unknown: fn(Error) -> Error) -> Result<Member> {
        self.moving_members::<Ownership, _>(c, slug, async |tx, scope| {
            policy::may_hand_over(scope, user)?;
            let next = tx.lock_member(scope, user).await.map_err(unknown)?;
            hand_over(tx, scope, next).await
        })
        .await
    }

    /// Hands the organization over to the member with this address; the caller becomes an admin. Never to oneself.
    pub async fn transfer_ownership(&self, c: &Caller, slug: &Slug, new_owner: &Email) -> Result<Member> {
        self.moving_members::<Ownership, _>(c, slug, async |tx, scope| {
            let caller = scope.require_person()?;
            if *new_owner == caller.email {
                policy::may_hand_over(scope, caller.id)?;
            }
            let next = tx.lock_member_by_email(scope, new_owner).await.map_err(|e| not_a_member("new_owner_email", e))?;
            policy::may_hand_over(scope, next.user.id)?;
            hand_over(tx, scope, next).await
        })
        .await
    }

    /// The same by the account.
    pub async fn transfer_ownership_to(&self, c: &Caller, slug: &Slug, new_owner: UserId) -> Result<Member> {
        self.hand_over_to(c, slug, new_owner, |e| not_a_member("new_owner_user_id", e)).await
    }

    /// Ends the caller's own membership, whatever their role allows; never the last owner's. `Conflict` (`last_owner`).
    pub async fn leave_organization(&self, c: &Caller, slug: &Slug) -> Result<()> {
        self.moving_members::<OwnMembership, _>(c, slug, async |tx, scope| {
            let (member, taken_back) = tx.leave(scope).await?;
            let (user_id, email, role) = (member.user.id, member.user.email.to_string(), member.membership.role.to_string());
            let seen_api_keys = tx.api_keys_seen_by(scope, user_id).await?;
            let event = Event::UserLeft { user_id, email: email.clone(), role, seen_api_keys };
            Ok(with_invitation(Change::new((), scope.org(), event), scope, taken_back, email))
        })
        .await
    }

    /// Removes a member: all access to this organization ends in the same transaction (T22).
    pub async fn remove_member(&self, c: &Caller, slug: &Slug, user: UserId) -> Result<()> {
        self.moving_members::<Members, _>(c, slug, async |tx, scope| {
            if scope.principal().is_user(user) {
                return Err(Error::conflict("own_membership", "You cannot remove yourself. Leave instead, with `DELETE`."));
            }
            let member = tx.lock_member(scope, user).await?;
            let role = current_role(tx, scope, &member).await?;
            policy::may_remove(scope, &role)?;
            let taken_back = tx.end_access(scope, &member).await?;
            let email = member.user.email.to_string();
            let seen_api_keys = tx.api_keys_seen_by(scope, user).await?;
            let event = Event::UserRemoved { user_id: user, email: email.clone(), role: role.name.to_string(), seen_api_keys };
            Ok(with_invitation(Change::new((), scope.org(), event), scope, taken_back, email))
        })
        .await
    }
}

/// And the event of the invitation that would have let somebody back in, if there was one.
fn with_invitation<R>(
    change: Change<()>,
    scope: OrgScope<'_, R, Write>,
    taken_back: Option<InvitationId>,
    email: String,
) -> Change<()> {
    match taken_back {
        Some(invitation_id) => change.and(scope.org(), Event::InvitationRevoked { invitation_id, email }),
        None => change,
    }
}

/// Says that of the field, where the member was not found.
fn not_a_member(field: &'static str, e: Error) -> Error {
    if e.kind == domain::Kind::NotFound {
        return Error::field(field, "not_a_member", "The new owner must be a member of the organization. Invite them first.");
    }
    e
}

/// The member's role with its capabilities; one that is gone allows nothing.
pub(crate) async fn current_role<R: Resource>(tx: &WriteTx, scope: OrgScope<'_, R, Write>, member: &Member) -> Result<Role> {
    match tx.resolve_role(scope, &member.membership.role).await {
        Err(e) if e.kind == domain::Kind::Invalid => {
            Ok(Role { name: member.membership.role.clone(), caps: domain::tenancy::roles::Caps::NONE })
        }
        outcome => outcome,
    }
}

async fn hand_over(tx: &WriteTx, scope: OrgScope<'_, Ownership, Write>, mut next: Member) -> Result<Change<Member>> {
    let caller = tx.lock_member(scope, scope.require_person()?.id).await?;
    tx.hand_over(scope, &caller.membership, &next.membership).await?;
    let transferred = Event::OwnershipTransferred { new_owner_user_id: next.user.id, previous_owner_user_id: caller.user.id };
    let (rose, stepped_down) = (role_updated(&next, &RoleName::Owner), role_updated(&caller, &RoleName::Admin));
    next.membership.role = RoleName::Owner;
    Ok(Change::new(next, scope.org(), transferred).and(scope.org(), rose).and(scope.org(), stepped_down))
}

fn role_updated(member: &Member, role: &RoleName) -> Event {
    Event::UserRoleUpdated {
        user_id: member.user.id,
        email: member.user.email.to_string(),
        previous_role: member.membership.role.to_string(),
        role: role.to_string(),
    }
}

//! Further roles, given to members beside the one that their membership names. Only custom ones: owners and admins are made by changing the
//! membership.

use domain::{
    Error, Event, Result, RoleId, UserId,
    authorization::{
        policy::{self, OrgScope, Write, decide},
        resource::MemberRoles,
    },
    core::value::Slug,
    tenancy::{
        member_roles::{EffectiveRole, Source},
        members::Member,
        roles::{CustomRole, Role, RoleName},
    },
};
use store::{Change, NoEvent, WriteTx};

use super::members::current_role;
use crate::{App, Caller};

impl App {
    /// Every role that a member has, and where each comes from. `NotFound` for a stranger.
    pub async fn list_member_roles(&self, c: &Caller, slug: &Slug, user: UserId) -> Result<Vec<EffectiveRole>> {
        let standing = self.standing(c, slug).await?;
        self.store.effective_roles(decide(&standing)?, user).await
    }

    /// Gives a member a custom role beside their own; answers all that they have. One that they have already, by their membership or directly,
    /// is no change. Nobody gives what they do not hold (`permission_not_held`), changes their own (`own_role`), or touches an owner or admin
    /// without being an owner. `Conflict` (`further_role_limit`).
    pub async fn assign_member_role(
        &self,
        c: &Caller,
        slug: &Slug,
        (user, role): (UserId, RoleId),
    ) -> Result<Vec<EffectiveRole>> {
        self.moving_members::<MemberRoles, _>(c, slug, async |tx, scope| {
            let (member, current) = others(tx, scope, user).await?;
            let role = tx.role_to_give(scope, role).await?;
            policy::may_assign(scope, &current, &as_role(&role))?;
            if names(&member, &role) || tx.given_by(scope, user, role.id).await?.direct {
                return Ok(Change::silent((), NoEvent::Unchanged));
            }
            tx.give_role(scope, &member.membership, role.id).await?;
            let event = Event::UserRolesAssigned {
                user_id: user,
                email: member.user.email.to_string(),
                roles: vec![role.slug.to_string()],
                source: Source::Direct.as_str(),
                provider_id: None,
            };
            Ok(Change::new((), scope.org(), event))
        })
        .await?;
        self.list_member_roles(c, slug, user).await
    }

    /// Takes a role that a member was given directly; answers what they have left. One that they do not have is no change. `Conflict`
    /// (`role_not_direct`) for one that their membership names, or only a connection gave.
    pub async fn unassign_member_role(
        &self,
        c: &Caller,
        slug: &Slug,
        (user, role): (UserId, RoleId),
    ) -> Result<Vec<EffectiveRole>> {
        self.moving_members::<MemberRoles, _>(c, slug, async |tx, scope| {
            let (member, current) = others(tx, scope, user).await?;
            let role = tx.role_to_give(scope, role).await?;
            policy::may_unassign(scope, &current)?;
            let given = tx.given_by(scope, user, role.id).await?;
            if !given.direct {
                return if names(&member, &role) || given.connection {
                    Err(not_direct())
                } else {
                    Ok(Change::silent((), NoEvent::Unchanged))
                };
            }
            tx.take_role(scope, &member.membership, role.id).await?;
            let event = Event::UserRolesUnassigned {
                user_id: user,
                email: member.user.email.to_string(),
                roles: vec![role.slug.to_string()],
                source: Source::Direct.as_str(),
                provider_id: None,
            };
            Ok(Change::new((), scope.org(), event))
        })
        .await?;
        self.list_member_roles(c, slug, user).await
    }
}

/// Somebody else, locked, and what their membership names. First the member, then a role: as everybody who uses one.
async fn others(tx: &WriteTx, scope: OrgScope<'_, MemberRoles, Write>, user: UserId) -> Result<(Member, Role)> {
    if scope.principal().is_user(user) {
        return Err(Error::conflict("own_role", "You cannot change your own roles. Ask another owner or admin."));
    }
    let member = tx.lock_member(scope, user).await?;
    let current = current_role(tx, scope, &member).await?;
    Ok((member, current))
}

fn as_role(role: &CustomRole) -> Role {
    Role { name: RoleName::Custom(role.slug.clone()), caps: role.caps }
}

/// Whether the membership names this very role.
fn names(member: &Member, role: &CustomRole) -> bool {
    member.membership.role == as_role(role).name
}

fn not_direct() -> Error {
    Error::conflict(
        "role_not_direct",
        "This role was not given directly. If it is the member's own, give them another; if a connection gave it, change its mapping or \
         their groups.",
    )
}

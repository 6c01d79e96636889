//! Other roles, other owners, and the one cascade that ends access.

use domain::{
    Error, InvitationId, OrgId, Result,
    authorization::{
        policy::{OrgScope, Write},
        resource::{MemberRoles, Members, OwnMembership, Ownership},
    },
    tenancy::{
        members::{Member, Membership},
        roles::RoleName,
    },
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use crate::{
    WriteTx,
    core::{entity::memberships, error::from_db, sql},
};

const COUNT_OWNERS: &str = "update org_counters set owners = owners + $2 where org_id = $1 and owners + $2 >= 1";

const FREE_SEAT: &str = "update org_counters set members = members - 1 where org_id = $1";

impl WriteTx {
    /// Gives a member another role (not `owner`: that is [`WriteTx::hand_over`]).
    pub async fn set_role(&self, scope: OrgScope<'_, MemberRoles, Write>, member: &Membership, role: &RoleName) -> Result<()> {
        if member.role == RoleName::Owner {
            self.count_owners(scope.org(), -1).await?;
        }
        self.save_role(member, role).await
    }

    /// Makes `next` the owner and the caller an admin, in one step: there is never no owner and never two by accident.
    pub async fn hand_over(&self, scope: OrgScope<'_, Ownership, Write>, caller: &Membership, next: &Membership) -> Result<()> {
        let owners = i64::from(next.role != RoleName::Owner) - i64::from(caller.role == RoleName::Owner);
        if owners != 0 {
            self.count_owners(scope.org(), owners).await?;
        }
        self.save_role(next, &RoleName::Owner).await?;
        self.save_role(caller, &RoleName::Admin).await?;
        self.set_owner(scope, next.user_id).await
    }

    async fn save_role(&self, member: &Membership, role: &RoleName) -> Result<()> {
        let update = memberships::Entity::update_many().col_expr(memberships::Column::Role, Expr::value(role.as_str()));
        update
            .filter(memberships::Column::OrgId.eq(member.org_id.uuid()))
            .filter(memberships::Column::Id.eq(member.id.uuid()))
            .exec(&self.tx)
            .await
            .map_err(from_db)?;
        // What they were given directly was given to them as who they were.
        self.clear_service_access(member.org_id, member.user_id).await
    }

    /// Changes the number of owners; refuses to let it reach zero.
    async fn count_owners(&self, org: OrgId, by: i64) -> Result<()> {
        if sql::execute(&self.tx, COUNT_OWNERS, vec![org.uuid().into(), by.into()]).await? == 1 {
            Ok(())
        } else {
            Err(last_owner())
        }
    }

    /// Ends a member's access, all of it and only here: membership and seat, the grants that were for this organization (and with
    /// them their refresh families), and an invitation that would let them back in, which is answered. Other organizations are not touched.
    pub async fn end_access(&self, scope: OrgScope<'_, Members, Write>, member: &Member) -> Result<Option<InvitationId>> {
        self.end_access_to(scope.org(), member).await
    }

    /// The same for the caller, who leaves; answers who they were and which invitation was taken back.
    pub async fn leave(&self, scope: OrgScope<'_, OwnMembership, Write>) -> Result<(Member, Option<InvitationId>)> {
        let member = self.lock_member(scope, scope.require_person()?.id).await?;
        let taken_back = self.end_access_to(scope.org(), &member).await?;
        Ok((member, taken_back))
    }

    pub(crate) async fn end_access_to(&self, org: OrgId, member: &Member) -> Result<Option<InvitationId>> {
        let user = member.membership.user_id;
        self.clear_service_access(org, user).await?;
        memberships::Entity::delete_by_id((org.uuid(), member.membership.id.uuid())).exec(&self.tx).await.map_err(from_db)?;
        self.end_grants(org, user).await?;
        self.take_consents_back(org, user).await?;
        self.remember_removal(org, &member.user).await?;
        if member.user.realm == org {
            // Its own account is good for nothing else.
            self.revoke_sessions(user, None).await?;
        }
        let taken_back = self.cancel_pending(org, &member.user.email).await?;
        if member.membership.role == RoleName::Owner {
            self.count_owners(org, -1).await?;
        }
        sql::execute(&self.tx, FREE_SEAT, vec![org.uuid().into()]).await?;
        Ok(taken_back)
    }
}

fn last_owner() -> Error {
    Error::conflict("last_owner", "An organization keeps at least one owner. Transfer the ownership first.")
}

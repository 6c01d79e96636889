//! Memberships: which user belongs to which organization, in which role.

use serde::{Deserialize, Serialize};

use crate::core::id::id;
use crate::{OrgId, Time, UserId, identity::accounts::User, tenancy::roles::RoleName};

id! {
    /// A user's membership of an organization.
    MembershipKind MembershipId = "mem"
}

/// A user's membership of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Identifier.
    pub id: MembershipId,
    /// The organization.
    pub org_id: OrgId,
    /// The user.
    pub user_id: UserId,
    /// A built-in role, or a custom role's slug.
    pub role: RoleName,
    /// When they joined.
    pub created_at: Time,
}

/// A membership with its user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub user: User,
    /// As what.
    pub membership: Membership,
}

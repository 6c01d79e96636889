//! Invitations: an offer of a membership to an e-mail address, by a one-time token, for seven days.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::core::id::id;
use crate::{
    OrgId, Time, UserId,
    core::value::{BadValue, Email, bad},
    tenancy::roles::RoleName,
};

id! {
    /// An invitation to an organization.
    InvitationKind InvitationId = "inv"
}

/// How long an invitation can be accepted. Compared at use, never by a sweeper (T19).
pub const LIFETIME: chrono::TimeDelta = chrono::TimeDelta::days(7);

/// What became of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationStatus {
    /// Can be accepted until it expires.
    Pending,
    /// Became a membership.
    Accepted,
    /// Declined by the invited person. Clients may also call it `declined`.
    Rejected,
    /// Taken back by the organization.
    Cancelled,
    /// Ran out.
    Expired,
}

impl InvitationStatus {
    /// The contract's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            InvitationStatus::Pending => "pending",
            InvitationStatus::Accepted => "accepted",
            InvitationStatus::Rejected => "rejected",
            InvitationStatus::Cancelled => "cancelled",
            InvitationStatus::Expired => "expired",
        }
    }
}

impl FromStr for InvitationStatus {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "pending" => Ok(InvitationStatus::Pending),
            "accepted" => Ok(InvitationStatus::Accepted),
            "rejected" | "declined" => Ok(InvitationStatus::Rejected),
            "cancelled" => Ok(InvitationStatus::Cancelled),
            "expired" => Ok(InvitationStatus::Expired),
            _ => bad("unknown_status", "Use one of: pending, accepted, rejected, cancelled, expired."),
        }
    }
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Identifier.
    pub id: InvitationId,
    /// The organization.
    pub org_id: OrgId,
    /// Who is invited.
    pub email: Email,
    /// As what.
    pub role: RoleName,
    /// By whom.
    pub invited_by: UserId,
    /// What became of it.
    pub status: InvitationStatus,
    /// Until when it can be accepted.
    pub expires_at: Time,
    /// When it was made.
    pub created_at: Time,
}

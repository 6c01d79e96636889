//! THE TABLE: every resource of an organization, and what grants reading and writing it. Nothing else decides who may do what.
//! Special powers are rows too ([`OrgLifecycle`], [`Ownership`]), not new verbs.

use crate::tenancy::roles::Cap;

/// What grants an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Any membership.
    Member,
    /// The role `owner`.
    Owner,
    /// A role that holds any one of these.
    Caps(&'static [Cap]),
    /// Nobody, through the API.
    Nobody,
}

/// In which states of the organization a resource can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// The organization must be active.
    Active,
    /// It must not be suspended: a pending one can be looked at and named.
    NotSuspended,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The resource's name, as the permission matrix prints it.
    pub name: &'static str,
    /// What grants reading.
    pub read: Grant,
    /// What grants writing.
    pub write: Grant,
    /// In which states of the organization.
    pub needs: Needs,
    /// Whether a platform owner passes without membership.
    pub operator: bool,
}

/// A resource kind: a type-level name of a row.
pub trait Resource {
    /// Its row.
    const ROW: Row;
}

macro_rules! table {
    ($($(#[$doc:meta])* $kind:ident: $name:literal, read $read:expr, write $write:expr, needs $needs:ident, operator $operator:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub enum $kind {}
            impl Resource for $kind {
                const ROW: Row = Row {
                    name: $name, read: $read, write: $write, needs: Needs::$needs,
                    operator: $operator,
                };
            }
        )*
        /// Every row.
        pub const TABLE: &[Row] = &[$($kind::ROW),*];
    };
}

use Cap::{AuditLogsView, MembersManage, RolesManage, SettingsManage, WebhooksManage};
use Grant::{Caps, Member, Nobody, Owner};

table! {
    /// The organization's own row: name, limits, state.
    Settings: "settings", read Member, write Caps(&[SettingsManage]), needs NotSuspended, operator true;
    /// Acting in the organization: `select`.
    Context: "context", read Member, write Member, needs Active, operator false;
    /// Deleting the organization.
    OrgLifecycle: "lifecycle", read Owner, write Owner, needs NotSuspended, operator false;
    /// Handing the organization over.
    Ownership: "ownership", read Owner, write Owner, needs NotSuspended, operator false;
    /// Who is a member; writing is adding and removing.
    Members: "members", read Member, write Caps(&[MembersManage]), needs NotSuspended, operator false;
    /// Which role a member has.
    MemberRoles: "member_roles", read Member, write Caps(&[RolesManage]), needs NotSuspended, operator false;
    /// Invitations.
    Invitations: "invitations", read Caps(&[MembersManage]), write Caps(&[MembersManage]), needs Active, operator false;
    /// Custom roles.
    Roles: "roles", read Caps(&[RolesManage]), write Caps(&[RolesManage]), needs Active, operator false;
    /// The audit log; written by every change, never through the API.
    AuditLog: "audit_log", read Caps(&[AuditLogsView]), write Nobody, needs Active, operator false;
    /// The event feed: what webhooks post, in its order. Whoever may point a webhook somewhere may read it as well.
    Feed: "feed", read Caps(&[AuditLogsView, WebhooksManage]), write Nobody, needs Active, operator false;
    /// How long the audit log is kept, and whose content is erased from it.
    AuditRules: "audit_rules", read Caps(&[AuditLogsView]), write Owner, needs Active, operator false;
    /// Outgoing webhooks and their deliveries.
    Webhooks: "webhooks", read Caps(&[WebhooksManage]), write Caps(&[WebhooksManage]), needs Active, operator false;
}

//! Who may call which operation, and a body that is fine: one line for each operation of the document.

use serde_json::{Value, json};

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody; what they send decides.
    Public,
    /// Whoever is signed in, about what is their own.
    SignedIn,
    /// Members of the organization in the path, of this rank or above.
    Organization(Rank),
    /// Platform owners.
    Platform,
}

/// What a member may, from little to much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// No capability.
    Member,
    /// Every capability.
    Admin,
    /// Everything.
    Owner,
}

use Access::{Organization, Platform, Public, SignedIn};
use Rank::{Admin, Member, Owner};

/// Every operation.
pub(crate) const RULES: &[(&str, Access)] = &[
    ("auditKeys", Public),
    ("auth.forgotPassword", Public),
    ("auth.login", Public),
    ("auth.logout", SignedIn),
    ("auth.refreshToken", Public),
    ("auth.register", Public),
    ("auth.resendVerification", Public),
    ("auth.resetPassword", Public),
    ("auth.revoke", Public),
    ("auth.verifyEmail", Public),
    ("health", Public),
    ("health.live", Public),
    ("health.ready", Public),
    ("invitations.accept", SignedIn),
    ("invitations.acceptById", SignedIn),
    ("invitations.cancel", Organization(Admin)),
    ("invitations.create", Organization(Admin)),
    ("invitations.decline", Public),
    ("invitations.declineById", SignedIn),
    ("invitations.listForOrg", Organization(Admin)),
    ("invitations.listForUser", SignedIn),
    ("jwks", Public),
    ("metrics", Public),
    ("organizations.apiKeys.create", Organization(Admin)),
    ("organizations.apiKeys.delete", Organization(Admin)),
    ("organizations.apiKeys.get", Organization(Admin)),
    ("organizations.apiKeys.list", Organization(Admin)),
    ("organizations.apiKeys.rotate", Organization(Admin)),
    ("organizations.apiKeys.update", Organization(Admin)),
    ("organizations.auditLogs.checkpoints", Organization(Admin)),
    ("organizations.auditLogs.erase", Organization(Owner)),
    ("organizations.auditLogs.export", Organization(Admin)),
    ("organizations.auditLogs.get", Organization(Admin)),
    ("organizations.auditLogs.getEventTypes", Organization(Admin)),
    ("organizations.auditLogs.getRetention", Organization(Admin)),
    ("organizations.auditLogs.proof", Organization(Admin)),
    ("organizations.auditLogs.setRetention", Organization(Owner)),
    ("organizations.create", SignedIn),
    ("organizations.delete", Organization(Owner)),
    ("organizations.events.list", Organization(Admin)),
    ("organizations.get", Organization(Member)),
    ("organizations.list", SignedIn),
    ("organizations.members.add", Organization(Admin)),
    ("organizations.members.list", Organization(Member)),
    ("organizations.members.listServiceAccess", Organization(Admin)),
    ("organizations.members.remove", Organization(Admin)),
    ("organizations.members.removeByDelete", Organization(Admin)),
    ("organizations.members.transferOwnership", Organization(Owner)),
    ("organizations.members.updateRole", Organization(Admin)),
    ("organizations.members.updateServiceAccess", Organization(Admin)),
    ("organizations.roles.create", Organization(Admin)),
    ("organizations.roles.delete", Organization(Admin)),
    ("organizations.roles.get", Organization(Admin)),
    ("organizations.roles.list", Organization(Admin)),
    ("organizations.roles.update", Organization(Admin)),
    ("organizations.roles.updateByPatch", Organization(Admin)),
    ("organizations.select", Organization(Member)),
    ("organizations.update", Organization(Admin)),
    ("organizations.webhooks.create", Organization(Admin)),
    ("organizations.webhooks.delete", Organization(Admin)),
    ("organizations.webhooks.get", Organization(Admin)),
    ("organizations.webhooks.getDeliveries", Organization(Admin)),
    ("organizations.webhooks.getEventTypes", Organization(Admin)),
    ("organizations.webhooks.list", Organization(Admin)),
    ("organizations.webhooks.redeliver", Organization(Admin)),
    ("organizations.webhooks.redeliverRange", Organization(Admin)),
    ("organizations.webhooks.rotateSecret", Organization(Admin)),
    ("organizations.webhooks.test", Organization(Admin)),
    ("organizations.webhooks.update", Organization(Admin)),
    ("pages.changeEmail", Public),
    ("pages.invitation", Public),
    ("pages.postChangeEmail", Public),
    ("pages.postResetPassword", Public),
    ("pages.postSetup", Public),
    ("pages.postVerifyEmail", Public),
    ("pages.resetPassword", Public),
    ("pages.setup", Public),
    ("pages.verifyEmail", Public),
    ("platform.demoteOwner", Platform),
    ("platform.getAuditLog", Platform),
    ("platform.getTiers", Platform),
    ("platform.organizations.activate", Platform),
    ("platform.organizations.approve", Platform),
    ("platform.organizations.delete", Platform),
    ("platform.organizations.list", Platform),
    ("platform.organizations.reject", Platform),
    ("platform.organizations.suspend", Platform),
    ("platform.organizations.updateTier", Platform),
    ("platform.promoteOwner", Platform),
    ("user.changePassword", SignedIn),
    ("user.confirmEmail", Public),
    ("user.getProfile", SignedIn),
    ("user.sessions.list", SignedIn),
    ("user.sessions.revoke", SignedIn),
    ("user.sessions.revokeOthers", SignedIn),
    ("user.updateProfile", SignedIn),
];

/// Who may call an operation. Fails for one that nobody thought about.
pub(crate) fn access(operation: &str) -> Access {
    let found = RULES.iter().find(|(id, _)| *id == operation);
    found
        .unwrap_or_else(|| panic!("{operation} is new: say in tests/all/authorization/isolation/access_rules.rs who may call it"))
        .1
}

/// A body that is valid, so that a refusal is about who asks; `n` makes names unique.
pub(crate) fn body(operation: &str, n: usize) -> Option<Value> {
    Some(match operation {
        "organizations.apiKeys.create" => json!({"name": format!("Sweep {n}"), "permissions": []}),
        "organizations.auditLogs.erase" => json!({"email": "nobody@example.com"}),
        "organizations.auditLogs.setRetention" => json!({"days": 90}),
        "organizations.create" => json!({"slug": format!("sweep-{n}"), "name": "Sweep"}),
        "organizations.update" => json!({"name": format!("Sweep {n}")}),
        "organizations.members.updateRole" => json!({"role": "member"}),
        "organizations.members.transferOwnership" => json!({"new_owner_email": "nobody@example.com"}),
        "organizations.members.updateServiceAccess" => json!({"grants": []}),
        "organizations.roles.create" => json!({"slug": format!("sweep-{n}"), "name": "Sweep", "permissions": []}),
        "organizations.roles.update" | "organizations.roles.updateByPatch" => json!({"name": "Sweep"}),
        "invitations.create" => json!({"email": format!("sweep{n}@example.com"), "role": "member"}),
        "invitations.accept" | "invitations.decline" => json!({"token": "inv_nonsense"}),
        "organizations.webhooks.create" => {
            json!({"name": format!("Sweep {n}"), "url": "http://127.0.0.1:9/", "events": ["user.joined"]})
        }
        "organizations.webhooks.update" => json!({"name": "Sweep"}),
        "organizations.webhooks.redeliverRange" => json!({"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}),
        "platform.organizations.reject" => json!({"reason": "Sweep"}),
        "platform.organizations.updateTier" => json!({"tier_id": "tier_pro"}),
        "platform.promoteOwner" => json!({"user_id": "usr_00000000000000000000000000000000"}),
        "user.changePassword" => json!({"current_password": "wrong wrong", "new_password": "wrong wrong"}),
        _ => return None,
    })
}

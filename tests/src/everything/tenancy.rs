//! Organizations, members, roles, invitations, and the platform.

use serde_json::json;

use super::{
    Maker, Noun, Operation,
    access::{
        Access::{Organization, Platform, Public, SignedIn},
        Rank::{Admin, Member, Owner},
        op,
    },
    made,
};
use crate::text;

pub(super) const NOUNS: &[Noun] = &[
    Noun { parameter: "org_slug", prefix: "", make: made!(organization) },
    Noun { parameter: "org_id", prefix: "org_", make: made!(organization_id) },
    Noun { parameter: "user_id", prefix: "usr_", make: made!(member) },
    Noun { parameter: "impersonation_id", prefix: "imp_", make: made!(impersonation) },
    Noun { parameter: "oauth_client_id", prefix: "cli_", make: made!(client) },
    Noun { parameter: "resource_server_id", prefix: "api_", make: made!(resource_server) },
    Noun { parameter: "client_grant_id", prefix: "cgr_", make: made!(client_grant) },
    Noun { parameter: "tier_id", prefix: "tier_", make: made!(tier) },
    Noun { parameter: "role_id", prefix: "role_", make: made!(role) },
    Noun { parameter: "domain_id", prefix: "ord_", make: made!(domain) },
    Noun { parameter: "oauth_provider", prefix: "", make: made!(oauth_credentials) },
    Noun { parameter: "scim_token_id", prefix: "tok_", make: made!(scim_token) },
    Noun { parameter: "invitation_id", prefix: "inv_", make: made!(invitation) },
];

pub(super) const OPERATIONS: &[Operation] = &[
    op("hosts.ask", Public),
    op("hosts.getContext", Public),
    op("hosts.getProof", Public),
    op("invitations.accept", SignedIn).with(|_| json!({"token": "inv_nonsense"})),
    op("invitations.acceptById", SignedIn),
    op("invitations.cancel", Organization(Admin)),
    op("invitations.create", Organization(Admin)).with(|n| json!({"email": format!("sweep{n}@example.com"), "role": "member"})),
    op("invitations.decline", Public).with(|_| json!({"token": "inv_nonsense"})),
    op("invitations.declineById", SignedIn),
    op("invitations.listForOrg", Organization(Admin)),
    op("invitations.listForUser", SignedIn),
    op("organizations.members.access", Organization(Admin)),
    op("organizations.create", SignedIn).with(|n| json!({"slug": format!("sweep-{n}"), "name": "Sweep"})),
    op("organizations.delete", Organization(Owner)),
    op("organizations.get", Organization(Member)),
    op("organizations.deleteCustomDomain", Organization(Admin)),
    op("organizations.deleteSmtp", Organization(Admin)),
    op("organizations.domainRoutes.create", Organization(Admin)).with(|n| json!({"domain": format!("sweep{n}.example")})),
    op("organizations.domainRoutes.delete", Organization(Admin)),
    op("organizations.domainRoutes.get", Organization(Admin)),
    op("organizations.domainRoutes.list", Organization(Admin)),
    op("organizations.domainRoutes.update", Organization(Admin)).with(|_| json!({"announce": false})),
    op("organizations.domainRoutes.verify", Organization(Admin)),
    op("organizations.getBranding", Organization(Member)),
    op("organizations.getDomainConfiguration", Organization(Member)),
    op("organizations.getLogo", Public),
    op("organizations.getPublicBranding", Public),
    op("organizations.getSmtp", Organization(Admin)),
    op("organizations.list", SignedIn),
    op("organizations.members.add", Organization(Admin)),
    op("organizations.members.assignRole", Organization(Admin)),
    op("organizations.members.list", Organization(Member)),
    op("organizations.members.listRoles", Organization(Member)),
    op("organizations.members.listServiceAccess", Organization(Admin)),
    op("organizations.members.remove", Organization(Admin)),
    op("organizations.members.removeByDelete", Organization(Admin)),
    op("organizations.members.transferOwnership", Organization(Owner)).with(|_| json!({"new_owner_email": "nobody@example.com"})),
    op("organizations.members.transferOwnershipById", Organization(Owner))
        .with(|_| json!({"new_owner_user_id": "usr_00000000000000000000000000000000"})),
    op("organizations.members.unassignRole", Organization(Admin)),
    op("organizations.members.updateRole", Organization(Admin)).with(|_| json!({"role": "member"})),
    op("organizations.members.updateServiceAccess", Organization(Admin)).with(|_| json!({"grants": []})),
    op("organizations.oauthCredentials.delete", Organization(Admin)),
    op("organizations.oauthCredentials.get", Organization(Admin)),
    op("organizations.oauthCredentials.set", Organization(Admin))
        .with(|_| json!({"client_id": "sweep", "client_secret": "sweep"})),
    op("organizations.roles.create", Organization(Admin))
        .with(|n| json!({"slug": format!("sweep-{n}"), "name": "Sweep", "permissions": []})),
    op("organizations.roles.delete", Organization(Admin)),
    op("organizations.roles.get", Organization(Admin)),
    op("organizations.roles.list", Organization(Admin)),
    op("organizations.roles.update", Organization(Admin)).with(|_| json!({"name": "Sweep"})),
    op("organizations.roles.updateByPatch", Organization(Admin)).with(|_| json!({"name": "Sweep"})),
    op("organizations.scim.createToken", Organization(Admin)).with(|n| json!({"name": format!("Sweep {n}")})),
    op("organizations.scim.deleteToken", Organization(Admin)),
    op("organizations.scim.listTokens", Organization(Admin)),
    op("organizations.scim.revokeToken", Organization(Admin)),
    op("organizations.select", Organization(Member)),
    op("organizations.setCustomDomain", Organization(Admin)).with(|n| json!({"domain": format!("sweep{n}.example")})),
    op("organizations.setSmtp", Organization(Admin)).with(
        |_| json!({"host": "127.0.0.1", "port": 9, "username": "sweep", "password": "sweep", "from_email": "sweep@example.com"}),
    ),
    op("organizations.testSmtp", Organization(Admin)),
    op("organizations.verifyCustomDomain", Organization(Admin)),
    op("organizations.updateBranding", Organization(Admin)).with(|_| json!({"primary_color": "#112233"})),
    op("organizations.update", Organization(Admin)).with(|n| json!({"name": format!("Sweep {n}")})),
    op("platform.analytics.getGrowthTrends", Platform),
    op("platform.analytics.getLoginActivity", Platform),
    op("platform.analytics.getOrganizationStatus", Platform),
    op("platform.analytics.getOverview", Platform),
    op("platform.analytics.getRecentOrganizations", Platform),
    op("platform.analytics.getTopOrganizations", Platform),
    op("platform.bootstrap.apply", Platform),
    op("platform.bootstrap.getConfig", Platform),
    op("platform.bootstrap.updateConfig", Platform).with(|n| json!({"max_organizations_per_user": n})),
    op("platform.demoteOwner", Platform),
    op("platform.endImpersonation", Platform),
    op("platform.impersonate", Platform).with(|_| json!({"user_id": "usr_00000000000000000000000000000000"})),
    op("platform.operations.getStatus", Platform),
    op("platform.clientGrants.addOrganization", Platform),
    op("platform.clientGrants.listOrganizations", Platform),
    op("platform.clientGrants.removeOrganization", Platform),
    op("platform.clientGrants.create", Platform)
        .with(|_| json!({"client": "cli_00000000000000000000000000000000", "audience": "https://sweep.example/"})),
    op("platform.clientGrants.delete", Platform),
    op("platform.clientGrants.list", Platform),
    op("platform.clientGrants.update", Platform).with(|_| json!({"scopes": []})),
    op("platform.clients.create", Platform).with(|n| json!({"name": format!("Sweep {n}")})),
    op("platform.clients.delete", Platform),
    op("platform.clients.get", Platform),
    op("platform.clients.list", Platform),
    op("platform.clients.rotateSecret", Platform),
    op("platform.clients.update", Platform).with(|n| json!({"name": format!("Sweep {n}")})),
    op("platform.resourceServers.create", Platform)
        .with(|n| json!({"audience": format!("https://sweep{n}.example/"), "name": "Sweep"})),
    op("platform.resourceServers.delete", Platform),
    op("platform.resourceServers.get", Platform),
    op("platform.resourceServers.list", Platform),
    op("platform.resourceServers.update", Platform).with(|n| json!({"name": format!("Sweep {n}")})),
    op("platform.mfa.generateMetrics", Platform),
    op("platform.mfa.getMetrics", Platform),
    op("platform.mfa.getSuspiciousActivity", Platform),
    op("platform.mfa.listMetrics", Platform),
    op("platform.users.getMfaStatus", Platform),
    op("platform.users.resetMfa", Platform),
    op("platform.users.get", Platform),
    op("platform.users.list", Platform),
    op("platform.users.search", Platform),
    op("platform.getAuditLog", Platform),
    op("platform.getTiers", Platform),
    op("platform.organizations.activate", Platform),
    op("platform.organizations.approve", Platform),
    op("platform.organizations.delete", Platform),
    op("platform.organizations.list", Platform),
    op("platform.organizations.reject", Platform).with(|_| json!({"reason": "Sweep"})),
    op("platform.organizations.suspend", Platform),
    op("platform.organizations.updateFeatures", Platform).with(|n| json!({"allow_passkeys": n % 2 == 0})),
    op("platform.updateTier", Platform).with(|n| json!({"price_cents": n})),
    op("platform.organizations.updateTier", Platform).with(|_| json!({"tier_id": "tier_pro"})),
    op("platform.promoteOwner", Platform).with(|_| json!({"user_id": "usr_00000000000000000000000000000000"})),
];

async fn organization(at: &Maker<'_>) -> String {
    let slug = at.id("org_slug");
    let answer = at.client.post("/api/organizations", json!({"slug": slug, "name": format!("The {slug} company")})).await.ok();
    at.keep("nobody", &answer);
    at.access.replace(text(&answer["access_token"]));
    slug
}

async fn organization_id(at: &Maker<'_>) -> String {
    text(&at.client.get(&at.path).await.ok()["organization"]["id"])
}

/// A managed account: added by the owner, and nobody has its password.
async fn member(at: &Maker<'_>) -> String {
    let email = format!("bob@{}.example", at.id("org_slug"));
    let invited = at.post_mailed(&email, "invitations", json!({"email": email, "role": "member"})).await;
    at.post(&format!("invitations/{}/accept", text(&invited["invitation"]["id"])), json!({})).await;
    let members = at.get("members").await;
    let mut members = members["members"].as_array().into_iter().flatten();
    text(&members.find(|member| member["user"]["email"] == email).expect("the member that was added")["user"]["id"])
}

/// One that never was: only platform owners begin one.
async fn impersonation(_: &Maker<'_>) -> String {
    format!("imp_{}", "0".repeat(32))
}

/// One of the seeded ones; nobody makes tiers.
async fn tier(_: &Maker<'_>) -> String {
    "tier_enterprise".to_owned()
}

async fn role(at: &Maker<'_>) -> String {
    let body = json!({"slug": "helper", "name": "Helper", "permissions": ["webhooks.manage"]});
    text(&at.post("roles", body).await["id"])
}

async fn domain(at: &Maker<'_>) -> String {
    let domain = format!("{}.example", at.id("org_slug"));
    text(&at.post("domain-routes", json!({"domain": domain})).await["id"])
}

/// With a secret that is never shown.
async fn oauth_credentials(at: &Maker<'_>) -> String {
    let secret = format!("canary-oauth-of-{}-4d1f8c2b7e", at.id("org_slug"));
    at.post("oauth-credentials/github", json!({"client_id": "Iv1.8a61f9b3a7aba766", "client_secret": secret})).await;
    at.secrets.borrow_mut().push((secret, "nobody".to_owned()));
    "github".to_owned()
}

async fn scim_token(at: &Maker<'_>) -> String {
    (at.settle)().await;
    text(&at.post("scim-tokens", json!({"name": "Directory"})).await["id"])
}

async fn invitation(at: &Maker<'_>) -> String {
    let email = format!("cy@{}.example", at.id("org_slug"));
    text(&at.post_mailed(&email, "invitations", json!({"email": email, "role": "member"})).await["invitation"]["id"])
}

/// As only platform owners make one.
async fn client(_: &Maker<'_>) -> String {
    format!("cli_{}", "0".repeat(32))
}

/// The same.
async fn resource_server(_: &Maker<'_>) -> String {
    format!("api_{}", "0".repeat(32))
}

/// The same.
async fn client_grant(_: &Maker<'_>) -> String {
    format!("cgr_{}", "0".repeat(32))
}

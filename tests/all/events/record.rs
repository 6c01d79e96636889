//! Events are a public contract: the name, target and payload of each one are pinned by a file.

use std::fmt::Write as _;

use domain::{
    ApiKeyId, ErasureId, Event, EventName, InvitationId, OrgId, RoleId, SessionId, UserId, WebhookId,
    events::record::{Payload, TEST_PING},
};
use uuid::Uuid;

macro_rules! samples {
    ($($variant:ident { $($field:ident: $value:expr),* $(,)? })*) => {
        fn samples() -> Vec<Event> {
            vec![$(Event::$variant { $($field: $value),* }),*]
        }
        /// Does not compile while a variant has no sample.
        #[expect(dead_code, reason = "only its compilation matters")]
        fn every_variant_has_a_sample(event: &Event) {
            match event { $(Event::$variant { .. } => ()),* }
        }
    };
}

const fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x019a_b2c3_d4e5_7f00_8000_0000_0000_0000 + n)
}
const ORG: OrgId = OrgId::new(id(1));
const ANN: UserId = UserId::new(id(2));
const BOB: UserId = UserId::new(id(3));
const SESSION: SessionId = SessionId::new(id(4));
const INVITATION: InvitationId = InvitationId::new(id(5));
const ROLE: RoleId = RoleId::new(id(6));
const ERASURE: ErasureId = ErasureId::new(id(9));
const API_KEY: ApiKeyId = ApiKeyId::new(Uuid::from_u128(12));
const WEBHOOK: WebhookId = WebhookId::new(id(8));

fn text(text: &str) -> String {
    text.to_owned()
}
fn bob() -> String {
    text("bob@example.com")
}
fn names() -> Vec<EventName> {
    vec!["user.joined".parse().expect("a registered name")]
}

samples! {
    OrganizationCreated { organization_id: ORG, slug: text("acme"), name: text("Acme") }
    OrganizationUpdated { organization_id: ORG, name: text("Acme") }
    OrganizationDeleted { organization_id: ORG, slug: text("acme"), name: text("Acme") }
    OwnershipTransferred { new_owner_user_id: BOB, previous_owner_user_id: ANN }
    OrganizationApproved { organization_id: ORG }
    OrganizationRejected { organization_id: ORG, reason: text("Why") }
    OrganizationSuspended { organization_id: ORG }
    OrganizationActivated { organization_id: ORG }
    OrganizationTierUpdated { organization_id: ORG, tier_id: text("tier_pro"), max_services: None, max_users: Some(7) }
    UserInvited { invitation_id: INVITATION, email: bob(), role: text("member") }
    UserJoined { user_id: BOB, email: bob(), role: text("member") }
    UserRemoved { user_id: BOB, email: bob(), role: text("member"), seen_api_keys: vec![API_KEY] }
    UserRoleUpdated { user_id: BOB, email: bob(), previous_role: text("member"), role: text("admin") }
    InvitationAccepted { invitation_id: INVITATION, email: bob(), role: text("member"), user_id: BOB }
    InvitationDeclined { invitation_id: INVITATION, email: bob() }
    InvitationRevoked { invitation_id: INVITATION, email: bob() }
    InvitationExpired { invitation_id: INVITATION, email: bob() }
    RoleCreated { role_id: ROLE, slug: text("support"), permissions: vec!["audit_logs.view"] }
    RoleUpdated { role_id: ROLE, slug: text("support"), permissions: vec!["audit_logs.view"] }
    RoleDeleted { role_id: ROLE, slug: text("support") }
    WebhookCreated { webhook_id: WEBHOOK, name: text("Hook"), url: text("https://example.com/hooks"), events: names() }
    WebhookUpdated { webhook_id: WEBHOOK, name: text("Hook"), url: text("https://example.com/hooks"), events: names(), is_active: false }
    WebhookDeleted { webhook_id: WEBHOOK, name: text("Hook") }
    WebhookTested { webhook_id: WEBHOOK, name: text("Hook") }
    WebhookSecretRotated { webhook_id: WEBHOOK, name: text("Hook"), grace_seconds: 86_400 }
    WebhookRedelivered { webhook_id: WEBHOOK, name: text("Hook"), deliveries: 3 }
    WebhookDisabled { webhook_id: WEBHOOK, name: text("Hook"), reason: text("nothing arrived for 5 days") }
    AuditRetentionUpdated { organization_id: ORG, days: Some(730) }
    AuditErasureRequested { erasure_id: ERASURE }
    AuditLogErased { erasure_id: ERASURE, count: 3 }
    ApiKeyCreated { api_key_id: API_KEY, name: text("CI"), prefix: text("key_Qm9iIGl"), permissions: vec!["webhooks.manage"] }
    ApiKeyFirstUsed { api_key_id: API_KEY, name: text("CI") }
    ApiKeyUpdated { api_key_id: API_KEY, name: text("CI"), permissions: vec!["webhooks.manage"] }
    ApiKeyRotated { api_key_id: API_KEY, name: text("CI"), prefix: text("key_c2VjcmV"), grace_seconds: 86_400 }
    ApiKeyDeleted { api_key_id: API_KEY, name: text("CI") }
    SignupSucceeded { user_id: BOB, email: bob() }
    LoginSucceeded { user_id: BOB, session_id: SESSION, method: text("password") }
    LoginFailed { email: bob(), reason: text("invalid_credentials") }
    LoggedOut { user_id: BOB, session_id: SESSION }
    SessionsRevoked { user_id: BOB, count: 2, reason: text("user") }
    PasswordChanged { user_id: BOB, method: text("reset") }
    EmailChanged { user_id: BOB, previous_email: bob(), email: text("bob2@example.com") }
    RefreshTokenReused { user_id: BOB, session_id: SESSION }
    PlatformApproved { organization_id: ORG, slug: text("acme") }
    PlatformRejected { organization_id: ORG, slug: text("acme"), reason: text("Why") }
    PlatformSuspended { organization_id: ORG, slug: text("acme") }
    PlatformActivated { organization_id: ORG, slug: text("acme") }
    PlatformTierUpdated { organization_id: ORG, slug: text("acme"), tier_id: text("tier_pro") }
    PlatformOrganizationDeleted { organization_id: ORG, slug: text("acme"), name: text("Acme") }
    PlatformOwnerPromoted { user_id: BOB, email: bob() }
    PlatformOwnerDemoted { user_id: BOB, email: bob() }
}

fn payload(event: &Event) -> String {
    let (name, target) = (event.name().as_str(), event.target());
    let payload = Payload {
        event: name,
        timestamp: text("2026-11-23T09:00:00.000000Z"),
        // The platform's own log has names without a dot, and no organization.
        organization_id: name.contains('.').then_some(ORG),
        actor_user_id: Some(ANN.to_string()),
        actor_email: Some(text("ann@example.com")),
        actor_type: None,
        actor_id: None,
        target_type: Some(target.kind),
        target_id: Some(&target.id),
        data: Some(event.data()),
    };
    serde_json::to_string(&payload).expect("JSON")
}

#[test]
fn every_event_has_the_published_form() {
    let mut out = String::from(
        "# What webhooks post for each event. Published: a name or member that was there stays. UPDATE_SNAPSHOTS=1 rewrites it.\n",
    );
    for event in samples() {
        let _ = writeln!(out, "{}", payload(&event));
    }
    let registered: Vec<_> = EventName::all().map(EventName::as_str).collect();
    let _ = writeln!(
        out,
        "\n# Names that can be subscribed to ({}), and {TEST_PING}, which cannot.\n{}",
        registered.len(),
        registered.join("\n")
    );
    crate::snapshots::compare("snapshots/events.txt", &out);
}

#[test]
fn names_are_dotted_and_unique_and_within_the_contract() {
    let mut seen = std::collections::HashSet::new();
    for name in EventName::all() {
        assert!(seen.insert(name.as_str()), "{name} twice");
        assert!(
            name.as_str().contains('.') && name.as_str().bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'.' | b'_')),
            "{name}"
        );
    }
    for event in samples() {
        let announced = seen.contains(event.name().as_str());
        assert_eq!(announced, event.name().as_str().contains('.'), "{}", event.name());
    }
}

//! Everything that can happen: the registry of event names, one typed [`Event`] per thing we emit, and its public form.
//!
//! One event is one audit record and what webhooks and the feed carry. Names are dotted and past-tense and a public contract: a
//! snapshot pins each one's JSON.

mod names;
mod payload;
mod registry;

use std::sync::LazyLock;

use serde::Serialize;

use self::registry::events;
pub use self::{
    names::EventName,
    payload::{Payload, TEST_PING},
};
use super::samples::Sample;
use crate::core::id::id;
use crate::{
    ApiKeyId, BillingCredentialsId, ClientId, ConnectionId, DomainId, ErasureId, ImpersonationId, InvitationId, LogStreamId,
    MailTemplateId, OAuthCredentialsId, OrgId, PasskeyId, PlanId, ResourceServerId, RiskEventId, RoleId, ScimTokenId, ServiceId,
    SessionId, UserId, WebhookId,
};

id! {
    /// Something that happened: an audit record, and what webhooks carry.
    EventKind EventId = "evt"
}

/// What an event happened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `organization`, `user`, `invitation`, …
    pub kind: &'static str,
    /// Its id.
    pub id: String,
}

impl Target {
    /// The kind of what has this id, by its prefix, or because it is an address. `None`: nothing that events are about has such an id.
    pub fn kind_of(id: &str) -> Option<&'static str> {
        static TARGETS: LazyLock<Vec<Target>> = LazyLock::new(|| Event::samples().iter().map(Event::target).collect());
        let prefix = |id: &'_ str| id.split_once('_').map(|(prefix, _)| prefix.to_owned());
        if id.contains('@') {
            return Some("email");
        }
        let wanted = prefix(id)?;
        TARGETS.iter().find(|target| prefix(&target.id).as_ref() == Some(&wanted)).map(|target| target.kind)
    }
}

events! {
    /// An organization was founded.
    "organization.created" OrganizationCreated on "organization" organization_id { organization_id: OrgId, slug: String, name: String };
    /// Its settings changed.
    "organization.updated" OrganizationUpdated on "organization" organization_id { organization_id: OrgId, name: String };
    /// It was deleted; its last event.
    "org.deleted" OrganizationDeleted on "organization" organization_id { organization_id: OrgId, slug: String, name: String };
    /// It changed hands.
    "org.ownership_transferred" OwnershipTransferred on "user" new_owner_user_id { new_owner_user_id: UserId, previous_owner_user_id: UserId };
    /// The platform approved it.
    "organization.approved" OrganizationApproved on "organization" organization_id { organization_id: OrgId };
    /// The platform rejected it.
    "organization.rejected" OrganizationRejected on "organization" organization_id { organization_id: OrgId, reason: String };
    /// The platform suspended it.
    "organization.suspended" OrganizationSuspended on "organization" organization_id { organization_id: OrgId };
    /// The platform activated it again.
    "organization.activated" OrganizationActivated on "organization" organization_id { organization_id: OrgId };
    /// The platform changed its tier or limits, or what it has bought did.
    "organization.tier_updated" OrganizationTierUpdated on "organization" organization_id { organization_id: OrgId, tier_id: String, max_services: Option<i64>, max_users: Option<i64> };

    /// The platform gave it features beyond its tier, or took such back; null: none.
    "organization.features_updated" OrganizationFeaturesUpdated on "organization" organization_id { organization_id: OrgId, features: Option<String> };

    /// The organization's mails leave through a mail server of its own, or another one.
    "organization.smtp.configured" SmtpConfigured on "organization" organization_id { organization_id: OrgId, host: String, port: u32, security: String, username: String, from_email: String };
    /// They leave through the platform's again.
    "organization.smtp.removed" SmtpRemoved on "organization" organization_id { organization_id: OrgId, host: String };
    /// The organization's mail server fails: until it is restored its mails leave through the platform's.
    "organization.smtp.failed" SmtpFailed on "organization" organization_id { organization_id: OrgId, host: String, step: String, reason: String, #[serde(skip_serializing_if = "Option::is_none")] reply: Option<String> };
    /// It takes mails again.
    "organization.smtp.restored" SmtpRestored on "organization" organization_id { organization_id: OrgId, host: String };
    /// Somebody tried it out.
    "organization.smtp.tested" SmtpTested on "organization" organization_id { organization_id: OrgId, host: String, succeeded: bool, #[serde(skip_serializing_if = "Option::is_none")] step: Option<String>, #[serde(skip_serializing_if = "Option::is_none")] reason: Option<String>, #[serde(skip_serializing_if = "Option::is_none")] reply: Option<String> };
    /// It did not take one mail, which left through the platform's.
    "organization.smtp.bypassed" SmtpBypassed on "organization" organization_id { organization_id: OrgId, host: String, template: String, step: String, reason: String, #[serde(skip_serializing_if = "Option::is_none")] reply: Option<String> };

    /// A mail of the organization's says in a language what the organization wants.
    "organization.mail_template.created" MailTemplateCreated on "mail_template" mail_template_id { mail_template_id: MailTemplateId, template: String, language: String };
    /// It says something else.
    "organization.mail_template.updated" MailTemplateUpdated on "mail_template" mail_template_id { mail_template_id: MailTemplateId, template: String, language: String };
    /// It says what ours says.
    "organization.mail_template.deleted" MailTemplateDeleted on "mail_template" mail_template_id { mail_template_id: MailTemplateId, template: String, language: String };
    /// Mails whose reader did not ask for a language are written in this one.
    "organization.mail_language.updated" MailLanguageUpdated on "organization" organization_id { organization_id: OrgId, language: String };

    /// A client of the platform may have tokens for this organization at an API.
    "organization.client_grant_added" ClientGrantAdded on "organization" organization_id { organization_id: OrgId, client_id: String, audience: String, scopes: String };
    /// It may have none any more.
    "organization.client_grant_removed" ClientGrantRemoved on "organization" organization_id { organization_id: OrgId, client_id: String, audience: String };

    /// The organization looks different.
    "branding.updated" BrandingUpdated on "organization" organization_id { organization_id: OrgId, logo_url: Option<String>, primary_color: Option<String> };

    /// The organization claims a domain (`kind`: `host` or `sign_in`). A host takes the place of another, with the resource URIs under that.
    "domain.set" DomainSet on "domain" domain_id { domain_id: DomainId, kind: &'static str, domain: String, #[serde(skip_serializing_if = "Vec::is_empty")] ended_resource_uris: Vec<String> };
    /// It proved a domain (`method`: `dns` or `http`).
    "domain.verified" DomainVerified on "domain" domain_id { domain_id: DomainId, kind: &'static str, domain: String, method: &'static str };
    /// People with addresses of a domain sign in elsewhere, or otherwise.
    "domain.updated" DomainUpdated on "domain" domain_id { domain_id: DomainId, kind: &'static str, domain: String, upstream_provider_id: Option<ConnectionId>, login_policy: &'static str, announce: bool };
    /// It gave a domain up.
    "domain.deleted" DomainDeleted on "domain" domain_id { domain_id: DomainId, kind: &'static str, domain: String, #[serde(skip_serializing_if = "Vec::is_empty")] ended_resource_uris: Vec<String> };
    /// The proof of a domain is missing, and has been since `failing_since`.
    "domain.check_failed" DomainCheckFailed on "domain" domain_id { domain_id: DomainId, kind: &'static str, domain: String, failing_since: String, lapses_at: String };
    /// It is there again.
    "domain.recovered" DomainRecovered on "domain" domain_id { domain_id: DomainId, kind: &'static str, domain: String };
    /// It was missing for a week: the domain counts as not verified, and what rested on it ended.
    "domain.lapsed" DomainLapsed on "domain" domain_id { domain_id: DomainId, kind: &'static str, domain: String, #[serde(skip_serializing_if = "Vec::is_empty")] ended_resource_uris: Vec<String> };

    /// The organization has a connection to an identity provider.
    "connection.created" ConnectionCreated on "connection" provider_id { provider_id: ConnectionId, connection_id: String, name: String, provider_type: &'static str, enabled: bool };
    /// A connection was changed: which fields, and whether it speaks for somebody else now. `ended_roles`: what its mapping gives no more.
    "connection.updated" ConnectionUpdated on "connection" provider_id { provider_id: ConnectionId, connection_id: String, name: String, provider_type: &'static str, enabled: bool, changed: Vec<String>, new_generation: bool, #[serde(skip_serializing_if = "Vec::is_empty")] ended_roles: Vec<String> };
    /// A connection is gone, and with it the domains' routes to it, its SCIM tokens and the roles that it gave.
    "connection.deleted" ConnectionDeleted on "connection" provider_id { provider_id: ConnectionId, connection_id: String, name: String, #[serde(skip_serializing_if = "Vec::is_empty")] ended_roles: Vec<String> };
    /// Somebody tried a connection out.
    "connection.tested" ConnectionTested on "connection" provider_id { provider_id: ConnectionId, connection_id: String, name: String, succeeded: bool, failed_checks: Vec<String> };
    /// Its last certificate ends in so many days.
    "connection.certificate_ending" ConnectionCertificateEnding on "connection" provider_id { provider_id: ConnectionId, connection_id: String, name: String, sha256: String, not_after: String, days: i64 };
    /// What its provider publishes has been of no use for a day. What was published before goes on to count.
    "connection.document_failing" ConnectionDocumentFailing on "connection" provider_id { provider_id: ConnectionId, connection_id: String, name: String, document: &'static str, reason: &'static str };
    /// Its provider publishes other addresses, which count once somebody accepts them.
    "connection.endpoints_changed" ConnectionEndpointsChanged on "connection" provider_id { provider_id: ConnectionId, connection_id: String, name: String };

    /// Somebody was invited.
    "user.invited" UserInvited on "invitation" invitation_id { invitation_id: InvitationId, email: String, role: String };
    /// Somebody became a member.
    "user.joined" UserJoined on "user" user_id { user_id: UserId, email: String, role: String };
    /// A member was removed. `seen_api_keys` are those of the organization's keys whose secret they were shown and nobody has rotated since: what is left of their access.
    "user.removed" UserRemoved on "user" user_id { user_id: UserId, email: String, role: String, #[serde(skip_serializing_if = "Vec::is_empty")] seen_api_keys: Vec<ApiKeyId> };
    /// A member left by themselves. `seen_api_keys` as in `user.removed`.
    "user.left" UserLeft on "user" user_id { user_id: UserId, email: String, role: String, #[serde(skip_serializing_if = "Vec::is_empty")] seen_api_keys: Vec<ApiKeyId> };
    /// A member has another role.
    "user.role_updated" UserRoleUpdated on "user" user_id { user_id: UserId, email: String, previous_role: String, role: String };
    /// A member has further roles: somebody gave them (`source`: `direct`), or the mapping of a connection did (`connection`).
    "user.roles_assigned" UserRolesAssigned on "user" user_id { user_id: UserId, email: String, roles: Vec<String>, source: &'static str, provider_id: Option<ConnectionId> };
    /// A member has these further roles no more, as far as this source goes.
    "user.roles_unassigned" UserRolesUnassigned on "user" user_id { user_id: UserId, email: String, roles: Vec<String>, source: &'static str, provider_id: Option<ConnectionId> };
    /// A member was given other access to one service, directly; null: none.
    "user.service_access_updated" UserServiceAccessUpdated on "user" user_id { user_id: UserId, email: String, service_id: ServiceId, service_slug: String, previous_access: Option<&'static str>, access: Option<&'static str> };

    /// An invitation became a membership.
    "invitation.accepted" InvitationAccepted on "invitation" invitation_id { invitation_id: InvitationId, email: String, role: String, user_id: UserId };
    /// An invitation was declined.
    "invitation.declined" InvitationDeclined on "invitation" invitation_id { invitation_id: InvitationId, email: String };
    /// An invitation was taken back.
    "invitation.revoked" InvitationRevoked on "invitation" invitation_id { invitation_id: InvitationId, email: String };
    /// An invitation ran out.
    "invitation.expired" InvitationExpired on "invitation" invitation_id { invitation_id: InvitationId, email: String };

    /// A custom role was made.
    "role.created" RoleCreated on "role" role_id { role_id: RoleId, slug: String, permissions: Vec<&'static str> };
    /// A custom role changed.
    "role.updated" RoleUpdated on "role" role_id { role_id: RoleId, slug: String, permissions: Vec<&'static str> };
    /// A custom role was deleted.
    "role.deleted" RoleDeleted on "role" role_id { role_id: RoleId, slug: String };
    /// An endpoint was registered.
    "webhook.created" WebhookCreated on "webhook" webhook_id { webhook_id: WebhookId, name: String, url: String, events: Vec<EventName> };
    /// An endpoint changed.
    "webhook.updated" WebhookUpdated on "webhook" webhook_id { webhook_id: WebhookId, name: String, url: String, events: Vec<EventName>, is_active: bool };
    /// An endpoint was deleted.
    "webhook.deleted" WebhookDeleted on "webhook" webhook_id { webhook_id: WebhookId, name: String };
    /// An endpoint was sent a test event.
    "webhook.tested" WebhookTested on "webhook" webhook_id { webhook_id: WebhookId, name: String };
    /// An endpoint has a new signing secret; the one before signs as well for a while.
    "webhook.secret_rotated" WebhookSecretRotated on "webhook" webhook_id { webhook_id: WebhookId, name: String, grace_seconds: i64 };
    /// An endpoint is sent events again.
    "webhook.redelivered" WebhookRedelivered on "webhook" webhook_id { webhook_id: WebhookId, name: String, deliveries: usize };
    /// An endpoint was switched off, because nothing had arrived there for days.
    "webhook.disabled" WebhookDisabled on "webhook" webhook_id { webhook_id: WebhookId, name: String, reason: String };
    /// Too many deliveries wait: an endpoint is sent the events from number `seq` of the feed on later.
    "webhook.fell_behind" WebhookFellBehind on "webhook" webhook_id { webhook_id: WebhookId, name: String, reason: String, seq: i64 };
    /// An endpoint that had fallen behind has been sent, or is being sent, every event.
    "webhook.caught_up" WebhookCaughtUp on "webhook" webhook_id { webhook_id: WebhookId, name: String };

    /// A log stream was made.
    "siem_config.created" LogStreamCreated on "siem_config" siem_config_id { siem_config_id: LogStreamId, name: String, provider_type: &'static str, endpoint: String };
    /// A log stream changed.
    "siem_config.updated" LogStreamUpdated on "siem_config" siem_config_id { siem_config_id: LogStreamId, name: String, provider_type: &'static str, endpoint: String, enabled: bool };
    /// A log stream was deleted.
    "siem_config.deleted" LogStreamDeleted on "siem_config" siem_config_id { siem_config_id: LogStreamId, name: String };
    /// Somebody tried a log stream out.
    "siem_config.tested" LogStreamTested on "siem_config" siem_config_id { siem_config_id: LogStreamId, name: String, succeeded: bool, #[serde(skip_serializing_if = "Option::is_none")] reason: Option<&'static str>, #[serde(skip_serializing_if = "Option::is_none")] status: Option<u32> };
    /// A log stream was switched off, because its receiver had taken nothing for days.
    "siem_config.disabled" LogStreamDisabled on "siem_config" siem_config_id { siem_config_id: LogStreamId, name: String, reason: String };
    /// The receiver of a log stream refuses this one record, and takes others: it was passed over.
    "siem_config.record_set_aside" LogStreamRecordSetAside on "siem_config" siem_config_id { siem_config_id: LogStreamId, name: String, seq: i64, record_id: EventId, record_event: String, #[serde(skip_serializing_if = "Option::is_none")] status: Option<u32> };

    /// The organization keeps its audit log for another time; null: as long as the platform does.
    "audit_log.retention_updated" AuditRetentionUpdated on "organization" organization_id { organization_id: OrgId, days: Option<u32> };
    /// Somebody is to be erased from the audit log. It does not say who.
    "audit_log.erasure_requested" AuditErasureRequested on "erasure" erasure_id { erasure_id: ErasureId };
    /// Somebody was erased from so many records of the audit log.
    "audit_log.erased" AuditLogErased on "erasure" erasure_id { erasure_id: ErasureId, count: u64 };

    /// An API key was made, of the organization or (`service_id`) of a service.
    "api_key.created" ApiKeyCreated on "api_key" api_key_id { api_key_id: ApiKeyId, name: String, prefix: String, permissions: Vec<&'static str>, #[serde(skip_serializing_if = "Option::is_none")] service_id: Option<ServiceId> };
    /// An API key was used for the first time.
    "api_key.first_used" ApiKeyFirstUsed on "api_key" api_key_id { api_key_id: ApiKeyId, name: String };
    /// An API key changed.
    "api_key.updated" ApiKeyUpdated on "api_key" api_key_id { api_key_id: ApiKeyId, name: String, permissions: Vec<&'static str> };
    /// An API key has a new secret; the one before works as well for a while.
    "api_key.rotated" ApiKeyRotated on "api_key" api_key_id { api_key_id: ApiKeyId, name: String, prefix: String, grace_seconds: i64 };
    /// An API key was revoked.
    "api_key.deleted" ApiKeyDeleted on "api_key" api_key_id { api_key_id: ApiKeyId, name: String, #[serde(skip_serializing_if = "Option::is_none")] service_id: Option<ServiceId> };
    /// A token of the organization's directory was made.
    "scim_token.created" ScimTokenCreated on "scim_token" scim_token_id { scim_token_id: ScimTokenId, name: String, prefix: String, #[serde(skip_serializing_if = "Option::is_none")] connection_id: Option<String>, expires_at: Option<String> };
    /// It was revoked.
    "scim_token.revoked" ScimTokenRevoked on "scim_token" scim_token_id { scim_token_id: ScimTokenId, name: String };
    /// It was deleted; it works no more, if it did.
    "scim_token.deleted" ScimTokenDeleted on "scim_token" scim_token_id { scim_token_id: ScimTokenId, name: String };
    /// People sign in at a social provider (`provider`) through the organization's own client, or another one, or with another secret.
    "service.oauth_credentials.updated" OAuthCredentialsUpdated on "oauth_credentials" oauth_credentials_id { oauth_credentials_id: OAuthCredentialsId, provider: &'static str, client_id: String };
    /// They sign in there through the platform's again.
    "service.oauth_credentials.deleted" OAuthCredentialsDeleted on "oauth_credentials" oauth_credentials_id { oauth_credentials_id: OAuthCredentialsId, provider: &'static str, client_id: String };
    /// The organization's account at a payment provider (`provider`), or how it is known there, is another one.
    "billing_credentials.set" BillingCredentialsSet on "billing_credentials" billing_credentials_id { billing_credentials_id: BillingCredentialsId, provider: &'static str, mode: &'static str };
    /// It has none there any more.
    "billing_credentials.deleted" BillingCredentialsDeleted on "billing_credentials" billing_credentials_id { billing_credentials_id: BillingCredentialsId, provider: &'static str };

    /// The payment provider (`provider`) says what the organization has bought from the platform: where that stands, and the tier that it pays for.
    "billing_account.updated" BillingAccountUpdated on "organization" organization_id { organization_id: OrgId, provider: &'static str, status: &'static str, tier_id: Option<String> };
    /// The payment provider (`provider`) says that the organization is no customer of the platform any more.
    "billing_account.deleted" BillingAccountDeleted on "organization" organization_id { organization_id: OrgId, provider: &'static str };
    /// The organization became a customer of the platform at its payment provider (`provider`).
    "billing_account.created" BillingAccountCreated on "organization" organization_id { organization_id: OrgId, provider: &'static str };

    /// A service was made.
    "service.created" ServiceCreated on "service" service_id { service_id: ServiceId, slug: String, name: String, service_type: &'static str };
    /// Something of a service changed: these of its settings.
    "service.updated" ServiceUpdated on "service" service_id { service_id: ServiceId, slug: String, name: String, changed: Vec<&'static str> };
    /// A service was deleted, with everything that belonged to it.
    "service.deleted" ServiceDeleted on "service" service_id { service_id: ServiceId, slug: String, name: String };
    /// A service's client has a new secret; the one before works as well for a while.
    "service.secret_rotated" ServiceSecretRotated on "service" service_id { service_id: ServiceId, slug: String, grace_seconds: i64 };

    /// A plan was made.
    "plan.created" PlanCreated on "plan" plan_id { plan_id: PlanId, service_id: ServiceId, name: String, price_cents: i64, currency: String };
    /// A plan changed.
    "plan.updated" PlanUpdated on "plan" plan_id { plan_id: PlanId, service_id: ServiceId, name: String, price_cents: i64, currency: String };
    /// A plan was deleted.
    "plan.deleted" PlanDeleted on "plan" plan_id { plan_id: PlanId, service_id: ServiceId, name: String };

    /// Somebody was made a user of a service, by that service's program.
    "end_user.created" EndUserCreated on "user" user_id { user_id: UserId, email: String, service_id: ServiceId };
    /// A user of a service has another address.
    "end_user.updated" EndUserUpdated on "user" user_id { user_id: UserId, previous_email: String, email: String, service_id: ServiceId };
    /// A user was removed from a service.
    "end_user.removed" EndUserRemoved on "user" user_id { user_id: UserId, email: String, service_id: ServiceId };
    /// A user of a service has a subscription.
    "subscription.created" SubscriptionCreated on "user" user_id { user_id: UserId, service_id: ServiceId, plan_id: PlanId, status: &'static str };
    /// A subscription changed.
    "subscription.updated" SubscriptionUpdated on "user" user_id { user_id: UserId, service_id: ServiceId, plan_id: PlanId, status: &'static str };
    /// A subscription was canceled, or deleted.
    "subscription.canceled" SubscriptionCanceled on "user" user_id { user_id: UserId, service_id: ServiceId, plan_id: PlanId };

    /// An account was made and its mailbox proven.
    "user.signup.success" SignupSucceeded on "user" user_id { user_id: UserId, email: String };
    /// Somebody signed in.
    "user.login.success" LoginSucceeded on "user" user_id { user_id: UserId, session_id: SessionId, method: String };
    /// A sign-in failed.
    "user.login.failed" LoginFailed on "email" email { email: String, reason: String };
    /// Somebody signed out.
    "user.logout" LoggedOut on "user" user_id { user_id: UserId, session_id: SessionId };
    /// A session was ended from elsewhere.
    "user.sessions_revoked" SessionsRevoked on "user" user_id { user_id: UserId, count: u64, reason: String };
    /// A password was changed or reset.
    "security.password.changed" PasswordChanged on "user" user_id { user_id: UserId, method: String };
    /// An account has an authenticator app.
    "user.mfa.enabled" MfaEnabled on "user" user_id { user_id: UserId, method: &'static str };
    /// It has no second factor any more: the person's own doing (`user`), or an operator's (`platform`).
    "user.mfa.disabled" MfaDisabled on "user" user_id { user_id: UserId, reason: &'static str };
    /// A second factor was right.
    "user.mfa.verify.success" MfaVerified on "user" user_id { user_id: UserId, method: &'static str };
    /// A second factor was wrong.
    "user.mfa.verify.failed" MfaFailed on "user" user_id { user_id: UserId };
    /// An account has new recovery codes.
    "user.mfa.recovery_codes_renewed" RecoveryCodesRenewed on "user" user_id { user_id: UserId };
    /// An account has another passkey.
    "user.passkey.added" PasskeyAdded on "user" user_id { user_id: UserId, passkey_id: PasskeyId, name: String };
    /// It has it no more: the person removed it.
    "user.passkey.removed" PasskeyRemoved on "user" user_id { user_id: UserId, passkey_id: PasskeyId, name: String };
    /// A member of the organization has an authenticator app.
    "security.mfa.enabled" MemberMfaEnabled on "user" user_id { user_id: UserId };
    /// A member of the organization has no second factor any more.
    "security.mfa.disabled" MemberMfaDisabled on "user" user_id { user_id: UserId, reason: &'static str };
    /// Whoever guessed at an account's second factors knows its password, which works no more.
    "security.password.distrusted" PasswordDistrusted on "user" user_id { user_id: UserId, reason: &'static str };
    /// This user was forgotten: the id stands for nobody any more. Whoever keeps something of them should delete it as well.
    "user.forgotten" UserForgotten on "user" user_id { user_id: UserId };
    /// A platform owner acts as this user in the organization, until then.
    "user.impersonation_started" ImpersonationStarted on "user" user_id { user_id: UserId, impersonation_id: ImpersonationId, operator_id: UserId, operator_email: String, reason: Option<String>, expires_at: String };
    /// They do not any more, before that.
    "user.impersonation_ended" ImpersonationEnded on "user" user_id { user_id: UserId, impersonation_id: ImpersonationId };
    /// An account signs in through an organization's identity provider from now on.
    "user.identity_linked" IdentityLinked on "user" user_id { user_id: UserId, provider_id: ConnectionId };
    /// It does not any more: an administrator, or its owner, unlinked it.
    "user.identity_unlinked" IdentityUnlinked on "user" user_id { user_id: UserId, provider_id: ConnectionId };
    /// An account has another, proven address.
    "user.email_changed" EmailChanged on "user" user_id { user_id: UserId, previous_email: String, email: String };
    /// Somebody who is signed in went on to an application, which gets tokens in their name.
    "user.client_authorized" ClientAuthorized on "user" user_id { user_id: UserId, session_id: SessionId, client_id: String };
    /// Somebody who is no member let a service have this of their account.
    "user.consent_given" ConsentGiven on "user" user_id { user_id: UserId, service_id: ServiceId, client_id: String, scopes: Vec<String> };
    /// They took it back: what the service's client held in their name has ended.
    "user.consent_revoked" ConsentRevoked on "user" user_id { user_id: UserId, service_id: ServiceId, client_id: String };
    /// A code came back that an application had exchanged already: what came of it was ended.
    "security.code.reused" CodeReused on "user" user_id { user_id: UserId, session_id: SessionId, client_id: String };
    /// A used refresh token came back: its family was ended.
    "security.refresh_token.reused" RefreshTokenReused on "user" user_id { user_id: UserId, session_id: SessionId };

    /// A sign-in looked risky, and went on: the organization watches only.
    "security.risk.detected" RiskDetected on "user" user_id { user_id: UserId, email: String, risk_event_id: RiskEventId, score: i64, factors: Vec<&'static str>, verdict: &'static str, enforcement_mode: &'static str };
    /// A sign-in looked risky: a code was asked for.
    "security.risk.challenged" RiskChallenged on "user" user_id { user_id: UserId, email: String, risk_event_id: RiskEventId, score: i64, factors: Vec<&'static str>, verdict: &'static str, enforcement_mode: &'static str };
    /// A sign-in looked risky and was refused.
    "security.risk.blocked" RiskBlocked on "user" user_id { user_id: UserId, email: String, risk_event_id: RiskEventId, score: i64, factors: Vec<&'static str>, verdict: &'static str, enforcement_mode: &'static str };
    /// The organization's people have to sign in otherwise from now on.
    "sign_in_policy.updated" SignInPolicyUpdated on "organization" organization_id { organization_id: OrgId, methods: Vec<&'static str>, mfa: &'static str, max_age_seconds: Option<i64>, networks: Vec<String>, sso: &'static str, break_glass: Vec<UserId>, mfa_trusts_connection: bool };
    /// The organization makes something else of risky sign-ins.
    "risk_settings.updated" RiskSettingsUpdated on "organization" organization_id { organization_id: OrgId, enforcement_mode: &'static str, low_threshold: i64, medium_threshold: i64, new_device_score: i64, impossible_travel_score: i64, velocity_score: i64, velocity_threshold: i64 };
    /// It makes of them what is usual.
    "risk_settings.reset" RiskSettingsReset on "organization" organization_id { organization_id: OrgId };

    /// Platform log: a client was made.
    "create_client" ClientCreated on "client" client { client: ClientId, client_id: String, name: String };
    /// Platform log: a client was changed.
    "update_client" ClientUpdated on "client" client { client: ClientId, client_id: String, name: String };
    /// Platform log: a client has another secret.
    "rotate_client_secret" ClientSecretRotated on "client" client { client: ClientId, client_id: String };
    /// Platform log: a client was deleted.
    "delete_client" ClientDeleted on "client" client { client: ClientId, client_id: String, name: String };
    /// Platform log: an API was registered.
    "create_resource_server" ResourceServerCreated on "resource_server" resource_server { resource_server: ResourceServerId, audience: String };
    /// Platform log: an API was changed.
    "update_resource_server" ResourceServerUpdated on "resource_server" resource_server { resource_server: ResourceServerId, audience: String };
    /// Platform log: an API was deleted.
    "delete_resource_server" ResourceServerDeleted on "resource_server" resource_server { resource_server: ResourceServerId, audience: String };
    /// Platform log: a client may do something at an API.
    "create_client_grant" ClientGrantCreated on "client" client { client: ClientId, client_id: String, audience: String, scopes: String };
    /// Platform log: it may do something else there.
    "update_client_grant" ClientGrantUpdated on "client" client { client: ClientId, client_id: String, audience: String, scopes: String };
    /// Platform log: it may do nothing there any more.
    "delete_client_grant" ClientGrantDeleted on "client" client { client: ClientId, client_id: String, audience: String };
    /// Platform log: somebody's second factors were taken away.
    "reset_user_mfa" PlatformMfaReset on "user" user_id { user_id: UserId };
    /// Platform log: an organization was approved.
    "approve_organization" PlatformApproved on "organization" organization_id { organization_id: OrgId, slug: String };
    /// Platform log: an organization was rejected.
    "reject_organization" PlatformRejected on "organization" organization_id { organization_id: OrgId, slug: String, reason: String };
    /// Platform log: an organization was suspended.
    "suspend_organization" PlatformSuspended on "organization" organization_id { organization_id: OrgId, slug: String };
    /// Platform log: an organization was activated.
    "activate_organization" PlatformActivated on "organization" organization_id { organization_id: OrgId, slug: String };
    /// Platform log: an organization has another tier.
    "update_organization_tier" PlatformTierUpdated on "organization" organization_id { organization_id: OrgId, slug: String, tier_id: String };
    /// Platform log: an organization was given features beyond its tier, or such were taken back.
    "update_organization_features" PlatformFeaturesUpdated on "organization" organization_id { organization_id: OrgId, slug: String, features: Option<String> };
    /// Platform log: what a tier is.
    "update_tier" PlatformTierEdited on "tier" tier_id { tier_id: String, default_max_services: i64, default_max_users: i64, features: String, price_cents: i64, currency: String };
    /// Platform log: somebody was forgotten, in so many organizations.
    "forget_user" PlatformUserForgotten on "user" user_id { user_id: UserId, organizations: usize };
    /// Platform log: somebody was shown everything that is kept of this person.
    "export_user_data" PlatformUserExported on "user" user_id { user_id: UserId };
    /// Platform log: a platform owner acts as somebody, for a while, in one organization at most.
    "impersonate_user" PlatformImpersonated on "user" user_id { user_id: UserId, impersonation_id: ImpersonationId, organization_id: Option<OrgId>, reason: Option<String> };
    /// Platform log: they do not any more, before the time was over.
    "end_impersonation" PlatformImpersonationEnded on "user" user_id { user_id: UserId, impersonation_id: ImpersonationId };
    /// Platform log: what holds for new organizations once it is applied (`config_part`: `config_bootstrap`); null: the configuration file says.
    "update_platform_config" PlatformConfigUpdated on "platform_config" config_part { config_part: &'static str, require_approval: Option<bool>, default_tier_id: Option<String>, max_organizations_per_user: Option<i64> };
    /// Platform log: it holds.
    "apply_platform_config" PlatformConfigApplied on "platform_config" config_part { config_part: &'static str, require_approval: Option<bool>, default_tier_id: Option<String>, max_organizations_per_user: Option<i64> };
    /// Platform log: an organization was deleted.
    "delete_organization" PlatformOrganizationDeleted on "organization" organization_id { organization_id: OrgId, slug: String, name: String };
    /// Platform log: somebody became a platform owner.
    "promote_platform_owner" PlatformOwnerPromoted on "user" user_id { user_id: UserId, email: String };
    /// Platform log: whoever runs the server made a link with which a platform owner sets a new password.
    "reset_platform_owner" PlatformOwnerReset on "user" user_id { user_id: UserId, email: String };
    /// Platform log: somebody is no longer a platform owner.
    "demote_platform_owner" PlatformOwnerDemoted on "user" user_id { user_id: UserId, email: String };
}

#[cfg(test)]
mod tests;

//! End users on the wire.

use domain::{
    Page,
    applications::{
        end_users::{EndUser, EndUserDetail, EndUserSession},
        subscriptions::Subscription,
    },
    identity::sign_ins::SignIn,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{faces::native::identity::accounts::UserResponse, http::wire::time};

/// What somebody has of a service.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"service_id": "svc_019ab2c3d4e57f008000000000000010", "service_slug": "portal", "service_name": "Portal", "plan_id": "plan_019ab2c3d4e57f008000000000000011", "plan_name": "Team", "status": "active", "current_period_end": null, "created_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct EndUserSubscriptionResponse {
    service_id: String,
    service_slug: String,
    service_name: String,
    plan_id: String,
    plan_name: String,
    status: &'static str,
    current_period_end: Option<String>,
    created_at: String,
}

impl From<Subscription> for EndUserSubscriptionResponse {
    fn from(s: Subscription) -> Self {
        Self {
            service_id: s.service_id.to_string(),
            service_slug: s.service_slug.into_string(),
            service_name: s.service_name.into_string(),
            plan_id: s.plan_id.to_string(),
            plan_name: s.plan_name.into_string(),
            status: s.status.as_str(),
            current_period_end: s.current_period_end.map(time),
            created_at: time(s.created_at),
        }
    }
}

/// An account at a provider that somebody signs in with.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"provider": "github", "provider_user_id": "1234", "created_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct EndUserIdentityResponse {
    provider: String,
    provider_user_id: String,
    created_at: String,
}

/// An end user.
#[derive(Serialize, ToSchema)]
pub(super) struct EndUserResponse {
    /// The account.
    user: UserResponse,
    /// What they have of the organization's services.
    subscriptions: Vec<EndUserSubscriptionResponse>,
    /// Accounts at providers that they sign in to this organization with: none, until sign-in through providers is there.
    identities: Vec<EndUserIdentityResponse>,
}

impl From<EndUser> for EndUserResponse {
    fn from(who: EndUser) -> Self {
        let subscriptions = who.subscriptions.into_iter().map(Into::into).collect();
        Self { user: who.user.into(), subscriptions, identities: Vec::new() }
    }
}

/// A page of end users.
#[derive(Serialize, ToSchema)]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub(super) struct EndUsersResponse {
    users: Vec<EndUserResponse>,
    total: i64,
    page: u32,
    limit: u32,
    /// Send it as `after` for what comes behind this page; null: the page is not full.
    next: Option<String>,
}

impl EndUsersResponse {
    pub(super) fn of((users, total): (Vec<EndUser>, i64), page: Page) -> Self {
        let full = users.len() == page.limit as usize;
        let next = users.last().filter(|_| full).map(|last| last.place().to_string());
        Self { users: users.into_iter().map(Into::into).collect(), total, page: page.page, limit: page.limit, next }
    }
}

/// What a session of somebody may do in the organization.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "grt_019ab2c3d4e57f008000000000000012", "service_id": null, "service_name": null, "org_slug": "acme", "ip_address": "203.0.113.7", "user_agent": "Mozilla/5.0", "expires_at": "2026-12-23T09:00:00.000000Z", "refresh_token_expires_at": "2026-12-23T09:00:00.000000Z", "created_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct EndUserSessionResponse {
    id: String,
    /// The service it is for; null: the organization.
    service_id: Option<String>,
    service_name: Option<String>,
    org_slug: Option<String>,
    ip_address: Option<String>,
    user_agent: Option<String>,
    expires_at: String,
    refresh_token_expires_at: Option<String>,
    created_at: String,
}

impl From<EndUserSession> for EndUserSessionResponse {
    fn from(s: EndUserSession) -> Self {
        let (service_id, service_name) = s.service.map(|(id, name)| (id.to_string(), name)).unzip();
        Self {
            id: s.id.to_string(),
            service_id,
            service_name,
            org_slug: Some(s.org_slug.into_string()),
            ip_address: s.ip_address,
            user_agent: s.user_agent,
            expires_at: time(s.expires_at),
            refresh_token_expires_at: Some(time(s.refresh_expires_at)),
            created_at: time(s.created_at),
        }
    }
}

/// A sign-in to the organization or one of its services.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "sgn_019ab2c3d4e57f008000000000000013", "service_id": null, "service_name": null, "provider": "password", "ip_address": "203.0.113.7", "user_agent": "Mozilla/5.0", "risk_score": null, "risk_factors": [], "geo_country": null, "geo_city": null, "created_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct LoginResponse {
    id: String,
    /// The service that was signed in to; null: the organization.
    service_id: Option<String>,
    service_name: Option<String>,
    /// How: `password`.
    provider: String,
    ip_address: Option<String>,
    user_agent: Option<String>,
    /// Null: nobody judged it.
    risk_score: Option<i64>,
    risk_factors: Vec<String>,
    geo_country: Option<String>,
    geo_city: Option<String>,
    created_at: String,
}

impl From<SignIn> for LoginResponse {
    fn from(s: SignIn) -> Self {
        let (score, factors) = s.risk.unzip();
        let (service_id, service_name) = s.service.map(|(id, name)| (id.to_string(), name)).unzip();
        Self {
            id: s.id.to_string(),
            service_id,
            service_name: service_name.flatten(),
            provider: s.method,
            ip_address: s.ip_address,
            user_agent: s.user_agent,
            risk_score: score,
            risk_factors: factors.unwrap_or_default(),
            geo_country: s.country,
            geo_city: s.city,
            created_at: time(s.created_at),
        }
    }
}

/// An end user in full.
#[derive(Serialize, ToSchema)]
pub(super) struct EndUserDetailResponse {
    #[serde(flatten)]
    end_user: EndUserResponse,
    /// How many of their sessions can act here.
    session_count: i64,
    /// The newest 100 of those.
    sessions: Vec<EndUserSessionResponse>,
    /// The newest 20 sign-ins here.
    recent_logins: Vec<LoginResponse>,
}

impl From<EndUserDetail> for EndUserDetailResponse {
    fn from(who: EndUserDetail) -> Self {
        Self {
            end_user: who.end_user.into(),
            session_count: who.session_count,
            sessions: who.sessions.into_iter().map(Into::into).collect(),
            recent_logins: who.sign_ins.into_iter().map(Into::into).collect(),
        }
    }
}

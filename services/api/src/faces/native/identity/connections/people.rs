//! Who came, or tried to come, through a connection.

use actix_web::{delete, get, web};
use app::App;
use domain::{
    ConnectionId, UserId,
    identity::{
        connections::mapping::effect::Note,
        federation::attempts::{Attempt, Outcome},
        saml::{Finding, Verdict},
    },
};
use serde::Serialize;
use store::identity::federation::identities::Identity;
use utoipa::ToSchema;

use crate::http::{
    context::SignedIn,
    error::ApiResult,
    path::OrgPath,
    wire::{Query, time},
};

/// Something to know of an attempt that was not refused for it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"code": "role_gone", "role": "support", "message": "A mapped role is gone. Take it out of `role_mapping`."}))]
struct SignInNoteResponse {
    /// `groups_missing`, `directory_decides`, `role_gone`, `role_beyond_ceiling` or `role_limit`.
    code: &'static str,
    /// Which mapped role it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    /// The same for people, with what to do.
    message: &'static str,
}

impl From<Note> for SignInNoteResponse {
    fn from(note: Note) -> Self {
        Self { code: note.as_str(), role: note.role().map(ToString::to_string), message: note.hint() }
    }
}

/// An attempt to sign in through a connection.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "att_019ab2c3d4e57f008000000000000005", "outcome": "failed", "stage": "id_token", "reason": "issuer_wrong", "message": "The ID token names another issuer than the connection.", "email": null, "subject": null, "user_id": null, "ip_address": "203.0.113.7", "created_at": "2026-11-23T08:00:00.000000Z"}))]
struct SignInAttemptResponse {
    /// The person was shown it as reference.
    id: String,
    /// `signed_in`; `waits`: they have to prove that an account is theirs, or give a second factor; `tested`: a test sign-in; `failed`.
    outcome: &'static str,
    /// Of one that failed: how far it came (`connection`, `answer`, `tokens`, `id_token`, `userinfo`, `assertion`, `claims`, `account`, `entry`). Everything
    /// before was right.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'static str>,
    /// Why, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The same for people, with what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
    /// What the provider said, in its own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Of a SAML response that was refused: everything that it has to fit, in the order in which it is looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<ResponseCheck>,
    /// Whom the provider named, the first 60 characters.
    subject: Option<String>,
    email: Option<String>,
    /// Whose account that is.
    user_id: Option<String>,
    ip_address: Option<String>,
    /// What else there is to say of it, most often about `role_mapping`. Absent: nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    notes: Vec<SignInNoteResponse>,
    created_at: String,
}

/// One check of a SAML response.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"check": "audience", "verdict": "failed", "found": "urn:somebody", "hint": "The assertion is for somebody else. Set the audience (or entity ID, or identifier) at the provider to ours."}))]
struct ResponseCheck {
    /// Stable, for programs.
    check: &'static str,
    /// `passed`, `failed`, or `skipped`: an earlier one failed, or there was nothing to ask.
    verdict: &'static str,
    /// What was there, in the provider's words, or those of whoever pretends to be it.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

impl From<Finding> for ResponseCheck {
    fn from(Finding { check, verdict, found }: Finding) -> Self {
        let hint = (verdict == Verdict::Failed).then(|| check.hint());
        Self { check: check.as_str(), verdict: verdict.as_str(), found, hint }
    }
}

impl From<Attempt> for SignInAttemptResponse {
    fn from(attempt: Attempt) -> Self {
        let (outcome, failure) = match attempt.outcome {
            Outcome::SignedIn => ("signed_in", None),
            Outcome::Waits => ("waits", None),
            Outcome::Tested => ("tested", None),
            Outcome::Failed(failure) => ("failed", Some(failure)),
        };
        Self {
            id: attempt.id.to_string(),
            outcome,
            stage: failure.as_ref().map(|failure| failure.stage.as_str()),
            reason: failure.as_ref().map(|failure| failure.reason.as_str()),
            message: failure.as_ref().map(|failure| failure.reason.hint()),
            detail: failure.as_ref().and_then(|failure| failure.detail.clone()),
            checks: failure.into_iter().flat_map(|failure| failure.checks).map(Into::into).collect(),
            subject: attempt.subject,
            email: attempt.email,
            user_id: attempt.user.map(|user| user.to_string()),
            ip_address: attempt.ip_address,
            notes: attempt.notes.into_iter().map(Into::into).collect(),
            created_at: time(attempt.at),
        }
    }
}

/// Attempts of a page.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"attempts": []}))]
pub(super) struct SignInAttemptsResponse {
    attempts: Vec<SignInAttemptResponse>,
}

/// Attempts to sign in through a connection, the newest first: why somebody could not get in, and what to do. The newest 200 are kept, for 30 days.
#[utoipa::path(
    operation_id = "organizations.upstreamProviders.listAttempts",
    params(
        ("page" = Option<i64>, Query, description = "From 1."),
        ("limit" = Option<i64>, Query, description = "1 to 100; default 50."),
    ),
    responses((status = 200, body = SignInAttemptsResponse)),
)]
#[get("/upstream-providers/{provider_id}/attempts")]
pub(super) async fn attempts(
    app: web::Data<App>,
    who: SignedIn<OrgPath<ConnectionId>>,
    query: Query,
) -> ApiResult<web::Json<SignInAttemptsResponse>> {
    let all = app.list_connection_attempts(&who.caller, &who.path.org, who.path.id, query.page(50)?).await?;
    Ok(web::Json(SignInAttemptsResponse { attempts: all.into_iter().map(Into::into).collect() }))
}

/// Somebody whom a provider knows.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"user_id": "usr_019ab2c3d4e57f008000000000000002", "subject": "00u1abcd", "email": "bea@example.com", "created_at": "2026-11-23T08:00:00.000000Z", "last_used_at": "2026-11-23T08:00:00.000000Z", "blocked": false, "reprove": false}))]
struct UpstreamIdentityResponse {
    user_id: String,
    /// As the provider names them.
    subject: String,
    /// The address that the provider claimed the last time.
    email: Option<String>,
    /// When the account was linked.
    created_at: String,
    last_used_at: String,
    /// Whether their access was removed: the provider does not let them back in.
    blocked: bool,
    /// Whether they have to sign in by something of their own once, because somebody changed the connection who holds less than they do.
    reprove: bool,
}

impl From<Identity> for UpstreamIdentityResponse {
    fn from(identity: Identity) -> Self {
        Self {
            user_id: identity.user.to_string(),
            subject: identity.subject,
            email: identity.email,
            created_at: time(identity.created_at),
            last_used_at: time(identity.last_used_at),
            blocked: identity.blocked,
            reprove: identity.reprove,
        }
    }
}

/// Identities of a page.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"identities": []}))]
pub(super) struct UpstreamIdentitiesResponse {
    identities: Vec<UpstreamIdentityResponse>,
}

/// Whom a connection's provider knows, the newest first.
#[utoipa::path(
    operation_id = "organizations.upstreamProviders.listIdentities",
    params(
        ("page" = Option<i64>, Query, description = "From 1."),
        ("limit" = Option<i64>, Query, description = "1 to 100; default 50."),
    ),
    responses((status = 200, body = UpstreamIdentitiesResponse)),
)]
#[get("/upstream-providers/{provider_id}/identities")]
pub(super) async fn identities(
    app: web::Data<App>,
    who: SignedIn<OrgPath<ConnectionId>>,
    query: Query,
) -> ApiResult<web::Json<UpstreamIdentitiesResponse>> {
    let all = app.list_connection_identities(&who.caller, &who.path.org, who.path.id, query.page(50)?).await?;
    Ok(web::Json(UpstreamIdentitiesResponse { identities: all.into_iter().map(Into::into).collect() }))
}

/// Take an account's identity at a provider away: they are linked anew the next time that they come, as somebody new would be. Their sessions stay.
#[utoipa::path(
    operation_id = "organizations.upstreamProviders.unlinkIdentity",
    responses((status = 204, description = "It is gone.")),
)]
#[delete("/upstream-providers/{provider_id}/identities/{user_id}")]
pub(super) async fn unlink(
    app: web::Data<App>,
    who: SignedIn<OrgPath<(ConnectionId, UserId)>>,
) -> ApiResult<actix_web::HttpResponse> {
    let (connection, user) = who.path.id;
    app.unlink_connection_identity(&who.caller, &who.path.org, (connection, user)).await?;
    Ok(actix_web::HttpResponse::NoContent().finish())
}

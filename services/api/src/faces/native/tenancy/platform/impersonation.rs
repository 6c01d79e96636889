//! Acting as somebody else, for a while.

use actix_web::{delete, post, web};
use app::{
    App,
    identity::impersonation::{Impersonate, Impersonating},
};
use domain::{
    Error, ImpersonationId, Result, UserId, Violation, all,
    core::value::Slug,
    identity::impersonation::{LASTS, LONGEST_REASON},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faces::native::{core::views::Done, identity::accounts::UserResponse, tenancy::PLATFORM};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, platform_owner},
    path::{Named, PathId},
    wire::{Body, Field, time},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(PLATFORM).add(begin, platform_owner()).add(end, platform_owner());
}

impl PathId for ImpersonationId {
    const NOUN: &'static str = "impersonation";
}

/// As whom, and why.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"user_id": "usr_019ab2c3d4e57f008000000000000002", "org_slug": "acme", "reason": "Ticket 4711: cannot see the invoices"}))]
struct ImpersonateRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    user_id: Field<String>,
    /// The organization in which to act. Needed where they have to do with several; it works in no other.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    org_slug: Field<Slug>,
    /// For the logs, of the organization as well: up to 500 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    reason: Field<String>,
}

impl ImpersonateRequest {
    fn parsed(self) -> Result<Impersonate> {
        let (user, org, reason) =
            all((self.user_id.required("user_id"), self.org_slug.optional("org_slug"), self.reason.optional("reason")))?;
        let reason = reason.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if reason.as_ref().is_some_and(|text| text.chars().count() > LONGEST_REASON) {
            let text = format!("Use at most {LONGEST_REASON} characters.");
            return Err(Error::invalid(vec![Violation::new("reason", "too_long", text)]));
        }
        let user: UserId = user.parse().map_err(|_| Error::not_found("user"))?;
        Ok(Impersonate { user, org, reason })
    }
}

/// A token with which to act as somebody.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"impersonation_id": "imp_019ab2c3d4e57f008000000000000014", "access_token": "eyJ…", "token_type": "Bearer", "expires_in": 900, "expires_at": "2026-11-23T09:15:00.000000Z", "org": "acme", "user": {"id": "usr_019ab2c3d4e57f008000000000000002", "email": "ann@example.com", "org_id": null, "is_platform_owner": false, "email_verified_at": "2026-11-23T09:00:00.000000Z", "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z", "deleted_at": null}}))]
#[allow(missing_docs, reason = "the names say it")]
struct ImpersonationResponse {
    impersonation_id: String,
    /// A JWT (`typ: impersonation+jwt`) that says in `act` who really acts. It is not renewed.
    access_token: String,
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    expires_at: String,
    /// The organization in which it works; null: for their own account only.
    org: Option<String>,
    user: UserResponse,
}

impl From<Impersonating> for ImpersonationResponse {
    fn from(i: Impersonating) -> Self {
        Self {
            impersonation_id: i.id.to_string(),
            access_token: i.access_token,
            token_type: "Bearer",
            expires_in: LASTS.num_seconds(),
            expires_at: time(i.expires_at),
            org: i.org.map(Slug::into_string),
            user: i.user.into(),
        }
    }
}

/// Begin to act as somebody, for 15 minutes. Nobody acts as a platform owner, and what only a person can do stays theirs.
#[utoipa::path(
    operation_id = "platform.impersonate",
    request_body = ImpersonateRequest,
    responses((status = 200, body = ImpersonationResponse)),
)]
#[post("/api/platform/impersonate")]
async fn begin(
    app: web::Data<App>,
    who: SignedIn,
    body: Body<ImpersonateRequest>,
) -> ApiResult<web::Json<ImpersonationResponse>> {
    let wanted = body.value.parsed()?;
    Ok(web::Json(app.impersonate(&who.caller, &wanted).await?.into()))
}

/// End an impersonation, whoever's it is. Who acts ends their own by logging out with its token.
#[utoipa::path(operation_id = "platform.endImpersonation", responses(Done))]
#[delete("/api/platform/impersonations/{impersonation_id}")]
async fn end(app: web::Data<App>, who: SignedIn<Named<ImpersonationId>>) -> ApiResult<Done> {
    app.end_impersonation(&who.caller, who.path.0).await?;
    Ok(Done)
}

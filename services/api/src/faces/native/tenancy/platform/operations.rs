//! How the platform is doing, and what its owners may set while it runs.

use actix_web::{get, patch, post, web};
use app::{App, tenancy::platform::ConfigChanges};
use domain::{
    Result, Violation, all,
    tenancy::platform::{ConfigState, MOST_ORGANIZATIONS, PlatformConfig},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faces::native::tenancy::PLATFORM;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    health::{Health, check},
    operations::{Routes, platform_owner},
    wire::{Body, Field, time},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(PLATFORM)
        .add(status, platform_owner())
        .add(config, platform_owner())
        .add(prepare, platform_owner())
        .add(apply, platform_owner());
}

/// How the platform is doing.
#[derive(Serialize, ToSchema)]
struct OperationsStatusResponse {
    #[serde(flatten)]
    health: Health,
    /// Of the program that answers.
    version: &'static str,
    /// The newest step of the database's schema that this program knows.
    schema: &'static str,
    /// What the server's clock says.
    time: String,
}

/// How the platform is doing: what `/health` says, for who operates it.
#[utoipa::path(operation_id = "platform.operations.getStatus", responses((status = 200, body = OperationsStatusResponse)))]
#[get("/api/platform/operations/status")]
async fn status(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<OperationsStatusResponse>> {
    app.see_operations(&who.caller).await?;
    Ok(web::Json(OperationsStatusResponse {
        health: check(&app).await?,
        version: env!("CARGO_PKG_VERSION"),
        schema: store::Store::newest_step(),
        time: time(app.clock.now()),
    }))
}

/// What holds for organizations that are founded. Null, in what was prepared: as the configuration file says.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"require_approval": true, "default_tier_id": "tier_starter", "max_organizations_per_user": null}))]
#[allow(missing_docs, reason = "the names say it")]
struct FoundingResponse {
    require_approval: Option<bool>,
    default_tier_id: Option<String>,
    /// Organizations that one account may own.
    max_organizations_per_user: Option<i64>,
}

impl From<PlatformConfig> for FoundingResponse {
    fn from(c: PlatformConfig) -> Self {
        Self {
            require_approval: c.require_approval,
            default_tier_id: c.default_tier_id,
            max_organizations_per_user: c.max_organizations_per_user,
        }
    }
}

/// What was prepared, and what holds.
#[derive(Serialize, ToSchema)]
struct BootstrapConfigResponse {
    /// What holds once it is applied.
    #[serde(flatten)]
    prepared: FoundingResponse,
    /// What holds, with what the configuration file says where nothing was set.
    effective: FoundingResponse,
    /// Whether something was prepared that does not hold yet.
    pending: bool,
    updated_at: Option<String>,
    applied_at: Option<String>,
}

fn shown(app: &App, state: ConfigState) -> web::Json<BootstrapConfigResponse> {
    let (file, pending) = (app.configured(), state.is_pending());
    let holds = state.applied;
    let effective = PlatformConfig {
        require_approval: holds.require_approval.or(file.require_approval),
        default_tier_id: holds.default_tier_id.or(file.default_tier_id),
        max_organizations_per_user: holds.max_organizations_per_user.or(file.max_organizations_per_user),
    };
    web::Json(BootstrapConfigResponse {
        prepared: state.prepared.into(),
        effective: effective.into(),
        pending,
        updated_at: state.updated_at.map(time),
        applied_at: state.applied_at.map(time),
    })
}

/// What was prepared, and what holds.
#[utoipa::path(operation_id = "platform.bootstrap.getConfig", responses((status = 200, body = BootstrapConfigResponse)))]
#[get("/api/platform/bootstrap/config")]
async fn config(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<BootstrapConfigResponse>> {
    let state = app.platform_config(&who.caller).await?;
    Ok(shown(&app, state))
}

/// Null: as the configuration file says.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"require_approval": true, "default_tier_id": "tier_starter"}))]
struct BootstrapConfigRequest {
    /// Whether new organizations wait for approval.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    require_approval: Field<bool>,
    /// Their tier.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    default_tier_id: Field<String>,
    /// Organizations that one account may own: 0 to 1,000,000.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    max_organizations_per_user: Field<i64>,
}

impl BootstrapConfigRequest {
    fn changes(self) -> Result<ConfigChanges> {
        let (require_approval, default_tier_id, max_organizations_per_user) = all((
            self.require_approval.patch("require_approval"),
            self.default_tier_id.patch("default_tier_id"),
            self.max_organizations_per_user.patch("max_organizations_per_user"),
        ))?;
        if let domain::Patch::Set(most) = &max_organizations_per_user
            && !(0..=MOST_ORGANIZATIONS).contains(most)
        {
            let text = format!("Use 0 to {MOST_ORGANIZATIONS}, or null.");
            return Err(domain::Error::invalid(vec![Violation::new("max_organizations_per_user", "out_of_range", text)]));
        }
        Ok(ConfigChanges { require_approval, default_tier_id, max_organizations_per_user })
    }
}

/// Prepare what is to hold for new organizations; it holds once it is applied.
#[utoipa::path(
    operation_id = "platform.bootstrap.updateConfig",
    request_body = BootstrapConfigRequest,
    responses((status = 200, body = BootstrapConfigResponse)),
)]
#[patch("/api/platform/bootstrap/config")]
async fn prepare(
    app: web::Data<App>,
    who: SignedIn,
    body: Body<BootstrapConfigRequest>,
) -> ApiResult<web::Json<BootstrapConfigResponse>> {
    let state = app.prepare_platform_config(&who.caller, &body.value.changes()?).await?;
    Ok(shown(&app, state))
}

/// Let what was prepared hold, in every process.
#[utoipa::path(operation_id = "platform.bootstrap.apply", responses((status = 200, body = BootstrapConfigResponse)))]
#[post("/api/platform/bootstrap/apply")]
async fn apply(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<BootstrapConfigResponse>> {
    let state = app.apply_platform_config(&who.caller).await?;
    Ok(shown(&app, state))
}

//! The log streams of the platform's own log.

use actix_web::{delete, get, http::StatusCode, post, put, web};
use app::App;
use domain::LogStreamId;

use super::{
    SiemConfigResponse, SiemConfigsResponse, SiemTestResponse,
    changes::{CreateSiemConfigRequest, UpdateSiemConfigRequest},
};
use crate::faces::native::core::views::Gone;
use crate::faces::native::tenancy::PLATFORM;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, platform_owner},
    path::Named,
    wire::Body,
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(PLATFORM)
        .add(create, platform_owner().idempotent())
        .add(list, platform_owner())
        .add(get, platform_owner())
        .add(update, platform_owner())
        .add(delete, platform_owner())
        .add(test, platform_owner());
}

/// Forward the platform's own log to a receiver: in order, at least once.
#[utoipa::path(
    operation_id = "platform.siem.create",
    request_body = CreateSiemConfigRequest,
    responses((status = 201, body = SiemConfigResponse)),
)]
#[post("/api/platform/siem-configs")]
async fn create(
    app: web::Data<App>,
    mut who: SignedIn,
    body: Body<CreateSiemConfigRequest>,
) -> ApiResult<(web::Json<SiemConfigResponse>, StatusCode)> {
    let new = body.value.parsed()?;
    who.once("platform.siem.create", &body.raw);
    let stream = app.create_platform_log_stream(&who.caller, &new).await?;
    Ok((web::Json(SiemConfigResponse::of(stream, who.caller.call.now)), StatusCode::CREATED))
}

/// The log streams of the platform's own log, by age, and how each goes.
#[utoipa::path(operation_id = "platform.siem.list", responses((status = 200, body = SiemConfigsResponse)))]
#[get("/api/platform/siem-configs")]
async fn list(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<SiemConfigsResponse>> {
    let streams = app.platform_log_streams(&who.caller).await?;
    Ok(web::Json(SiemConfigsResponse::of(streams, who.caller.call.now)))
}

/// One of them, and how it goes.
#[utoipa::path(operation_id = "platform.siem.get", responses((status = 200, body = SiemConfigResponse)))]
#[get("/api/platform/siem-configs/{config_id}")]
async fn get(app: web::Data<App>, who: SignedIn<Named<LogStreamId>>) -> ApiResult<web::Json<SiemConfigResponse>> {
    let stream = app.platform_log_stream(&who.caller, who.path.0).await?;
    Ok(web::Json(SiemConfigResponse::of(stream, who.caller.call.now)))
}

/// Change one of them, all of it or nothing; what is left out stays. What failed is forgotten: it is tried at once.
#[utoipa::path(
    operation_id = "platform.siem.update",
    request_body = UpdateSiemConfigRequest,
    responses((status = 200, body = SiemConfigResponse)),
)]
#[put("/api/platform/siem-configs/{config_id}")]
async fn update(
    app: web::Data<App>,
    who: SignedIn<Named<LogStreamId>>,
    body: Body<UpdateSiemConfigRequest>,
) -> ApiResult<web::Json<SiemConfigResponse>> {
    let changes = body.value.parsed()?;
    let stream = app.update_platform_log_stream(&who.caller, who.path.0, &changes).await?;
    Ok(web::Json(SiemConfigResponse::of(stream, who.caller.call.now)))
}

/// Delete one of them. What is being sent may still arrive.
#[utoipa::path(operation_id = "platform.siem.delete", responses(Gone))]
#[delete("/api/platform/siem-configs/{config_id}")]
async fn delete(app: web::Data<App>, who: SignedIn<Named<LogStreamId>>) -> ApiResult<Gone> {
    app.delete_platform_log_stream(&who.caller, who.path.0).await?;
    Ok(Gone)
}

/// Send the receiver a record that says that it is a test. 200 also when it did not work.
#[utoipa::path(operation_id = "platform.siem.test", responses((status = 200, body = SiemTestResponse)))]
#[post("/api/platform/siem-configs/{config_id}/test")]
async fn test(app: web::Data<App>, who: SignedIn<Named<LogStreamId>>) -> ApiResult<web::Json<SiemTestResponse>> {
    Ok(web::Json(app.test_platform_log_stream(&who.caller, who.path.0).await?.into()))
}

//! Services: the applications of an organization. What changes them is in the file beside this one.

mod changes;
mod views;

use actix_web::{delete, get, web};
use app::App;
use domain::{
    all,
    applications::services::ServiceType,
    authorization::resource::{ClientSecrets, OneService, ServiceLifecycle, Services},
    core::value::ServiceSlug,
};
use utoipa::IntoParams;

pub(super) use self::changes::UpdateServiceRequest;
pub(super) use self::views::ServiceResponse;
use self::views::{ListedServiceResponse, ServicesResponse};
use crate::faces::native::core::views::Gone;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::{OrgPath, PathId},
    wire::Query,
};

const SERVICES: Tag =
    Tag { name: "services", about: "An organization's applications: OAuth clients that its end users sign in to." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(SERVICES)
        .of_org(changes::create, writing::<Services>().idempotent().shows_secret_once())
        .of_org(list, reading::<Services>())
        .of_org(get, reading::<OneService>())
        .of_org(changes::update, writing::<OneService>())
        .of_org(delete, writing::<ServiceLifecycle>())
        .of_org(changes::rotate, writing::<ClientSecrets>().idempotent().shows_secret_once());
}

impl PathId for ServiceSlug {
    const NOUN: &'static str = "service";
}

/// Which services.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only describes")]
struct Which {
    /// Of this type only: `web`, `mobile`, `desktop` or `api`.
    service_type: Option<String>,
    /// 1 to 100; default 50.
    limit: Option<i64>,
    /// How many to skip; default 0.
    offset: Option<i64>,
}

/// The services, by age. Without `services.view` or `services.manage`: those that were granted to the caller directly.
#[utoipa::path(
    operation_id = "services.list",
    params(Which),
    responses((status = 200, body = ServicesResponse)),
)]
#[get("/services")]
async fn list(app: web::Data<App>, who: SignedIn<OrgPath>, query: Query) -> ApiResult<web::Json<ServicesResponse>> {
    let (service_type,) = all((query.parsed::<ServiceType>("service_type"),))?;
    let (services, usage) = app.list_services(&who.caller, &who.path.org, service_type, query.window()?).await?;
    Ok(web::Json(ServicesResponse { services: services.into_iter().map(Into::into).collect(), usage: usage.into() }))
}

/// One service.
#[utoipa::path(
    operation_id = "services.get",
    responses((status = 200, body = ListedServiceResponse)),
)]
#[get("/services/{service_slug}")]
async fn get(app: web::Data<App>, who: SignedIn<OrgPath<ServiceSlug>>) -> ApiResult<web::Json<ListedServiceResponse>> {
    Ok(web::Json(app.get_service(&who.caller, &who.path.org, &who.path.id).await?.into()))
}

/// Delete a service, with its client, plans and API keys.
#[utoipa::path(operation_id = "services.delete", responses(Gone))]
#[delete("/services/{service_slug}")]
async fn delete(app: web::Data<App>, who: SignedIn<OrgPath<ServiceSlug>>) -> ApiResult<Gone> {
    app.delete_service(&who.caller, &who.path.org, &who.path.id).await?;
    Ok(Gone)
}

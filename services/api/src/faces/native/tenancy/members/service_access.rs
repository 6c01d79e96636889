//! A member's access to single services, beside what their role allows.

use actix_web::{get, put, web};
use app::{App, applications::service_access::Grant};
use domain::{
    BadValue, Error, Result, all,
    applications::services::{AccessLevel, ServiceAccess},
    authorization::resource,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{MEMBERS, MemberPath};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, reading, writing},
    path::OrgPath,
    wire::{Body, Field, FromJson},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(MEMBERS)
        .of_org(service_access, reading::<resource::ServiceAccess>())
        .of_org(update_service_access, writing::<resource::ServiceAccess>());
}

/// A member's access to one service.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"service_id": "svc_019ab2c3d4e57f00800000000000000a", "service_slug": "portal", "service_name": "Portal", "access": "viewer"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct ServiceAccessResponse {
    service_id: String,
    service_slug: String,
    service_name: String,
    /// `viewer` (may look at it), `manager` (may change it), or null.
    access: Option<&'static str>,
}

impl From<ServiceAccess> for ServiceAccessResponse {
    fn from(given: ServiceAccess) -> Self {
        Self {
            service_id: given.service_id.to_string(),
            service_slug: given.slug.into_string(),
            service_name: given.name.into_string(),
            access: given.access.map(AccessLevel::as_str),
        }
    }
}

/// What a member was given on each service of the organization, beside what their role allows.
#[utoipa::path(
    operation_id = "organizations.members.listServiceAccess",
    responses((status = 200, body = [ServiceAccessResponse])),
)]
#[get("/members/{user_id}/service-access")]
async fn service_access(
    app: web::Data<App>,
    who: SignedIn<OrgPath<MemberPath>>,
) -> ApiResult<web::Json<Vec<ServiceAccessResponse>>> {
    let given = app.list_service_access(&who.caller, &who.path.org, who.path.id.0).await?;
    Ok(web::Json(given.into_iter().map(Into::into).collect()))
}

/// Access to one service.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only describes")]
struct ServiceGrant {
    /// Which service.
    service_slug: String,
    /// `viewer`, `manager`, or null, which takes it away.
    #[schema(required)]
    access: Option<String>,
}

/// Which access to give to which service.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"grants": [{"service_slug": "portal", "access": "viewer"}]}))]
struct UpdateServiceAccessRequest {
    /// Services that are not named stay as they are.
    #[serde(default)]
    #[schema(value_type = Vec<ServiceGrant>, max_items = 100, required)]
    grants: Field<Grants>,
}

/// Slugs as they were sent: one that cannot be a slug is an unknown service's.
struct Grants(Vec<(String, Option<AccessLevel>)>);

/// So many in one request.
const MOST: usize = 100;

impl FromJson for Grants {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        let wrong = |code, message: &'static str| Err(BadValue { code, message: message.into() });
        let grants = Vec::<Value>::from_json(value)?;
        if grants.len() > MOST {
            return wrong("too_many", "Send at most 100 grants.");
        }
        let mut parsed: Vec<(String, Option<AccessLevel>)> = Vec::new();
        for grant in &grants {
            let (Some(slug), Some(access)) = (grant["service_slug"].as_str(), grant.get("access")) else {
                return wrong("bad_grant", "Send a service_slug and an access (viewer, manager or null) for each grant.");
            };
            if parsed.iter().any(|(known, _)| known == slug) {
                return wrong("twice", "Name each service once.");
            }
            let access = if access.is_null() { None } else { Some(AccessLevel::from_json(access)?) };
            parsed.push((slug.to_owned(), access));
        }
        Ok(Self(parsed))
    }
}

impl Grants {
    fn parse(self) -> Result<Vec<Grant>> {
        let parse = |(slug, access): (String, _)| Ok((slug.parse().map_err(|_| Error::not_found("service"))?, access));
        self.0.into_iter().map(parse).collect()
    }
}

/// Change what a member was given on services, all of it or nothing. Nobody gives what they do not hold themselves.
#[utoipa::path(
    operation_id = "organizations.members.updateServiceAccess",
    request_body = UpdateServiceAccessRequest,
    responses((status = 200, body = [ServiceAccessResponse])),
)]
#[put("/members/{user_id}/service-access")]
async fn update_service_access(
    app: web::Data<App>,
    who: SignedIn<OrgPath<MemberPath>>,
    body: Body<UpdateServiceAccessRequest>,
) -> ApiResult<web::Json<Vec<ServiceAccessResponse>>> {
    let (grants,) = all((body.value.grants.required("grants"),))?;
    let given = app.update_service_access(&who.caller, &who.path.org, who.path.id.0, &grants.parse()?).await?;
    Ok(web::Json(given.into_iter().map(Into::into).collect()))
}

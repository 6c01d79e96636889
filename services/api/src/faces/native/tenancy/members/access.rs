//! What grants a person anything in an organization.

use actix_web::{get, web};
use app::App;
use domain::{
    authorization::resource::MemberAccess as Resource,
    tenancy::access::{Granted, MemberAccess},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{MEMBERS, MemberPath};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, reading},
    path::OrgPath,
    wire::time,
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(MEMBERS).of_org(show, reading::<Resource>());
}

/// Something that grants a person something.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"kind": "api_key", "id": "apk_019ab2c3d4e57f008000000000000009", "name": "Provisioning", "detail": "org.members.view", "since": "2026-11-23T09:00:00.000000Z", "until": null, "remedy": "Rotate the key, with a grace of 0."}))]
struct GrantedResponse {
    /// `membership`, `platform_owner`, `session`, `service_access`, `invitation`, `service_use`; and where they were shown a secret or
    /// chose a destination: `api_key`, `service_key`, `client_secret`, `webhook`, `log_stream`,
    /// `webhook_secret`.
    kind: &'static str,
    /// Of the thing.
    id: String,
    /// What people call it; of a membership or invitation: the role.
    name: String,
    /// What it grants, where the name does not say it.
    detail: Option<String>,
    /// Since when.
    since: Option<String>,
    /// Until when by itself; null: until somebody ends it.
    until: Option<String>,
    /// What ends it.
    remedy: &'static str,
}

impl From<Granted> for GrantedResponse {
    fn from(granted: Granted) -> Self {
        Self {
            kind: granted.kind.as_str(),
            id: granted.id,
            name: granted.name,
            detail: granted.detail,
            since: granted.since.map(time),
            until: granted.until.map(time),
            remedy: granted.kind.remedy(),
        }
    }
}

/// How many things of a kind there are.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"kind": "api_key", "count": 1}))]
#[allow(missing_docs, reason = "the names say it")]
struct AccessCountResponse {
    kind: &'static str,
    count: i64,
}

/// Everything that grants a person anything in the organization.
#[derive(Serialize, ToSchema)]
struct MemberAccessResponse {
    /// Who.
    user_id: String,
    /// Their address; null: the account is gone.
    email: Option<String>,
    /// Whether they are a member.
    is_member: bool,
    /// When their membership ended last, as far as the audit log goes back.
    ended_at: Option<String>,
    /// What grants them something: of each kind at most 200.
    access: Vec<GrantedResponse>,
    /// How many things there are of each kind.
    counts: Vec<AccessCountResponse>,
    /// How many in all.
    total: i64,
    /// The moment that all of this is about.
    as_of: String,
    /// Of whoever is no member: the same, signed, for your files. A JWS of type `tenantry-access-left`; its keys are those of
    /// `/.well-known/audit-keys.json`. `tenantry-api audit statement` checks it without a server.
    statement: Option<String>,
}

impl From<(MemberAccess, Option<String>)> for MemberAccessResponse {
    fn from((access, statement): (MemberAccess, Option<String>)) -> Self {
        let count = |(kind, count): &(domain::tenancy::access::GrantKind, i64)| AccessCountResponse {
            kind: kind.as_str(),
            count: *count,
        };
        Self {
            user_id: access.user_id.to_string(),
            is_member: access.is_member(),
            total: access.total(),
            counts: access.totals.iter().map(count).collect(),
            email: access.email.map(|email| email.shown()),
            ended_at: access.ended_at.map(time),
            access: access.granted.into_iter().map(Into::into).collect(),
            as_of: time(access.at),
            statement,
        }
    }
}

/// Who still has access: everything that grants a person anything here, whether they are a member or were removed; then also signed.
#[utoipa::path(
    operation_id = "organizations.members.access",
    responses((status = 200, body = MemberAccessResponse)),
)]
#[get("/members/{user_id}/access")]
async fn show(app: web::Data<App>, who: SignedIn<OrgPath<MemberPath>>) -> ApiResult<web::Json<MemberAccessResponse>> {
    Ok(web::Json(app.member_access(&who.caller, &who.path.org, who.path.id.0).await?.into()))
}

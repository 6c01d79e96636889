//! Every account, for who operates the platform.

use actix_web::{get, web};
use app::App;
use domain::{Total, UserId, all, identity::accounts::User, tenancy::platform::Belonging};
use serde::Serialize;
use store::tenancy::platform::accounts::UserDetail;
use utoipa::ToSchema;

use crate::faces::native::{identity::accounts::UserResponse, tenancy::PLATFORM};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, platform_owner},
    path::Named,
    wire::{Query, time},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    // Before `{user_id}`, which `search` would be taken for.
    routes.tag(PLATFORM).add(list, platform_owner()).add(search, platform_owner()).add(detail, platform_owner());
}

/// A page of accounts.
#[derive(Serialize, ToSchema)]
struct PlatformUsersResponse {
    users: Vec<UserResponse>,
    total: u64,
    /// True: there are more than `total`, and they were not counted. Absent: the total is exact.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    total_is_minimum: bool,
}

fn page((users, total): (Vec<User>, Total)) -> web::Json<PlatformUsersResponse> {
    let users = users.into_iter().map(Into::into).collect();
    web::Json(PlatformUsersResponse { users, total: total.n, total_is_minimum: total.is_minimum })
}

/// Accounts of every realm that are not closed, newest first.
#[utoipa::path(
    operation_id = "platform.users.list",
    params(
        ("limit" = Option<i64>, Query, description = "1 to 100; default 50."),
        ("offset" = Option<i64>, Query, description = "From 0, at most 100,000."),
    ),
    responses((status = 200, body = PlatformUsersResponse)),
)]
#[get("/api/platform/users")]
async fn list(app: web::Data<App>, who: SignedIn, query: Query) -> ApiResult<web::Json<PlatformUsersResponse>> {
    let (limit, offset) = query.window()?;
    Ok(page(app.platform_users(&who.caller, offset, limit).await?))
}

/// The account with an id, or those whose address begins so, by address.
#[utoipa::path(
    operation_id = "platform.users.search",
    params(
        ("q" = Option<String>, Query, description = "An id, or how the address begins: 1 to 254 characters. Without it nothing is found."),
        ("limit" = Option<i64>, Query, description = "1 to 100; default 50."),
        ("offset" = Option<i64>, Query, description = "From 0, at most 100,000."),
    ),
    responses((status = 200, body = PlatformUsersResponse)),
)]
#[get("/api/platform/users/search")]
async fn search(app: web::Data<App>, who: SignedIn, query: Query) -> ApiResult<web::Json<PlatformUsersResponse>> {
    let (text, email) = all((query.text("q"), query.text("email")))?;
    let (limit, offset) = query.window()?;
    let text = text.or(email).unwrap_or_default();
    Ok(page(app.find_users(&who.caller, text.trim(), offset, limit).await?))
}

/// An organization that somebody is a member of.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "org_019ab2c3d4e57f008000000000000001", "slug": "acme", "name": "Acme", "role": "owner", "joined_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the names say it")]
struct BelongingResponse {
    id: String,
    slug: String,
    name: String,
    role: String,
    joined_at: String,
}

impl From<Belonging> for BelongingResponse {
    fn from(b: Belonging) -> Self {
        Self {
            id: b.id.to_string(),
            slug: b.slug.into_string(),
            name: b.name.to_string(),
            role: b.role.to_string(),
            joined_at: time(b.joined_at),
        }
    }
}

/// An account, and what it is used for.
#[derive(Serialize, ToSchema)]
struct PlatformUserResponse {
    #[serde(flatten)]
    user: UserResponse,
    /// The newest 200 memberships.
    organizations: Vec<BelongingResponse>,
    /// Living sessions.
    active_sessions: i64,
    /// When it signed in last, as long as sign-ins are kept.
    last_sign_in_at: Option<String>,
}

impl From<UserDetail> for PlatformUserResponse {
    fn from(d: UserDetail) -> Self {
        Self {
            user: d.user.into(),
            organizations: d.organizations.into_iter().map(Into::into).collect(),
            active_sessions: d.sessions,
            last_sign_in_at: d.last_sign_in_at.map(time),
        }
    }
}

/// One account, closed or not.
#[utoipa::path(operation_id = "platform.users.get", responses((status = 200, body = PlatformUserResponse)))]
#[get("/api/platform/users/{user_id}")]
async fn detail(app: web::Data<App>, who: SignedIn<Named<UserId>>) -> ApiResult<web::Json<PlatformUserResponse>> {
    Ok(web::Json(app.platform_user(&who.caller, who.path.0).await?.into()))
}

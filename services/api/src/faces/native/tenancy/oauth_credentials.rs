//! An organization's own OAuth clients at social providers.

use actix_web::{delete, get, post, web};
use app::{App, tenancy::oauth_credentials::NewOAuthCredentials};
use domain::{
    Error, Result, all,
    authorization::resource::OAuthCredentials as Resource,
    core::secret::ProviderSecret,
    tenancy::{
        features::SocialProvider,
        oauth_credentials::{OAuthClientId, OAuthCredentials},
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faces::native::core::views::Gone;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::OrgPath,
    wire::{Body, Field, time},
};

const OAUTH_CREDENTIALS: Tag =
    Tag { name: "oauth-credentials", about: "An organization's own OAuth clients at social providers." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(OAUTH_CREDENTIALS)
        .of_org(set, writing::<Resource>())
        .of_org(get, reading::<Resource>())
        .of_org(delete, writing::<Resource>());
}

/// A client, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "oac_019ab2c3d4e57f008000000000000009", "org_id": "org_019ab2c3d4e57f008000000000000001", "provider": "github", "client_id": "Iv1.8a61f9b3a7aba766", "has_secret": true, "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z"}))]
struct OAuthCredentialsResponse {
    id: String,
    org_id: String,
    /// `github`, `google` or `microsoft`.
    provider: &'static str,
    client_id: String,
    /// Always true: the secret is kept, and never shown.
    has_secret: bool,
    created_at: String,
    /// When they were last set.
    updated_at: String,
}

impl From<OAuthCredentials> for OAuthCredentialsResponse {
    fn from(credentials: OAuthCredentials) -> Self {
        Self {
            id: credentials.id.to_string(),
            org_id: credentials.org_id.to_string(),
            provider: credentials.provider.as_str(),
            client_id: credentials.client_id.as_str().to_owned(),
            has_secret: true,
            created_at: time(credentials.created_at),
            updated_at: time(credentials.updated_at),
        }
    }
}

/// A client.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"client_id": "Iv1.8a61f9b3a7aba766", "client_secret": "0123456789abcdef0123456789abcdef01234567"}))]
struct SetOAuthCredentialsRequest {
    /// As the provider shows it.
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 255, required)]
    client_id: Field<OAuthClientId>,
    /// Kept, and never shown.
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 1024, required)]
    client_secret: Field<ProviderSecret>,
}

/// The provider that a path names; the contract answers 400 to any other.
fn provider(path: &OrgPath<String>) -> Result<SocialProvider> {
    path.id.parse().map_err(|bad: domain::BadValue| Error::field("provider", bad.code, bad.message))
}

/// Let people sign in at a provider through the organization's own client; one that is set already is replaced.
#[utoipa::path(
    operation_id = "organizations.oauthCredentials.set",
    request_body = SetOAuthCredentialsRequest,
    responses((status = 200, body = OAuthCredentialsResponse)),
)]
#[post("/oauth-credentials/{oauth_provider}")]
async fn set(
    app: web::Data<App>,
    who: SignedIn<OrgPath<String>>,
    body: Body<SetOAuthCredentialsRequest>,
) -> ApiResult<web::Json<OAuthCredentialsResponse>> {
    let provider = provider(&who.path)?;
    let (client_id, client_secret) =
        all((body.value.client_id.required("client_id"), body.value.client_secret.required("client_secret")))?;
    let new = NewOAuthCredentials { provider, client_id, client_secret };
    Ok(web::Json(app.set_oauth_credentials(&who.caller, &who.path.org, &new).await?.into()))
}

/// The organization's client at a provider, without its secret.
#[utoipa::path(
    operation_id = "organizations.oauthCredentials.get",
    responses((status = 200, body = OAuthCredentialsResponse)),
)]
#[get("/oauth-credentials/{oauth_provider}")]
async fn get(app: web::Data<App>, who: SignedIn<OrgPath<String>>) -> ApiResult<web::Json<OAuthCredentialsResponse>> {
    Ok(web::Json(app.get_oauth_credentials(&who.caller, &who.path.org, provider(&who.path)?).await?.into()))
}

/// Let people sign in there through the platform's client again.
#[utoipa::path(operation_id = "organizations.oauthCredentials.delete", responses(Gone))]
#[delete("/oauth-credentials/{oauth_provider}")]
async fn delete(app: web::Data<App>, who: SignedIn<OrgPath<String>>) -> ApiResult<Gone> {
    app.delete_oauth_credentials(&who.caller, &who.path.org, provider(&who.path)?).await?;
    Ok(Gone)
}

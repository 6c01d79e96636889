//! Passkeys: signing in with one, and the caller's own.

use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use app::{
    App,
    identity::passkeys::{Challenge, PasskeySignIn},
};
use domain::{
    BadValue, PasskeyChallengeId, PasskeyId, all,
    core::value::{Name, Slug},
    identity::passkeys::Passkey,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    AUTH,
    login::{TokenResponse, device},
};
use crate::http::{
    context::{SignedIn, SigningIn},
    error::{ApiResult, ErrorBody},
    operations::{Routes, anybody, signed_in},
    path::{Named, PathId},
    wire::{Body, Field, FromJson, time},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(AUTH)
        .add(begin_sign_in, anybody())
        .add(sign_in, anybody())
        .add(begin, signed_in())
        .add(add, signed_in())
        .add(list, signed_in())
        .add(rename, signed_in())
        .add(remove, signed_in());
}

impl PathId for PasskeyId {
    const NOUN: &'static str = "passkey";
}

/// What the browser's `navigator.credentials` answered, by its `toJSON()`.
struct Answer(Value);

impl FromJson for Answer {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        match value {
            Value::Object(_) => Ok(Self(value.clone())),
            _ => Err(BadValue { code: "wrong_type", message: "Send the object that the browser's `toJSON()` gives.".into() }),
        }
    }
}

/// The name of a challenge, as it was answered.
struct Asked(PasskeyChallengeId);

impl FromJson for Asked {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        let id = value.as_str().and_then(|text| text.parse().ok());
        id.map(Self).ok_or(BadValue { code: "bad_format", message: "Send the `challenge_id` as it was answered.".into() })
    }
}

/// A question to the person's device.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"challenge_id": "pkc_019ab2c3d4e57f008000000000000001", "options": {"publicKey": {"challenge": "3q2-7w…", "rpId": "sso.example.com", "timeout": 300_000, "userVerification": "required", "allowCredentials": []}}}))]
struct PasskeyChallengeResponse {
    /// To be sent with the answer, within five minutes.
    challenge_id: String,
    /// For `navigator.credentials`: its `publicKey` through `PublicKeyCredential.parseRequestOptionsFromJSON`, or `parseCreationOptionsFromJSON`.
    #[schema(value_type = Object)]
    options: Value,
}

impl From<Challenge> for PasskeyChallengeResponse {
    fn from(challenge: Challenge) -> Self {
        Self { challenge_id: challenge.id.to_string(), options: challenge.options }
    }
}

/// A passkey.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "psk_019ab2c3d4e57f008000000000000002", "name": "Work laptop", "created_at": "2026-11-30T09:00:00.000000Z", "last_used_at": null}))]
struct PasskeyResponse {
    id: String,
    /// What its owner calls it.
    name: String,
    created_at: String,
    /// When somebody last signed in with it.
    last_used_at: Option<String>,
}

impl From<Passkey> for PasskeyResponse {
    fn from(passkey: Passkey) -> Self {
        Self {
            id: passkey.id.to_string(),
            name: passkey.name.to_string(),
            created_at: time(passkey.created_at),
            last_used_at: passkey.last_used_at.map(time),
        }
    }
}

/// Begin to sign in with a passkey. Nobody says who they are: the device knows.
#[utoipa::path(
    operation_id = "auth.passkeys.beginAuthentication",
    responses((status = 200, body = PasskeyChallengeResponse)),
)]
#[post("/api/auth/passkeys/authenticate/start")]
async fn begin_sign_in(app: web::Data<App>, from: SigningIn) -> ApiResult<web::Json<PasskeyChallengeResponse>> {
    Ok(web::Json(app.begin_passkey_sign_in(&from.0).await?.into()))
}

/// What a device answered.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"challenge_id": "pkc_019ab2c3d4e57f008000000000000001", "credential": {"id": "AAEC…", "rawId": "AAEC…", "type": "public-key", "response": {"authenticatorData": "…", "clientDataJSON": "…", "signature": "…", "userHandle": "…"}, "clientExtensionResults": {}}, "org_slug": "acme"}))]
struct PasskeySignInRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    challenge_id: Field<Asked>,
    /// As the browser's `toJSON()` gives it.
    #[serde(default)]
    #[schema(value_type = Object, required)]
    credential: Field<Answer>,
    /// Sign in to this organization; none: to the platform.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    org_slug: Field<Slug>,
}

/// Sign in with a passkey, which is both factors. The answer of a device works once.
#[utoipa::path(
    operation_id = "auth.passkeys.finishAuthentication",
    request_body = PasskeySignInRequest,
    responses(
        (status = 200, body = TokenResponse),
        (status = 401, description = "The passkey is not known, or its answer does not fit.", body = ErrorBody),
        (status = 403, description = "No access to that organization, or its policy or its rule for risky sign-ins refuses this one.", body = ErrorBody),
    ),
)]
#[post("/api/auth/passkeys/authenticate/finish")]
async fn sign_in(
    app: web::Data<App>,
    from: SigningIn,
    req: HttpRequest,
    body: Body<PasskeySignInRequest>,
) -> ApiResult<HttpResponse> {
    let b = body.value;
    let (challenge, answer, org_slug) =
        all((b.challenge_id.required("challenge_id"), b.credential.required("credential"), b.org_slug.optional("org_slug")))?;
    let input = PasskeySignIn { challenge: challenge.0, answer: answer.0, org_slug, device: device::shown(&app, &req) };
    Ok(device::answer(&app, app.passkey_sign_in(&from.0, input).await?))
}

/// Begin to add a passkey. Needs a sign-in of the last 15 minutes, with two factors where the account has a second one.
#[utoipa::path(
    operation_id = "auth.passkeys.beginRegistration",
    responses((status = 200, body = PasskeyChallengeResponse)),
)]
#[post("/api/auth/passkeys/register/start")]
async fn begin(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<PasskeyChallengeResponse>> {
    Ok(web::Json(app.begin_passkey(&who.caller).await?.into()))
}

/// A new passkey.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"challenge_id": "pkc_019ab2c3d4e57f008000000000000001", "credential": {"id": "AAEC…", "rawId": "AAEC…", "type": "public-key", "response": {"attestationObject": "…", "clientDataJSON": "…"}, "clientExtensionResults": {}}, "name": "Work laptop"}))]
struct AddPasskeyRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    challenge_id: Field<Asked>,
    /// As the browser's `toJSON()` gives it.
    #[serde(default)]
    #[schema(value_type = Object, required)]
    credential: Field<Answer>,
    /// What its owner calls it.
    #[serde(default)]
    #[schema(value_type = String, max_length = 100, required)]
    name: Field<Name>,
}

/// Add the passkey that the device made; at most twenty. The account is told by mail.
#[utoipa::path(
    operation_id = "auth.passkeys.finishRegistration",
    request_body = AddPasskeyRequest,
    responses((status = 200, body = PasskeyResponse)),
)]
#[post("/api/auth/passkeys/register/finish")]
async fn add(app: web::Data<App>, who: SignedIn, body: Body<AddPasskeyRequest>) -> ApiResult<web::Json<PasskeyResponse>> {
    let b = body.value;
    let (challenge, answer, name) =
        all((b.challenge_id.required("challenge_id"), b.credential.required("credential"), b.name.required("name")))?;
    Ok(web::Json(app.add_passkey(&who.caller, (challenge.0, &answer.0), &name).await?.into()))
}

/// My passkeys, the oldest first.
#[utoipa::path(operation_id = "auth.passkeys.list", responses((status = 200, body = [PasskeyResponse])))]
#[get("/api/auth/passkeys")]
async fn list(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<Vec<PasskeyResponse>>> {
    Ok(web::Json(app.own_passkeys(&who.caller).await?.into_iter().map(Into::into).collect()))
}

/// Another name for a passkey.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Phone"}))]
struct RenamePasskeyRequest {
    #[serde(default)]
    #[schema(value_type = String, max_length = 100, required)]
    name: Field<Name>,
}

/// Call one of my passkeys something else.
#[utoipa::path(
    operation_id = "auth.passkeys.update",
    request_body = RenamePasskeyRequest,
    responses((status = 200, body = PasskeyResponse)),
)]
#[patch("/api/auth/passkeys/{passkey_id}")]
async fn rename(
    app: web::Data<App>,
    who: SignedIn<Named<PasskeyId>>,
    body: Body<RenamePasskeyRequest>,
) -> ApiResult<web::Json<PasskeyResponse>> {
    let (name,) = all((body.value.name.required("name"),))?;
    Ok(web::Json(app.rename_passkey(&who.caller, who.path.0, &name).await?.into()))
}

/// Remove one of my passkeys. Needs a sign-in of the last 15 minutes, with two factors where the account has a second one; the last thing to sign in with
/// stays.
#[utoipa::path(
    operation_id = "auth.passkeys.delete",
    responses((status = 204, description = "It is gone.")),
)]
#[delete("/api/auth/passkeys/{passkey_id}")]
async fn remove(app: web::Data<App>, who: SignedIn<Named<PasskeyId>>) -> ApiResult<HttpResponse> {
    app.remove_passkey(&who.caller, who.path.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

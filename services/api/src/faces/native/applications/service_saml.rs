//! How a service takes SAML from us: what it registers, and the certificates with which we sign for it.

mod views;

use actix_web::{delete, get, post, web};
use app::{
    App,
    applications::service_saml::{SigningCertificates, WrittenCertificates},
};
use domain::{
    BadValue, Error, Result, all,
    applications::{
        service_saml::{MAX_ACS_URLS, NameIdFormat, SamlAttributes, SamlSettings},
        uris::PageUri,
    },
    authorization::resource::ServiceSaml as Resource,
    core::value::ServiceSlug,
    identity::connections::{Issuer, mapping::ClaimName},
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use self::views::{SamlLoginResponse, ServiceSamlResponse, SetServiceSamlResponse, SigningCertificateResponse};
use crate::faces::native::core::views::Done;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::OrgPath,
    wire::{Body, Field, FromJson, list, text},
};

const SERVICE_SAML: Tag =
    Tag { name: "service-saml", about: "Services that take SAML from us: we are their identity provider (SAML 2.0)." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(SERVICE_SAML)
        .of_org(set, writing::<Resource>().idempotent())
        .of_org(get, reading::<Resource>())
        .of_org(delete, writing::<Resource>())
        .of_org(rotate, writing::<Resource>().idempotent())
        .of_org(certificates, reading::<Resource>())
        .of_org(end_overlap, writing::<Resource>())
        .of_org(login, reading::<Resource>());
}

/// A certificate, in PEM or base64; its reader bounds it.
struct Written(String);

impl FromJson for Written {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        text(value).map(|text| Self(text.to_owned()))
    }
}

/// Further addresses.
struct Others(Vec<PageUri>);

impl FromJson for Others {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        list(value, MAX_ACS_URLS - 1).map(Self)
    }
}

impl FromJson for SamlAttributes {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        let bad = |code, message: &'static str| Err(BadValue { code, message: message.into() });
        let Some(members) = value.as_object() else { return bad("wrong_type", "Send an object.") };
        if members.keys().any(|name| !["sub", "email", "name", "org_id"].contains(&name.as_str())) {
            return bad("unknown_attribute", "Name any of: sub, email, name, org_id.");
        }
        let named = |name: &str| match members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => ClaimName::from_json(value).map(Some),
        };
        Ok(Self { sub: named("sub")?, email: named("email")?, name: named("name")?, org_id: named("org_id")? })
    }
}

/// How a service takes SAML. What is left out is as it is by itself.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"enabled": true, "entity_id": "https://portal.example.com/saml/metadata", "acs_url": "https://portal.example.com/saml/acs", "name_id_format": "persistent", "attribute_mapping": {"email": "mail", "sub": "uid"}, "sign_response": true}))]
struct SetServiceSamlRequest {
    #[serde(default)]
    #[schema(value_type = bool, required)]
    enabled: Field<bool>,
    /// Who the service says that it is, byte by byte.
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 1024, required)]
    entity_id: Field<Issuer>,
    /// Where answers go (HTTP-POST), whatever a request says: https; http on this machine.
    #[serde(default)]
    #[schema(value_type = String, max_length = 2000, required)]
    acs_url: Field<PageUri>,
    /// Further addresses that a request may name.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 9)]
    other_acs_urls: Field<Others>,
    /// Where it takes answers to its logout requests (HTTP-Redirect); with `request_certificate`.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    slo_url: Field<PageUri>,
    /// `persistent` (default): a name made for this service; `emailAddress`: the address, of whom has proven it, and nobody else; `unspecified`: `sub` as in OpenID Connect.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    name_id_format: Field<NameIdFormat>,
    /// Under which names the service is told `sub`, `email`, `name` and `org_id`; what is not named is not told. Default: under these. An address that is not proven is not told.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    attribute_mapping: Field<SamlAttributes>,
    /// Assertions are always signed: true, or left out.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    sign_assertions: Field<bool>,
    /// Whether the response is signed as well. Default: false.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    sign_response: Field<bool>,
    /// Whether people may open the service from here, at `login_url`, without a request of its. Default: false.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    idp_initiated: Field<bool>,
    /// Encrypts assertions for the key of this certificate (RSA), in PEM or base64.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    encryption_certificate: Field<Written>,
    /// What signs the service's requests, in PEM or base64; with it, only signed ones are taken.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    request_certificate: Field<Written>,
}

impl SetServiceSamlRequest {
    fn parse(self) -> Result<(SamlSettings, WrittenCertificates)> {
        let (
            enabled,
            entity_id,
            acs_url,
            others,
            slo_url,
            format,
            attributes,
            signs,
            sign_response,
            idp_initiated,
            for_key,
            by_key,
        ) = all((
            self.enabled.required("enabled"),
            self.entity_id.required("entity_id"),
            self.acs_url.required("acs_url"),
            self.other_acs_urls.optional("other_acs_urls"),
            self.slo_url.optional("slo_url"),
            self.name_id_format.optional("name_id_format"),
            self.attribute_mapping.optional("attribute_mapping"),
            self.sign_assertions.optional("sign_assertions"),
            self.sign_response.optional("sign_response"),
            self.idp_initiated.optional("idp_initiated"),
            self.encryption_certificate.optional("encryption_certificate"),
            self.request_certificate.optional("request_certificate"),
        ))?;
        if signs == Some(false) {
            return Err(Error::field("sign_assertions", "must_sign", "Assertions are always signed. Leave this out."));
        }
        let settings = SamlSettings {
            enabled,
            entity_id,
            acs_urls: std::iter::once(acs_url).chain(others.map(|others| others.0).unwrap_or_default()).collect(),
            slo_url,
            name_id_format: format.unwrap_or_default(),
            attributes: attributes.unwrap_or_default(),
            sign_response: sign_response.unwrap_or_default(),
            idp_initiated: idp_initiated.unwrap_or_default(),
            encryption_certificate: None,
            request_certificate: None,
        };
        let written = WrittenCertificates { encryption: for_key.map(|one| one.0), request: by_key.map(|one| one.0) };
        Ok((settings, written))
    }
}

/// Let a service take SAML, by these settings and no others.
#[utoipa::path(
    operation_id = "services.saml.set",
    request_body = SetServiceSamlRequest,
    responses((status = 200, body = SetServiceSamlResponse)),
)]
#[post("/services/{service_slug}/saml")]
async fn set(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath<ServiceSlug>>,
    body: Body<SetServiceSamlRequest>,
) -> ApiResult<web::Json<SetServiceSamlResponse>> {
    let wanted = body.value.parse()?;
    who.once("services.saml.set", &body.raw);
    let saml = app.set_service_saml(&who.caller, &who.path.org, &who.path.id, wanted).await?;
    let message = if saml.settings.enabled { "The service takes SAML." } else { "It is kept, and switched off." };
    Ok(web::Json(SetServiceSamlResponse { success: true, message }))
}

/// How a service takes SAML.
#[utoipa::path(
    operation_id = "services.saml.get",
    responses((status = 200, body = ServiceSamlResponse)),
)]
#[get("/services/{service_slug}/saml")]
async fn get(app: web::Data<App>, who: SignedIn<OrgPath<ServiceSlug>>) -> ApiResult<web::Json<ServiceSamlResponse>> {
    let saml = app.get_service_saml(&who.caller, &who.path.org, &who.path.id).await?;
    let us = app.identity_provider(saml.org_id, &who.path.id);
    Ok(web::Json(ServiceSamlResponse::of(saml, us)))
}

/// Take SAML from a service for good, with its keys and the names that it knew people by. To stop it for a while, set `enabled` to false.
#[utoipa::path(operation_id = "services.saml.delete", responses(Done))]
#[delete("/services/{service_slug}/saml")]
async fn delete(app: web::Data<App>, who: SignedIn<OrgPath<ServiceSlug>>) -> ApiResult<Done> {
    app.delete_service_saml(&who.caller, &who.path.org, &who.path.id).await?;
    Ok(Done)
}

fn shown(all: SigningCertificates, signing_first: bool) -> Result<web::Json<SigningCertificateResponse>> {
    SigningCertificateResponse::of(all, signing_first).map(web::Json).ok_or_else(|| Error::not_found("certificate"))
}

/// The certificate with which we sign for a service, and the other one that is published beside it.
#[utoipa::path(
    operation_id = "services.saml.getCertificate",
    responses((status = 200, body = SigningCertificateResponse)),
)]
#[get("/services/{service_slug}/saml/certificate")]
async fn certificates(
    app: web::Data<App>,
    who: SignedIn<OrgPath<ServiceSlug>>,
) -> ApiResult<web::Json<SigningCertificateResponse>> {
    Ok(shown(app.saml_certificates(&who.caller, &who.path.org, &who.path.id).await?, true)?)
}

/// When a new certificate signs.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"signs_in_seconds": 604_800}))]
struct RotateSamlCertificateRequest {
    /// For how long the new one is published before it signs: a week if left out, at most 90 days; 0: it signs at once.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 7_776_000)]
    signs_in_seconds: Field<i64>,
}

/// Make another certificate of a service, and answer it. The one that signs stays published beside it until the overlap is ended.
#[utoipa::path(
    operation_id = "services.saml.createCertificate",
    request_body = RotateSamlCertificateRequest,
    responses((status = 200, body = SigningCertificateResponse)),
)]
#[post("/services/{service_slug}/saml/certificate")]
async fn rotate(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath<ServiceSlug>>,
    body: Body<RotateSamlCertificateRequest>,
) -> ApiResult<web::Json<SigningCertificateResponse>> {
    let (notice,) = all((body.value.signs_in_seconds.optional("signs_in_seconds"),))?;
    who.once("services.saml.createCertificate", &body.raw);
    let all = app.rotate_saml_certificate(&who.caller, &who.path.org, &who.path.id, notice).await?;
    // The new one is the last that was made.
    let is_signing = all.signing + 1 == all.all.len();
    Ok(shown(all, is_signing)?)
}

/// End the overlap of two certificates: the newest signs from now on, and alone.
#[utoipa::path(operation_id = "services.saml.endOverlap", responses(Done))]
#[delete("/services/{service_slug}/saml/certificate/overlap")]
async fn end_overlap(app: web::Data<App>, who: SignedIn<OrgPath<ServiceSlug>>) -> ApiResult<Done> {
    app.end_saml_overlap(&who.caller, &who.path.org, &who.path.id).await?;
    Ok(Done)
}

/// Where people open the service from here, without a request of its (`idp_initiated`).
#[utoipa::path(
    operation_id = "services.saml.getLogin",
    responses((status = 200, body = SamlLoginResponse)),
)]
#[get("/services/{service_slug}/saml/login")]
async fn login(app: web::Data<App>, who: SignedIn<OrgPath<ServiceSlug>>) -> ApiResult<web::Json<SamlLoginResponse>> {
    let saml = app.get_service_saml(&who.caller, &who.path.org, &who.path.id).await?;
    let login_url = app.identity_provider(saml.org_id, &who.path.id).begin;
    Ok(web::Json(SamlLoginResponse { login_url, idp_initiated: saml.settings.idp_initiated }))
}

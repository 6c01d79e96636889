//! How a service's SAML is shown.

use app::applications::service_saml::{IdentityProvider, SigningCertificates};
use domain::applications::service_saml::{SamlAttributes, ServiceSaml, SigningCertificate};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::wire::time;

/// That it is done.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "The service takes SAML."}))]
pub(super) struct SetServiceSamlResponse {
    pub(super) success: bool,
    pub(super) message: &'static str,
}

/// How a service takes SAML, and what it has to know of us.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"enabled": true, "entity_id": "https://portal.example.com/saml/metadata", "acs_url": "https://portal.example.com/saml/acs", "other_acs_urls": [], "name_id_format": "persistent", "attribute_mapping": {"email": "mail", "sub": "uid"}, "sign_assertions": true, "sign_response": true, "idp_initiated": false, "idp_entity_id": "https://sso.example.com/saml/org_019ab2c3d4e57f008000000000000001/portal/metadata", "metadata_url": "https://sso.example.com/saml/org_019ab2c3d4e57f008000000000000001/portal/metadata", "idp_sso_url": "https://sso.example.com/saml/org_019ab2c3d4e57f008000000000000001/portal/sso", "idp_slo_url": "https://sso.example.com/saml/org_019ab2c3d4e57f008000000000000001/portal/slo", "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub(super) struct ServiceSamlResponse {
    enabled: bool,
    entity_id: String,
    acs_url: String,
    other_acs_urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slo_url: Option<String>,
    name_id_format: &'static str,
    #[schema(value_type = Object)]
    attribute_mapping: SamlAttributes,
    /// Always.
    sign_assertions: bool,
    sign_response: bool,
    idp_initiated: bool,
    /// In base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_certificate: Option<String>,
    /// In base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_certificate: Option<String>,
    /// Who we are to the service.
    idp_entity_id: String,
    /// Says the rest, with the certificates.
    metadata_url: String,
    /// Where its requests go.
    idp_sso_url: String,
    /// Where its logout requests go.
    idp_slo_url: String,
    created_at: String,
    updated_at: String,
}

impl ServiceSamlResponse {
    pub(super) fn of(saml: ServiceSaml, us: IdentityProvider) -> Self {
        let s = saml.settings;
        let mut urls = s.acs_urls.into_iter().map(String::from);
        Self {
            enabled: s.enabled,
            entity_id: s.entity_id.as_str().to_owned(),
            acs_url: urls.next().unwrap_or_default(),
            other_acs_urls: urls.collect(),
            slo_url: s.slo_url.map(String::from),
            name_id_format: s.name_id_format.as_str(),
            attribute_mapping: s.attributes,
            sign_assertions: true,
            sign_response: s.sign_response,
            idp_initiated: s.idp_initiated,
            encryption_certificate: s.encryption_certificate,
            request_certificate: s.request_certificate,
            metadata_url: us.entity_id.clone(),
            idp_entity_id: us.entity_id,
            idp_sso_url: us.sso,
            idp_slo_url: us.slo,
            created_at: time(saml.created_at),
            updated_at: time(saml.updated_at),
        }
    }
}

/// A certificate with which we sign for a service.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"public_key": "-----BEGIN CERTIFICATE-----\nMIID…\n-----END CERTIFICATE-----\n", "valid_from": "2026-11-23T00:00:00.000000Z", "valid_until": "2036-11-23T00:00:00.000000Z", "is_active": true, "created_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub(super) struct SigningCertificateResponse {
    /// The certificate, in PEM.
    public_key: String,
    valid_from: String,
    valid_until: String,
    /// Whether it signs now.
    is_active: bool,
    /// From when on it signs, if it does not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    signs_from: Option<String>,
    created_at: String,
    /// The other one that is published beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    overlap: Option<Box<SigningCertificateResponse>>,
}

impl SigningCertificateResponse {
    pub(super) fn of(all: SigningCertificates, signing_first: bool) -> Option<Self> {
        let signing = all.all.get(all.signing)?.id;
        let (mut first, mut rest): (Vec<_>, Vec<_>) = all.all.into_iter().partition(|one| (one.id == signing) == signing_first);
        // Of one alone there is nothing to choose.
        let shown = first.pop().or_else(|| rest.pop())?;
        let overlap = rest.pop().map(|one| Box::new(Self::one(&one, one.id == signing)));
        Some(Self { overlap, ..Self::one(&shown, shown.id == signing) })
    }
    fn one(certificate: &SigningCertificate, is_active: bool) -> Self {
        let lines: Vec<&str> = certificate.der.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        Self {
            public_key: format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n")),
            valid_from: time(certificate.valid_from),
            valid_until: time(certificate.valid_until),
            is_active,
            signs_from: (!is_active).then(|| time(certificate.signs_from)),
            created_at: time(certificate.created_at),
            overlap: None,
        }
    }
}

/// Where people open the service from here.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"login_url": "https://sso.example.com/saml/org_019ab2c3d4e57f008000000000000001/portal/authenticate", "idp_initiated": true}))]
pub(super) struct SamlLoginResponse {
    /// An address for browsers; `RelayState` in its query is brought to the service.
    pub(super) login_url: String,
    /// Whether the service takes that.
    pub(super) idp_initiated: bool,
}

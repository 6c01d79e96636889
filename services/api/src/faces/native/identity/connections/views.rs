//! What is shown of a connection: never its secret.

use app::identity::connections::{ConnectionView, Outcome, Tried};
use domain::{
    Time,
    identity::connections::{Protocol, certificates::Certificate, mapping::Attributes, readiness::Finding},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::wire::time;

/// A connection to an identity provider.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "con_019ab2c3d4e57f00800000000000000b", "org_id": "org_019ab2c3d4e57f008000000000000001", "connection_id": "okta", "name": "Okta", "provider_type": "oidc", "callback_url": "https://sso.example.com/auth/c/con_019ab2c3d4e57f00800000000000000b/callback", "enabled": true, "client_id": "0oa1b2c3d4", "has_secret": true, "discovery_url": "https://acme.okta.com/.well-known/openid-configuration", "created_at": "2026-11-23T08:00:00.000000Z", "updated_at": "2026-11-23T08:00:00.000000Z", "ready": true, "findings": [], "jit": false, "attribute_mapping": {"groups": "groups"}, "role_mapping": [{"group": "Engineering", "role": "engineer", "awake": true}], "generation": 1, "document": {"issuer": "https://acme.okta.com", "fetched_at": "2026-11-23T08:00:00.000000Z", "keys": 2}}))]
pub(super) struct UpstreamProviderResponse {
    id: String,
    org_id: String,
    /// Its name in sign-in requests.
    connection_id: String,
    name: String,
    /// `oidc`, `oauth2` or `saml`.
    provider_type: &'static str,
    /// Where the provider sends people back to: the redirect URI to register there (OpenID Connect, OAuth 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<String>,
    /// Where the provider sends its responses, by POST (SAML).
    #[serde(skip_serializing_if = "Option::is_none")]
    acs_url: Option<String>,
    /// Who we are to the provider: its audience (SAML).
    #[serde(skip_serializing_if = "Option::is_none")]
    sp_entity_id: Option<String>,
    /// Where our metadata is, which says the same, with our certificates (SAML).
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata_url: Option<String>,
    /// Whether assertions are decrypted by AES-CBC where no signature covers that (SAML).
    #[serde(skip_serializing_if = "Option::is_none")]
    saml_unauthenticated_cbc: Option<bool>,
    /// The client at which a sign-in begins when the provider sends a response that nobody asked for (SAML).
    #[serde(skip_serializing_if = "Option::is_none")]
    saml_default_client_id: Option<String>,
    /// Whether people may sign in through it, once it is ready.
    enabled: bool,
    client_id: String,
    has_secret: bool,
    /// As it was written down; what the provider publishes is in `document`.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    userinfo_url: Option<String>,
    /// Of SAML its metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    discovery_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<String>,
    /// As it was sent. We do not read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
    created_at: String,
    updated_at: String,
    /// Whether nothing is missing.
    ready: bool,
    /// What is missing, and what should be looked at.
    findings: Vec<FindingResponse>,
    /// Whether whoever signs in through it, and is no member, becomes one.
    jit: bool,
    attribute_mapping: AttributeMapping,
    role_mapping: Vec<RoleMappingResponse>,
    /// Counts changes of whom it speaks for.
    generation: i64,
    /// What the provider published.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<DocumentResponse>,
    /// What verifies the provider's signatures (SAML).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<CertificateResponse>,
}

/// Something to know of a connection.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"code": "no_certificate", "message": "There is no certificate that verifies signatures now. Upload metadata or a certificate.", "stops": true}))]
struct FindingResponse {
    /// Stable, for programs.
    code: &'static str,
    /// What to do.
    message: &'static str,
    /// Whether nobody can sign in until it is mended.
    stops: bool,
}

impl From<Finding> for FindingResponse {
    fn from(Finding { code, hint, stops }: Finding) -> Self {
        Self { code, message: hint, stops }
    }
}

/// Which claim, or SAML attribute, holds what; what is not named is where the protocol has it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"email": "mail", "groups": "memberOf"}))]
pub(super) struct AttributeMapping {
    /// Who somebody is, for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<String>,
}

impl From<Attributes> for AttributeMapping {
    fn from(a: Attributes) -> Self {
        let text = |name: Option<domain::identity::connections::mapping::ClaimName>| name.map(|name| name.as_str().to_owned());
        Self { subject: text(a.subject), email: text(a.email), name: text(a.name), groups: text(a.groups) }
    }
}

/// Whoever is in a group has a role beside their own.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"group": "Engineering", "role": "engineer", "awake": true}))]
struct RoleMappingResponse {
    group: String,
    role: String,
    /// Whether it is given: it exists, and is within what whoever last changed whom the connection speaks for holds. Somebody who holds
    /// every role that is mapped wakes them by sending `role_mapping` again.
    awake: bool,
}

/// What the provider published.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"issuer": "https://acme.okta.com", "fetched_at": "2026-11-23T08:00:00.000000Z", "keys": 2}))]
struct DocumentResponse {
    /// Who it says that it is.
    issuer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_url: Option<String>,
    /// When it last came.
    #[serde(skip_serializing_if = "Option::is_none")]
    fetched_at: Option<String>,
    /// Keys that can verify its signatures (OpenID Connect).
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<usize>,
}

/// A certificate that verifies signatures.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"sha256": "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0", "subject": "CN=idp.acme.com", "not_before": "2026-01-01T00:00:00.000000Z", "not_after": "2027-01-01T00:00:00.000000Z", "state": "current"}))]
struct CertificateResponse {
    /// Of its DER, in hex.
    sha256: String,
    subject: String,
    not_before: String,
    not_after: String,
    /// `next`, `current` or `retired`.
    state: &'static str,
}

impl CertificateResponse {
    fn of(certificate: Certificate, now: Time) -> Self {
        Self {
            state: certificate.state(now).as_str(),
            sha256: certificate.sha256,
            subject: certificate.subject,
            not_before: time(certificate.not_before),
            not_after: time(certificate.not_after),
        }
    }
}

impl UpstreamProviderResponse {
    pub(super) fn of(
        ConnectionView { connection: c, awake, callback_url, service_provider: us }: ConnectionView,
        now: Time,
    ) -> Self {
        let is_saml = c.protocol == Protocol::Saml;
        let (ready, findings) = (c.is_ready(now), c.findings(now));
        let keys = c.documents.keys.content.as_ref().map(|keys| keys.count());
        let configuration = c.documents.configuration;
        let document = configuration.content.map(|document| DocumentResponse {
            issuer: document.issuer().as_str().to_owned(),
            authorization_url: document.authorization().map(|url| url.as_str().to_owned()),
            fetched_at: configuration.fetched_at.map(time),
            keys: keys.filter(|_| c.protocol == Protocol::Oidc),
        });
        let url = |url: Option<domain::identity::connections::ProviderUrl>| url.map(Into::into);
        let roles = c.mapping.roles.into_iter().zip(awake).map(|(mapping, awake)| RoleMappingResponse {
            group: mapping.group.as_str().to_owned(),
            role: mapping.role.into_string(),
            awake,
        });
        Self {
            callback_url: (!is_saml).then_some(callback_url),
            acs_url: is_saml.then_some(us.acs),
            sp_entity_id: is_saml.then(|| us.entity_id.clone()),
            metadata_url: is_saml.then_some(us.entity_id),
            saml_unauthenticated_cbc: is_saml.then_some(c.saml.unauthenticated_cbc),
            saml_default_client_id: c.saml.default_client,
            id: c.id.to_string(),
            org_id: c.org_id.to_string(),
            connection_id: c.slug.as_str().to_owned(),
            name: c.name.into_string(),
            provider_type: c.protocol.as_str(),
            enabled: c.enabled,
            client_id: c.client_id.as_str().to_owned(),
            has_secret: c.has_secret,
            issuer: c.endpoints.issuer.map(|issuer| issuer.as_str().to_owned()),
            authorization_url: url(c.endpoints.authorization),
            token_url: url(c.endpoints.token),
            userinfo_url: url(c.endpoints.userinfo),
            discovery_url: url(c.endpoints.discovery),
            scopes: c.scopes.map(|scopes| scopes.as_str().to_owned()),
            metadata: c.notes.map(|notes| notes.json()),
            created_at: time(c.created_at),
            updated_at: time(c.updated_at),
            ready,
            findings: findings.into_iter().map(Into::into).collect(),
            jit: c.jit,
            attribute_mapping: c.mapping.attributes.into(),
            role_mapping: roles.collect(),
            generation: c.generation,
            document,
            certificates: c.certificates.into_iter().map(|certificate| CertificateResponse::of(certificate, now)).collect(),
        }
    }
}

/// It is gone.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true}))]
pub(super) struct DeletedProviderResponse {
    pub(super) success: bool,
}

/// How a test went.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": false, "checks": [{"check": "document", "status": "passed"}, {"check": "keys", "status": "passed"}, {"check": "certificate", "status": "skipped"}, {"check": "endpoints", "status": "passed"}, {"check": "client", "status": "failed", "hint": "The provider refuses the client id or the client secret."}]}))]
pub(super) struct ConnectionTestResponse {
    /// Whether nothing failed.
    success: bool,
    checks: Vec<CheckResponse>,
}

/// One thing that has to be right.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"check": "client", "status": "failed", "hint": "The provider refuses the client id or the client secret."}))]
struct CheckResponse {
    /// `document`, `keys`, `certificate`, `endpoints` or `client`.
    check: &'static str,
    /// `passed`, `failed`, or `skipped`: there was nothing to look at.
    status: &'static str,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

impl From<Tried> for ConnectionTestResponse {
    fn from(tried: Tried) -> Self {
        let success = tried.failed().next().is_none();
        let checks = tried.checks.into_iter().map(|check| {
            let (status, hint) = match check.outcome {
                Outcome::Passed => ("passed", None),
                Outcome::Failed(hint) => ("failed", Some(hint)),
                Outcome::Skipped => ("skipped", None),
            };
            CheckResponse { check: check.name, status, hint }
        });
        Self { success, checks: checks.collect() }
    }
}

/// Where a connection is tried.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"test_url": "https://sso.example.com/try/019ab2c3d4e57f0080000000000000c1"}))]
pub(super) struct TestSignInResponse {
    /// Where the browser is sent.
    pub(super) test_url: String,
}

//! Domains of organizations: what both kinds have in common. The organization's host and the domains of its people's addresses are in the
//! files beside this one.

mod front;
mod host;
mod sign_in;

use app::tenancy::domains::Verification;
use domain::{
    DomainId,
    tenancy::domains::{Challenge, DomainName},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{operations::Routes, path::PathId, wire::Field};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.of(host::routes).of(sign_in::routes).of(front::routes);
}

impl PathId for DomainId {
    const NOUN: &'static str = "domain";
}

/// A domain that is claimed.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"domain": "auth.acme.com"}))]
struct DomainRequest {
    /// Its name alone. An international one is kept in its ASCII form.
    #[serde(default)]
    #[schema(value_type = String, max_length = 200, required)]
    domain: Field<DomainName>,
}

/// A way to prove a domain.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"method": "DNS TXT Record", "instructions": "Add this TXT record to the DNS of the domain.", "record_type": "TXT", "record_name": "_sso-verification.auth.acme.com", "record_value": "3f0c9f6e-7d0a-4b5e-9a51-0f6f7f3b2c11"}))]
struct VerificationMethod {
    /// `DNS TXT Record` or `HTTP File`.
    method: &'static str,
    /// For people.
    instructions: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    record_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record_name: Option<String>,
    record_value: String,
}

/// The ways to meet a challenge, any of which will do.
fn methods(challenge: &Challenge) -> Vec<VerificationMethod> {
    let token = &challenge.token;
    let dns = VerificationMethod {
        method: "DNS TXT Record",
        instructions: format!("Add a TXT record named {} with the value {token}, and leave it there.", challenge.record),
        record_type: Some("TXT"),
        record_name: Some(challenge.record.clone()),
        record_value: token.clone(),
    };
    let file = challenge.by_file.then(|| VerificationMethod {
        method: "HTTP File",
        instructions: format!("Serve {token} as plain text at {}, without a redirect, and leave it there.", challenge.file()),
        record_type: None,
        record_name: None,
        record_value: token.clone(),
    });
    [dns].into_iter().chain(file).collect()
}

/// What came of a verification.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"verified": false, "message": "There is no TXT record _sso-verification.auth.acme.com yet. http://auth.acme.com/.well-known/sso-verification.txt could not be fetched."}))]
struct VerificationResponse {
    /// Whether the domain counts as verified.
    verified: bool,
    /// For people: what was found.
    message: String,
}

impl From<Verification> for VerificationResponse {
    fn from(Verification { domain, told }: Verification) -> Self {
        Self { verified: domain.is_verified(), message: told }
    }
}

//! Discovery documents (OpenID Connect Discovery 1.0; RFC 8414 for OAuth 2). Only what we use is read, so that an odd value elsewhere, of
//! which there are many in the wild, does no harm.

use domain::identity::connections::{
    Issuer, ProviderUrl,
    documents::{Configuration, Discovery, Miss, Published},
};
use serde_json::Value;

/// What ID tokens may be signed with; never a shared secret, never nothing.
const ALGORITHMS: [&str; 10] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];

pub(super) fn read(text: &str, is_usable: &dyn Fn(&ProviderUrl) -> bool) -> Result<Published, Miss> {
    let all: Value = serde_json::from_str(text).map_err(|_| Miss::Unreadable)?;
    if !all.is_object() {
        return Err(Miss::Unreadable);
    }
    let address = |name: &str| -> Result<Option<ProviderUrl>, Miss> {
        let Some(text) = all[name].as_str().filter(|text| !text.is_empty()) else { return Ok(None) };
        let url = text.parse().map_err(|_| Miss::BadEndpoint)?;
        if is_usable(&url) { Ok(Some(url)) } else { Err(Miss::BadEndpoint) }
    };
    let needed = |name: &str| address(name)?.ok_or(Miss::Incomplete);
    let discovery = Discovery {
        issuer: issuer(&all)?,
        authorization_endpoint: needed("authorization_endpoint")?,
        token_endpoint: needed("token_endpoint")?,
        userinfo_endpoint: address("userinfo_endpoint")?,
        jwks_uri: needed("jwks_uri")?,
        end_session_endpoint: address("end_session_endpoint")?,
        id_token_algorithms: texts(&all["id_token_signing_alg_values_supported"], &|name| ALGORITHMS.contains(&name)),
        token_auth_methods: texts(&all["token_endpoint_auth_methods_supported"], &|name| name.len() <= 64),
        names_itself: all["authorization_response_iss_parameter_supported"] == true,
    };
    Ok(Published { configuration: Configuration::Discovery(Box::new(discovery)), certificates: Vec::new() })
}

fn issuer(all: &Value) -> Result<Issuer, Miss> {
    let issuer = all["issuer"].as_str().ok_or(Miss::Incomplete)?;
    // `https://login.example/{tenantid}/v2.0`: whoever signs in anywhere would be let in here.
    if issuer.contains(['{', '}']) {
        return Err(Miss::IssuerTemplate);
    }
    issuer.parse().map_err(|_| Miss::Unreadable)
}

/// At most 20 of them.
fn texts(list: &Value, fits: &dyn Fn(&str) -> bool) -> Vec<String> {
    let all = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    all.filter(|text| fits(text)).take(20).map(str::to_owned).collect()
}

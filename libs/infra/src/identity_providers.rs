//! What identity providers publish about themselves, read with suspicion: it comes from an address that a customer chose, and decides who
//! is let in. One file for each kind of document. Nothing of an answer is shown but which rule it broke (T35).

mod certificates;
mod discovery;
mod keys;
mod metadata;

use std::time::Duration;

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    BadValue,
    core::ports::IdentityProviders,
    identity::connections::{
        ClientIdentifier, ClientPassword, Protocol, ProviderUrl,
        certificates::Certificate,
        documents::{Keys, Miss, Published},
    },
};
use url::form_urlencoded;

use crate::egress::{Egress, EgressError, Incoming, Method, Outgoing};

/// Metadata of a provider with many services and certificates stays far below.
pub const LARGEST_DOCUMENT: usize = 512 * 1024;
/// Somebody may wait for it.
const PATIENCE: Duration = Duration::from_secs(10);

impl Egress {
    async fn document(&self, from: &ProviderUrl, accept: &str) -> Result<Vec<u8>, Miss> {
        let answer = self.ask(from, Method::GET, vec![("accept".to_owned(), accept.to_owned())], Vec::new()).await?;
        match answer {
            Incoming { status: 200, truncated: true, .. } => Err(Miss::TooLarge),
            Incoming { status: 200, body, .. } => Ok(body),
            _ => Err(Miss::BadStatus),
        }
    }

    async fn ask(
        &self,
        to: &ProviderUrl,
        method: Method,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> Result<Incoming, Miss> {
        let url = to.url().clone();
        let outgoing = Outgoing { method, url, headers, body, timeout: PATIENCE, max_response: LARGEST_DOCUMENT };
        self.send(outgoing).await.map_err(|e| match e {
            EgressError::NotAllowed(_) | EgressError::NoAddress => Miss::AddressNotAllowed,
            EgressError::Connect | EgressError::Tls | EgressError::Timeout | EgressError::Protocol => Miss::Unreachable,
        })
    }

    /// The rules about a document's own addresses: what may be called at all, or visited by a browser.
    fn is_usable(&self, url: &ProviderUrl) -> bool {
        let is_https = url.url().scheme() == "https";
        self.literal(url.url().host_str().unwrap_or_default(), is_https).is_ok()
    }
}

#[async_trait]
impl IdentityProviders for Egress {
    async fn fetch(&self, protocol: Protocol, from: &ProviderUrl) -> Result<Published, Miss> {
        let accept = match protocol {
            Protocol::Saml => "application/samlmetadata+xml, application/xml;q=0.9, text/xml;q=0.8",
            Protocol::Oidc | Protocol::Oauth2 => "application/json",
        };
        let bytes = self.document(from, accept).await?;
        IdentityProviders::read(self, protocol, std::str::from_utf8(&bytes).map_err(|_| Miss::Unreadable)?)
    }

    fn read(&self, protocol: Protocol, document: &str) -> Result<Published, Miss> {
        if document.len() > LARGEST_DOCUMENT {
            return Err(Miss::TooLarge);
        }
        match protocol {
            Protocol::Saml => metadata::read(document, &|url| self.is_usable(url)),
            Protocol::Oidc | Protocol::Oauth2 => discovery::read(document, &|url| self.is_usable(url)),
        }
    }

    async fn keys(&self, from: &ProviderUrl) -> Result<Keys, Miss> {
        keys::read(&self.document(from, "application/jwk-set+json, application/json").await?)
    }

    fn certificate(&self, text: &str) -> Result<Certificate, BadValue> {
        certificates::written(text)
    }

    async fn try_client(&self, token: &ProviderUrl, id: &ClientIdentifier, secret: &ClientPassword) -> Result<(), Miss> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", "test-of-the-connection")
            .append_pair("redirect_uri", "https://invalid.example/")
            .finish();
        // Both halves form-encoded first (RFC 6749, 2.3.1).
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let basic = STANDARD.encode(format!("{}:{}", encoded(id.as_str()), encoded(secret.expose())));
        let headers = [
            ("accept", "application/json".to_owned()),
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("authorization", format!("Basic {basic}")),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let answer = self.ask(token, Method::POST, headers, form.into_bytes()).await?;
        verdict(&answer)
    }
}

/// A code that nobody gave out is refused by whoever knows the client (`invalid_grant`), and the client by whoever does not.
fn verdict(answer: &Incoming) -> Result<(), Miss> {
    let error = serde_json::from_slice::<serde_json::Value>(&answer.body).ok();
    let error = error.as_ref().and_then(|body| body["error"].as_str());
    match (answer.status, error) {
        (_, Some("invalid_client" | "unauthorized_client")) | (401, _) => Err(Miss::ClientRefused),
        (400..=499, Some(_)) => Ok(()),
        _ => Err(Miss::Unreadable),
    }
}

#[cfg(test)]
mod tests;

//! A code becomes tokens.

use std::{pin::Pin, time::Duration};

use domain::identity::federation::{
    Bindings, ProviderTokens, RelyingParty,
    attempts::{Failure, Reason, Stage},
};
use infra::egress::{Egress, EgressError, Incoming, Method, Outgoing};
use openidconnect::{
    AsyncHttpClient, AuthorizationCode, HttpRequest, HttpResponse, OAuth2TokenResponse, PkceCodeVerifier, RequestTokenError,
    TokenResponse,
    core::{CoreErrorResponseType, CoreTokenResponse},
};

use super::client;

/// Somebody waits for it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Tokens of people in a thousand groups stay below.
const LARGEST: usize = 256 * 1024;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    /// No answer.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// More than fits, or cut off.
    #[error("the answer is too large, or did not arrive whole")]
    Large,
    /// Something in it is none.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// An address is none.
    #[error(transparent)]
    Url(#[from] url::ParseError),
}

/// The guarded client, as the crate wants one.
struct Guarded<'e>(&'e Egress);

impl<'c> AsyncHttpClient<'c> for Guarded<'_> {
    type Error = Lost;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Lost>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(send(self.0, request))
    }
}

pub(super) async fn send(egress: &Egress, request: HttpRequest) -> Result<HttpResponse, Lost> {
    let (parts, body) = request.into_parts();
    let headers =
        parts.headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    let outgoing = Outgoing {
        method: Method::from_bytes(parts.method.as_str().as_bytes()).unwrap_or(Method::POST),
        url: parts.uri.to_string().parse()?,
        headers: headers.collect(),
        body,
        timeout: PATIENCE,
        max_response: LARGEST,
    };
    let Incoming { status, headers, body, truncated, .. } = egress.send(outgoing).await?;
    if truncated {
        return Err(Lost::Large);
    }
    let mut response = http::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    Ok(response.body(body)?)
}

pub(super) async fn exchange(
    egress: &Egress,
    party: &RelyingParty<'_>,
    code: &str,
    bindings: &Bindings,
) -> Result<ProviderTokens, Failure> {
    let client = client(party, &party.connection.effective())?;
    let request = client.exchange_code(AuthorizationCode::new(code.to_owned()));
    let http = Guarded(egress);
    let answer: Result<CoreTokenResponse, _> =
        request.set_pkce_verifier(PkceCodeVerifier::new(bindings.verifier.clone())).request_async(&http).await;
    let failed = |reason| Failure::at(Stage::Tokens, reason);
    match answer {
        Ok(tokens) => Ok(ProviderTokens {
            access_token: tokens.access_token().secret().clone(),
            id_token: tokens.id_token().map(ToString::to_string),
        }),
        Err(RequestTokenError::ServerResponse(said)) => {
            let reason = match said.error() {
                CoreErrorResponseType::InvalidClient | CoreErrorResponseType::UnauthorizedClient => Reason::ClientRefused,
                _ => Reason::CodeRefused,
            };
            Err(Failure::with(Stage::Tokens, reason, &said.to_string()))
        }
        Err(RequestTokenError::Request(Lost::Egress(_) | Lost::Url(_) | Lost::Http(_))) => Err(failed(Reason::Unreachable)),
        Err(RequestTokenError::Request(Lost::Large)) => Err(failed(Reason::TokensUnreadable)),
        // The tokens can be read, and what is in the ID token cannot.
        Err(RequestTokenError::Parse(_, body)) if names_id_token(&body) => {
            Err(Failure::at(Stage::IdToken, Reason::IdTokenUnreadable))
        }
        Err(RequestTokenError::Parse(..) | RequestTokenError::Other(_)) => Err(failed(Reason::TokensUnreadable)),
    }
}

fn names_id_token(body: &[u8]) -> bool {
    let answer = serde_json::from_slice::<serde_json::Value>(body).unwrap_or_default();
    answer["access_token"].is_string() && answer["id_token"].is_string()
}

//! OpenID Connect and OAuth 2 with an organization's identity provider: where a browser is sent, what a code is exchanged for, and what the answers say.
//!
//! The protocol is the openidconnect crate's. What it leaves to its caller is done here: which algorithms count (never a shared secret, never none), some
//! leeway for clocks, when a token was issued, whose `azp` is, and what answers may weigh ([`verify`]).

mod exchange;
mod userinfo;
mod verify;

use async_trait::async_trait;
use domain::{
    core::ports::Upstreams,
    identity::{
        connections::{Endpoints, Protocol, ProviderUrl, documents::Configuration},
        federation::{
            Bindings, Expected, ProviderTokens, RelyingParty, Sending,
            asserted::Claims,
            attempts::{Failure, Reason, Stage},
        },
    },
};
use infra::egress::Egress;
use openidconnect::{
    AuthType, AuthUrl, AuthenticationFlow, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet, IssuerUrl,
    JsonWebKeySet, LoginHint, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenUrl,
    core::{CoreAuthPrompt, CoreClient, CoreResponseType},
};

/// The scopes that are asked for where the connection names none.
const USUAL_SCOPES: &str = "openid email profile";

/// Identity providers, reached through the guarded client.
#[derive(Clone)]
pub struct IdentityProviders {
    egress: Egress,
}

impl IdentityProviders {
    /// With the client that may reach them.
    pub fn new(egress: Egress) -> Self {
        Self { egress }
    }
}

/// A client with everything set that a code needs.
type ReadyClient = CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet, EndpointNotSet>;

const fn incomplete() -> Failure {
    Failure::at(Stage::Connection, Reason::ConnectionDisabled)
}

fn client(party: &RelyingParty<'_>, at: &Endpoints) -> Result<ReadyClient, Failure> {
    let url = |url: &Option<ProviderUrl>| url.as_ref().map(|url| url.as_str().to_owned()).ok_or_else(incomplete);
    // OAuth 2 has no issuer, and nothing that names it is verified.
    let issuer = match &at.issuer {
        Some(issuer) => issuer.as_str().to_owned(),
        None if party.connection.protocol == Protocol::Oauth2 => url(&at.authorization)?,
        None => return Err(incomplete()),
    };
    let id = ClientId::new(party.connection.client_id.as_str().to_owned());
    let issuer = IssuerUrl::new(issuer).map_err(|_| incomplete())?;
    let mut client = CoreClient::new(id, issuer, JsonWebKeySet::new(Vec::new()))
        .set_auth_uri(AuthUrl::new(url(&at.authorization)?).map_err(|_| incomplete())?)
        .set_token_uri(TokenUrl::new(url(&at.token)?).map_err(|_| incomplete())?)
        .set_redirect_uri(RedirectUrl::new(party.redirect_uri.to_owned()).map_err(|_| incomplete())?);
    if let Some(secret) = party.secret {
        client = client.set_client_secret(ClientSecret::new(secret.expose().to_owned()));
    }
    if says_post_only(party) {
        client = client.set_auth_type(AuthType::RequestBody);
    }
    Ok(client)
}

/// Whether the provider takes the client's secret in the body only. By default it is a header (RFC 6749, 2.3.1).
fn says_post_only(party: &RelyingParty<'_>) -> bool {
    let Some(Configuration::Discovery(discovery)) = &party.connection.documents.configuration.content else { return false };
    let takes = |method: &str| discovery.token_auth_methods.iter().any(|one| one == method);
    takes("client_secret_post") && !takes("client_secret_basic")
}

#[async_trait]
impl Upstreams for IdentityProviders {
    fn authorization_url(&self, party: &RelyingParty<'_>, sending: &Sending<'_>) -> Result<String, Failure> {
        let (connection, bindings) = (party.connection, sending.bindings);
        let is_oidc = connection.protocol == Protocol::Oidc;
        let client = client(party, &connection.effective())?.disable_openid_scope();
        let (state, nonce) = (CsrfToken::new(bindings.state.clone()), Nonce::new(bindings.nonce.clone()));
        let verifier = PkceCodeVerifier::new(bindings.verifier.clone());
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let mut request = client
            .authorize_url(flow, move || state, move || nonce)
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        let scopes = connection.scopes.as_ref().map(|scopes| scopes.as_str());
        let usual = if is_oidc { USUAL_SCOPES } else { "" };
        for scope in scopes.unwrap_or(usual).split(' ').filter(|scope| !scope.is_empty()) {
            request = request.add_scope(Scope::new(scope.to_owned()));
        }
        if is_oidc && scopes.is_some_and(|scopes| scopes.split(' ').all(|scope| scope != "openid")) {
            request = request.add_scope(Scope::new("openid".to_owned()));
        }
        if let Some(hint) = sending.login_hint {
            request = request.set_login_hint(LoginHint::new(hint.to_owned()));
        }
        if sending.fresh {
            // Some heed the one, and some the other.
            request = request.add_prompt(CoreAuthPrompt::Login).set_max_age(std::time::Duration::ZERO);
        }
        Ok(request.url().0.into())
    }

    async fn exchange(&self, party: &RelyingParty<'_>, code: &str, bindings: &Bindings) -> Result<ProviderTokens, Failure> {
        exchange::exchange(&self.egress, party, code, bindings).await
    }

    fn verify(&self, party: &RelyingParty<'_>, tokens: &ProviderTokens, expected: &Expected<'_>) -> Result<Claims, Failure> {
        verify::verify(party, tokens, expected)
    }

    async fn userinfo(
        &self,
        party: &RelyingParty<'_>,
        tokens: &ProviderTokens,
        subject: Option<&str>,
    ) -> Result<Claims, Failure> {
        userinfo::ask(&self.egress, party, tokens, subject).await
    }
}

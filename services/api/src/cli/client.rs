//! `tenantry-api client create`: a client of the platform, for whoever may run programs on the server: the first one, before anybody has signed in.

use clap::Subcommand;
use domain::{
    Error, Result,
    applications::{
        clients::{ApplicationType, AuthMethod, ClientKeys, SignInSettings},
        token_claims::TokenClaims,
        uris::RedirectUri,
    },
    core::value::Name,
};
use infra::config::Config;
use runtime::Sources;

use super::{attach, say::say};
use app::applications::platform_clients::NewClient;

#[derive(Subcommand)]
pub(super) enum ClientCommand {
    /// Make an OAuth client of the platform, and print its id and secret, this once. It may do nothing until a platform owner grants it something.
    Create {
        /// Its name, for people.
        #[arg(long)]
        name: String,
        /// A file with its public keys (a JWK Set). It then signs (private_key_jwt) and has no secret.
        #[arg(long, value_name = "FILE")]
        jwks: Option<std::path::PathBuf>,
        /// A program in people's hands: it has no secret, and gets no tokens for itself.
        #[arg(long, conflicts_with = "jwks")]
        public: bool,
        /// It is installed, and gets its port from the system each time it starts.
        #[arg(long)]
        native: bool,
        /// Where sign-ins may come back to; several times for several.
        #[arg(long, value_name = "URI")]
        redirect_uri: Vec<String>,
        /// Where browsers may go after people have signed out; several times for several.
        #[arg(long, value_name = "URI")]
        post_logout_redirect_uri: Vec<String>,
        /// deny, allow or require: whether people sign in to an organization there.
        #[arg(long, default_value = "allow")]
        organizations: String,
        /// People sign in for devices of it that have no browser.
        #[arg(long)]
        devices: bool,
        /// What its ID tokens tell of whoever signs in to an organization, as NAME=FACT; several times for several. A name is a URL; facts are org_roles,
        /// org_permissions, org_name and org_display_name.
        #[arg(long, value_name = "NAME=FACT")]
        claim: Vec<String>,
    },
}

pub(super) async fn run(command: &ClientCommand, config: &Config) -> Result<()> {
    let ClientCommand::Create {
        name,
        jwks,
        public,
        native,
        redirect_uri,
        post_logout_redirect_uri,
        organizations,
        devices,
        claim,
    } = command;
    let bad = |field: &'static str, message: String| Error::field(field, "bad_value", message);
    let name: Name = name.parse().map_err(|e: domain::BadValue| bad("--name", e.to_string()))?;
    let keys = jwks.as_ref().map(|file| keys(file).map_err(|message| bad("--jwks", message))).transpose()?;
    let auth_method = match (&keys, public) {
        (Some(_), _) => AuthMethod::PrivateKeyJwt,
        (None, true) => AuthMethod::None,
        (None, false) => AuthMethod::ClientSecret,
    };
    let uris = |field: &'static str, uris: &[String]| -> Result<Vec<RedirectUri>> {
        uris.iter().map(|uri| uri.parse().map_err(|e: domain::BadValue| bad(field, e.to_string()))).collect()
    };
    let usage = organizations.parse().map_err(|e: domain::BadValue| bad("--organizations", e.to_string()))?;
    let sign_in = SignInSettings {
        application_type: if *native { ApplicationType::Native } else { ApplicationType::Web },
        redirect_uris: uris("--redirect-uri", redirect_uri)?,
        post_logout_redirect_uris: uris("--post-logout-redirect-uri", post_logout_redirect_uri)?,
        organization_usage: usage,
        device_flow: *devices,
        claims: claims(claim).map_err(|message| bad("--claim", message))?,
        ..SignInSettings::default()
    };
    let assembled = attach(config, Sources::system()).await?;
    let made = assembled.shared.app.create_client_here(&NewClient { name, auth_method, keys, sign_in }).await?;
    say!("Client {} ({}).", made.client.name, made.client.id);
    say!("  client_id      {}", made.client.client_id);
    match made.secret {
        Some(secret) => say!("  client_secret  {secret} (shown this once)"),
        None if *public => say!("  it has no secret"),
        None => say!("  it signs with its own keys"),
    }
    Ok(())
}

fn claims(all: &[String]) -> Result<TokenClaims, String> {
    let pairs: Option<serde_json::Map<_, _>> =
        all.iter().map(|one| one.rsplit_once('=').map(|(name, fact)| (name.to_owned(), fact.into()))).collect();
    TokenClaims::parse(&pairs.ok_or("Use NAME=FACT.")?.into()).map_err(|e| e.to_string())
}

fn keys(file: &std::path::Path) -> Result<ClientKeys, String> {
    let text = std::fs::read_to_string(file).map_err(|e| e.to_string())?;
    let set = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    ClientKeys::parse(&set).map_err(|e| e.to_string())
}

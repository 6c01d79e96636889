//! `tenantry-api client create`: a client of the platform, for whoever may run programs on the server: the first one, before anybody has signed in.

use clap::Subcommand;
use domain::{
    Error, Result,
    applications::clients::{AuthMethod, ClientKeys},
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
    },
}

pub(super) async fn run(command: &ClientCommand, config: &Config) -> Result<()> {
    let ClientCommand::Create { name, jwks } = command;
    let bad = |field: &'static str, message: String| Error::field(field, "bad_value", message);
    let name: Name = name.parse().map_err(|e: domain::BadValue| bad("--name", e.to_string()))?;
    let keys = jwks.as_ref().map(|file| keys(file).map_err(|message| bad("--jwks", message))).transpose()?;
    let auth_method = if keys.is_some() { AuthMethod::PrivateKeyJwt } else { AuthMethod::ClientSecret };
    let assembled = attach(config, Sources::system()).await?;
    let made = assembled.shared.app.create_client_here(&NewClient { name, auth_method, keys }).await?;
    say!("Client {} ({}).", made.client.name, made.client.id);
    say!("  client_id      {}", made.client.client_id);
    match made.secret {
        Some(secret) => say!("  client_secret  {secret} (shown this once)"),
        None => say!("  it signs with its own keys"),
    }
    Ok(())
}

fn keys(file: &std::path::Path) -> Result<ClientKeys, String> {
    let text = std::fs::read_to_string(file).map_err(|e| e.to_string())?;
    let set = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    ClientKeys::parse(&set).map_err(|e| e.to_string())
}

//! The command line. What it prints is for people; errors say what to do and end with status 1.
//!
//! Only serving and `migrate` make what is not there; the other commands find it, and say which database they touch.

mod audit;
mod client;
mod owner;
mod say;

use std::{ffi::OsString, path::Path, process::ExitCode, time::Duration};

use actix_web::dev::ServerHandle;
use clap::{Parser, Subcommand};
use domain::{Error, Result};
use infra::config::{self, Config};
use runtime::{Role, Sources};
use tokio::signal::unix::{SignalKind, signal};

use self::say::say;
use crate::{
    boot,
    http::{draining, openapi, server},
};

/// The Tenantry API server. Without a command it serves.
#[derive(Parser)]
#[command(name = "tenantry-api", version)]
struct Cli {
    /// A configuration file; `tenantry-api config print` shows every key.
    // Not a path: that an empty one is refused would stop whoever sets the variable to nothing.
    #[arg(long, global = true, value_name = "FILE", env = "TENANTRY_CONFIG")]
    config: Option<OsString>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve (the default).
    Serve,
    /// Bring the database schema up to date, and exit. Serving does it too.
    Migrate,
    /// Print the OpenAPI document.
    Openapi,
    /// Look at the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Manage keys.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Help a platform owner who is locked out.
    Owner {
        #[command(subcommand)]
        command: owner::OwnerCommand,
    },
    /// OAuth clients of the platform.
    Client {
        #[command(subcommand)]
        command: client::ClientCommand,
    },
    /// Audit logs, offline: needs no configuration.
    Audit {
        #[command(subcommand)]
        command: audit::AuditCommand,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Say whether the configuration can be used, and what is wrong with it.
    Check,
    /// Print the default configuration, which documents every key.
    Print,
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Make new keys: every stored secret is sealed with a new data key (wrapped by the first master key), and a new signing key is
    /// published. Nothing stops working; run it beside live servers.
    Rotate,
    /// Make a new key for the checkpoints of audit logs. It signs from now on; the old ones stay published, for what they signed.
    RotateAudit,
}

/// Runs the command line.
pub fn main() -> ExitCode {
    runtime::files::only_ours();
    let cli = Cli::parse();
    match run(&cli) {
        Ok(code) => code,
        Err(text) => {
            say::error(format_args!("tenantry-api: {text}\n"));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes as text for people.
fn explain(e: &Error) -> String {
    let mut text = e.message.to_string();
    let mut next = std::error::Error::source(e);
    while let Some(source) = next {
        text.push_str(&format!("\n  because: {source}"));
        next = source.source();
    }
    text
}

fn run(cli: &Cli) -> Result<ExitCode, String> {
    match &cli.command {
        Some(Command::Openapi) => {
            say!("{}", openapi::document().to_pretty_json().map_err(|e| e.to_string())?);
            return Ok(ExitCode::SUCCESS);
        }
        Some(Command::Config { command: ConfigCommand::Print }) => {
            say::text(config::DEFAULTS);
            return Ok(ExitCode::SUCCESS);
        }
        Some(Command::Audit { command }) => return audit::run(command),
        _ => {}
    }
    let config = load(cli)?;
    if let Some(Command::Config { .. }) = cli.command {
        say!("The configuration is complete and valid.");
        return Ok(ExitCode::SUCCESS);
    }
    infra::install_tls_provider();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|e| e.to_string())?;
    runtime
        .block_on(async {
            match &cli.command {
                Some(Command::Migrate) => migrate(&config).await,
                Some(Command::Keys { command: KeysCommand::Rotate }) => rotate(&config).await,
                Some(Command::Keys { command: KeysCommand::RotateAudit }) => rotate_audit(&config).await,
                Some(Command::Owner { command }) => owner::run(command, &config).await,
                Some(Command::Client { command }) => client::run(command, &config).await,
                _ => serve(&config).await,
            }
        })
        .map(|()| ExitCode::SUCCESS)
        .map_err(|e| explain(&e))
}

#[expect(clippy::disallowed_methods, reason = "the environment is read here and handed to infra::config")]
fn load(cli: &Cli) -> Result<Config, String> {
    runtime::checks::load(cli.config.as_deref().map(Path::new), std::env::vars_os()).map_err(|e| e.to_string())
}

async fn migrate(config: &Config) -> Result<()> {
    name_database(config);
    runtime::open_store(config, Role::Api, &Sources::system()).await?.migrate().await?;
    say!("The schema is up to date.");
    Ok(())
}

fn name_database(config: &Config) {
    say!("Database: {}", runtime::database_name(config));
}

/// The database of the configuration, which must be there, after saying which it is.
async fn attach(config: &Config, sources: Sources) -> Result<boot::Assembled> {
    name_database(config);
    boot::attach(config, sources).await
}

async fn rotate(config: &Config) -> Result<()> {
    let sources = Sources::system();
    let now = sources.clock.now();
    let assembled = attach(config, sources).await?;
    let count = assembled.worker.store.rotate_data_keys(now).await?;
    say!("A new data key is active; {count} stored secrets are sealed with it.");
    let from = assembled.shared.app.rotate_signing_key().await?;
    say!("A new signing key is published; it signs from {}.", crate::http::wire::time(from));
    Ok(())
}

async fn rotate_audit(config: &Config) -> Result<()> {
    let sources = Sources::system();
    let now = sources.clock.now();
    let assembled = attach(config, sources).await?;
    let kid = assembled.worker.store.add_audit_key(now).await?;
    say!("A new audit key signs from now on: {kid}. Publish it where your customers look for your keys.");
    Ok(())
}

async fn serve(config: &Config) -> Result<()> {
    let _telemetry = infra::telemetry::init(&config.log, &config.telemetry, "tenantry-api")?;
    let metrics = infra::metrics::install()?;
    tokio::spawn(metrics.clone().maintain());
    // Before anything else: a port that is taken should not cost a migration.
    let listener = boot::listen(config)?;
    let assembled = boot::assemble(config, Sources::system(), Some(metrics)).await?;
    greet(config, &assembled.shared.app).await?;
    let draining = assembled.shared.draining.clone();
    let http = server::start(listener, assembled.shared, config.server.workers, config.server.shutdown_seconds)?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let background = if config.worker.embedded {
        let stopped = async { stopped.await.unwrap_or_default() };
        tokio::spawn(worker::run(assembled.worker, stopped))
    } else {
        let worker::Deps { store, kv, .. } = assembled.worker;
        tokio::spawn(async move {
            tokio::select! { () = worker::relay(&store, kv.as_ref()) => Ok(()), _ = stopped => Ok(()) }
        })
    };
    tokio::spawn(stop_on_signal(draining, http.handle()));
    let served = http.await;
    // Requests have ended; now the worker finishes what it has in flight.
    let _ = stop.send(());
    background.await.map_err(Error::internal)??;
    tracing::info!("stopped");
    served.map_err(Error::internal)
}

/// How long clients are asked to leave before the listener closes.
const DRAIN: Duration = Duration::from_secs(1);

/// On SIGTERM or SIGINT: first drain, then stop gracefully. A second signal does not wait.
async fn stop_on_signal(draining: draining::Draining, handle: ServerHandle) {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    let mut told = async || tokio::select! { _ = terminate.recv() => {}, _ = tokio::signal::ctrl_c() => {} };
    told().await;
    tracing::info!("stopping: requests in flight are finished");
    draining.begin();
    tokio::select! { () = tokio::time::sleep(DRAIN) => {}, () = told() => {} }
    handle.stop(true).await;
}

/// Says where everything is, for whoever started it.
async fn greet(config: &Config, app: &app::App) -> Result<()> {
    say!("Tenantry listens on http://{} (public URL {})", config.server.listen, config.server.public_url);
    say!("  API documentation   {}/docs", config.server.public_url);
    say!("  data folder         {}", config.data.dir.display());
    say!("  database            {}", runtime::database_name(config));
    if config.mail.transport == infra::config::MailTransport::File {
        say!("  mail                files in {}", config.data.dir.join("mail").display());
    }
    match app.owner_link().await? {
        Some(link) => say!("  platform owner      nobody yet: open {link} (links printed before do not work any more)"),
        None => say!("  platform owner      there is one"),
    }
    Ok(())
}

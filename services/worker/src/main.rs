//! `tenantry-worker`: the background work in a process of its own.

use std::{ffi::OsString, io::Write, path::Path, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use infra::config::Config;
use runtime::{Resources, Role, Sources};
use tenantry_worker::{Deps, health, run};
use tokio::signal::unix::{SignalKind, signal};

/// Delivers webhooks, sends mail, and does what is done by the clock. Run as many as you need beside the API.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// A file with the settings that differ from the defaults.
    // Not a path: that an empty one is refused would stop whoever sets the variable to nothing.
    #[arg(long, value_name = "FILE", env = "TENANTRY_CONFIG")]
    config: Option<OsString>,
}

fn main() -> ExitCode {
    runtime::files::only_ours();
    let outcome = start(&Arguments::parse());
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Also where the log does not work yet.
            let _ = writeln!(std::io::stderr(), "tenantry-worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the environment is read here and handed to infra::config")]
fn start(arguments: &Arguments) -> Result<()> {
    infra::install_tls_provider();
    let config = runtime::checks::load(arguments.config.as_deref().map(Path::new), std::env::vars_os())?;
    // The number said here: tokio would take it from a variable of its own, and panic where that is no number.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    runtime.block_on(serve(&config))
}

async fn serve(config: &Config) -> Result<()> {
    let _telemetry = infra::telemetry::init(&config.log, &config.telemetry, "tenantry-worker")?;
    let metrics = infra::metrics::install()?;
    tokio::spawn(metrics.clone().maintain());
    let sources = Sources::system();
    let store = runtime::open_store(config, Role::Worker, &sources).await?;
    // The tables are made by the API, so that two programs never disagree about them.
    store.expect_schema().await?;
    store.load_data_keys(sources.clock.now()).await?;
    let deps = Deps::of(config, Resources::around(store, config, sources).await?);
    let address = config.worker.health_listen;
    let health = health::server(address, &deps, &metrics, config.metrics.token.expose())
        .with_context(|| format!("Port {address} cannot be used for the health checks. Change worker.health_listen"))?;
    let handle = health.handle();
    let serving = tokio::spawn(health);
    tracing::info!(%address, concurrency = config.worker.concurrency, "the worker runs");
    let outcome = run(deps, asked_to_stop()).await;
    handle.stop(true).await;
    let _ = serving.await;
    Ok(outcome?)
}

/// SIGTERM or SIGINT.
async fn asked_to_stop() {
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut term), Ok(mut int)) => {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        }
        _ => tracing::error!("signals cannot be heard; the worker ends only when it is killed"),
    }
}

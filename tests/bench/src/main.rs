//! `make bench`: how fast the real binaries are on PostgreSQL and Redis, each figure beside a floor that is measured in the same run, in
//! turns with it, because a machine's speed drifts. README.md has the table.
//!
//! - [`seed`] fills a database; [`world`] starts the programs on it; [`floor`] is what they are compared with.
//! - [`http`] and [`load`] are the client: lean, since it shares the cores with what it measures.
//! - [`scenarios`] measure; [`report`] prints.

mod floor;
mod hashes;
mod http;
mod load;
mod process;
mod receiver;
mod report;
mod scenarios;
mod seed;
mod traffic;
mod world;

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{report::Report, scenarios::Scenario, world::World};

/// Measures Tenantry. Run it inside scripts/with-services.sh (`make bench` does).
#[derive(Parser)]
struct Arguments {
    /// What to measure; everything if none is named.
    scenarios: Vec<Scenario>,
    /// Organizations in the database; ten memberships each.
    #[arg(long, default_value_t = 1000)]
    orgs: i64,
    /// Organizations in the large database of `scale`.
    #[arg(long, default_value_t = 100_000)]
    large: i64,
    /// How often floor and product take turns.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Connections of the measurements of throughput.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// The folder of the binaries that are measured.
    #[arg(long, default_value = "target/release")]
    binaries: PathBuf,
    #[command(subcommand)]
    part: Option<Part>,
}

/// Programs of the benchmark itself.
#[derive(Subcommand)]
enum Part {
    /// The floor's server.
    #[command(hide = true)]
    Floor { database: String, port: u16 },
}

impl Arguments {
    fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(Part::Floor { database, port }) = &arguments.part {
        return floor::serve(database, *port);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, measure(arguments))
}

async fn measure(arguments: Arguments) -> Result<()> {
    let scenarios = if arguments.scenarios.is_empty() { Scenario::ALL.to_vec() } else { arguments.scenarios.clone() };
    let mut report = Report::default();
    let world = World::new(&arguments).await?;
    let mut outcome = Ok(());
    for scenario in scenarios {
        report.progress(&format!("{scenario:?}"));
        outcome = scenario.run(&world, &mut report).await;
        if outcome.is_err() {
            break;
        }
    }
    // Also what was measured before something failed.
    report.print();
    outcome
}

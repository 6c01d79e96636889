//! `make bench`: how fast the real binaries are on PostgreSQL and Redis, each figure beside a floor that is measured in the same run, in
//! turns with it, because a machine's speed drifts. README.md has the table.
//!
//! - [`seed`] fills a database; [`world`] starts the programs on it; [`floor`] is what they are compared with.
//! - [`http`] and [`load`] are the client: lean, since it shares the cores with what it measures.
//! - [`scenarios`] measure; [`report`] prints.

mod backends;
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

use crate::{
    report::Report,
    scenarios::{Scenario, versus},
    world::World,
};

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
    /// End users, and records of a log, of `lists`. A million take a gigabyte.
    #[arg(long, default_value_t = 1_000_000)]
    list_rows: i64,
    /// Minutes of `soak`.
    #[arg(long, default_value_t = 60)]
    minutes: usize,
    /// How often the two sides take turns: 3 times unless you say so, with --against 25 times.
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds of each measurement: 3 unless you say so, with --against half a second.
    #[arg(long)]
    seconds: Option<f64>,
    /// Connections of the measurements of throughput.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// The folder of the binaries that are measured.
    #[arg(long, default_value = "target/release")]
    binaries: PathBuf,
    /// Compares with the binaries in this folder, in turns, instead of with floors: org-read, members, refresh, invitation (or mixed).
    #[arg(long, value_name = "FOLDER")]
    against: Option<PathBuf>,
    #[command(subcommand)]
    part: Option<Part>,
}

/// Programs of the benchmark itself.
#[derive(Subcommand)]
enum Part {
    /// The floor's server.
    #[command(hide = true)]
    Floor { database: String, port: u16 },
    /// The floor's worker.
    #[command(hide = true)]
    Deliver { database: String },
}

impl Arguments {
    fn time(&self) -> Duration {
        Duration::from_secs_f64(self.seconds.unwrap_or(if self.against.is_some() { 0.5 } else { 3.0 }))
    }
    fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.against.is_some() { 25 } else { 3 })
    }
    fn scenarios(&self) -> Vec<Scenario> {
        match (self.scenarios.is_empty(), &self.against) {
            (false, _) => self.scenarios.clone(),
            (true, None) => Scenario::ALL.to_vec(),
            (true, Some(_)) => versus::USUAL.to_vec(),
        }
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.part {
        Some(Part::Floor { database, port }) => return floor::serve(database, *port),
        Some(Part::Deliver { database }) => return floor::webhooks::deliver(database),
        None => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, measure(arguments))
}

async fn measure(arguments: Arguments) -> Result<()> {
    let world = World::new(&arguments)?;
    let other = arguments.against.as_deref().map(|binaries| world.with(binaries)).transpose()?;
    let mut report = Report::new(if other.is_some() { ["old", "new"] } else { ["floor", "product"] });
    let mut outcome = Ok(());
    for scenario in arguments.scenarios() {
        report.progress(&format!("{scenario:?}"));
        outcome = match &other {
            None => scenario.run(&world, &mut report).await,
            Some(old) => versus::run(scenario, &world, old, &mut report).await,
        };
        if outcome.is_err() {
            break;
        }
    }
    // Also what was measured before something failed.
    report.print();
    outcome
}

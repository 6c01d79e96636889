//! What a process costs that nobody uses, and how soon it can be used.

use std::time::Duration;

use anyhow::Result;

use super::median;
use crate::{process::Process, report::Report, world::World};

/// Starts of each program.
const STARTS: usize = 5;
/// Until everything that happens at the start has happened.
const SETTLED: Duration = Duration::from_secs(3);

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let data = world.dataset(world.orgs).await?;
    let mut api = Vec::new();
    let mut worker = Vec::new();
    for _ in 0..STARTS {
        api.push(weigh(world.api(&data.url, &[]).await?).await?);
        worker.push(weigh(world.worker(&data.url, &[]).await?).await?);
    }
    for (name, measured, limit, target) in [("API", api, 40.0, "< 40 MB"), ("worker", worker, 30.0, "< 30 MB")] {
        let (ready, memory): (Vec<_>, Vec<_>) = measured.into_iter().unzip();
        let (ready, memory) = (median(ready), median(memory));
        report.figure(&format!("{name}: idle resident memory"), format!("{memory:.1} MB"), Some((memory < limit, target)));
        report.figure(&format!("{name}: ready after its start"), format!("{ready:.0} ms"), Some((ready < 300.0, "< 300 ms")));
    }
    Ok(())
}

async fn weigh(process: Process) -> Result<(f64, f64)> {
    tokio::time::sleep(SETTLED).await;
    // The kernel counts in KiB; what is asked for is MB.
    Ok((process.ready_after.as_secs_f64() * 1000.0, process.memory()?.0 * 1.048_576))
}

//! Memory over an hour: everything at once, at a rate that two cores carry beside other work, and once a minute a look at what each
//! process holds.
//!
//! Of a PostgreSQL backend its anonymous memory counts: statement and catalogue caches, plans, work areas. The shared buffers that it has
//! touched are in its resident memory too, but they are the server's, and there only once. Of the API and the worker all that is resident
//! counts.

use std::time::Duration;

use anyhow::{Context, Result};

use super::{all_succeeded, median, requests::run_name, webhooks};
use crate::{
    backends,
    load::{self, Shared},
    process::{Process, memory_of},
    receiver::Receiver,
    report::Report,
    seed::Dataset,
    world::World,
};

const MINUTE: Duration = Duration::from_secs(60);
/// What a backend may hold, in MB.
const BACKEND: f64 = 20.0;
/// How much the last quarter of the time may lie above the second one.
const GROWTH: f64 = 1.1;

/// The kinds of requests, and how many of each there are in a second.
fn traffic(data: &Dataset) -> [(&'static str, Shared, f64); 7] {
    [
        ("organization read", data.reads(), 60.0),
        ("members page of 50", data.pages(), 10.0),
        ("audit and feed pages", data.logs(), 10.0),
        ("rename", data.renames(), 10.0),
        ("refresh", data.refreshes(), 10.0),
        ("invitation", data.invitations(&run_name()), 5.0),
        ("login", data.logins(), 1.0),
    ]
}

/// What the processes held at one time, in MB; the backends in order.
struct Sample {
    api: f64,
    worker: f64,
    backends: Vec<f64>,
}

impl Sample {
    fn largest(&self) -> f64 {
        self.backends.last().copied().unwrap_or(f64::NAN)
    }
}

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let data = world.dataset(world.orgs).await?;
    let receiver = Receiver::start()?;
    webhooks::subscribe(&data, receiver.port, &webhooks::owners(&data).iter().map(|c| c.org).collect::<Vec<_>>()).await?;
    let (api, worker) = (world.api(&data.url, &[]).await?, world.worker(&data.url, &[]).await?);
    let kinds = traffic(&data);
    let mut samples = Vec::new();
    for minute in 1..=world.minutes {
        let loads = kinds.iter().map(|(what, traffic, rate)| {
            let api = &api;
            async move {
                let outcome = load::constant(api.port, traffic.clone(), 8, *rate, MINUTE).await?;
                all_succeeded(&outcome, what)
            }
        });
        futures::future::try_join_all(loads).await?;
        let sample = sample(&data, &api, &worker).await?;
        report.progress(&format!(
            "minute {minute}: API {:.1} MB, worker {:.1} MB, {} backends: median {:.1} MB, largest {:.1} MB; {} webhooks arrived",
            sample.api,
            sample.worker,
            sample.backends.len(),
            median(sample.backends.clone()),
            sample.largest(),
            receiver.arrivals().len(),
        ));
        samples.push(sample);
    }
    judge(&samples, report)
}

async fn sample(data: &Dataset, api: &Process, worker: &Process) -> Result<Sample> {
    let pids = backends::of(&data.pool, "tenantry%").await?;
    // One that ended meanwhile is left out.
    let mut backends: Vec<_> = pids.into_iter().filter_map(|pid| Some(megabytes(memory_of(pid, "RssAnon").ok()?))).collect();
    backends.sort_by(f64::total_cmp);
    Ok(Sample { api: megabytes(api.memory()?.0), worker: megabytes(worker.memory()?.0), backends })
}

fn megabytes(mebibytes: f64) -> f64 {
    mebibytes * 1.048_576
}

fn judge(samples: &[Sample], report: &mut Report) -> Result<()> {
    let last = samples.last().context("--minutes is 0")?;
    let most = samples.iter().map(Sample::largest).fold(0.0, f64::max);
    let backends = format!("{:.1} MB at the end, {most:.1} MB at most", last.largest());
    report.figure("largest PostgreSQL backend", backends, Some((most < BACKEND, "< 20 MB")));
    for (name, of) in [("API", (|sample| sample.api) as fn(&Sample) -> f64), ("worker", |sample| sample.worker)] {
        let quarters = [0, 1, 2, 3].map(|quarter| {
            let range = samples.len() * quarter / 4..(samples.len() * (quarter + 1) / 4).max(1);
            median(samples[range].iter().map(of).collect())
        });
        let texts = quarters.map(|mb| format!("{mb:.1}")).join(", ");
        let flat = quarters[3] <= quarters[1] * GROWTH;
        report.figure(&format!("{name}: resident memory by quarter"), format!("{texts} MB"), Some((flat, "last ≤ 1.1 × second")));
    }
    Ok(())
}

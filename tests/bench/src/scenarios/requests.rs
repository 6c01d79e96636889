//! Requests beside their floor, in turns: first as many as possible, then at a constant rate.

use anyhow::Result;

use super::{Scenario, all_succeeded, median};
use crate::{
    load::{self, Outcome, Shared},
    report::Report,
    seed::Dataset,
    world::World,
};

/// A scenario's traffic and what is asked of it.
pub(super) struct Plan {
    pub(super) what: &'static str,
    floor: Shared,
    pub(super) product: Shared,
    /// Requests a second for the latencies: well below what the product can.
    rate: f64,
    goal: Option<(f64, &'static str)>,
}

pub(super) fn plan(scenario: Scenario, data: &Dataset) -> Plan {
    match scenario {
        Scenario::Members => Plan {
            what: "members page of 50",
            floor: data.floor_pages(),
            product: data.pages(),
            rate: 500.0,
            goal: Some((0.5, "≥ 50 %")),
        },
        Scenario::Mixed => {
            Plan { what: "90 % reads, 10 % writes", floor: data.floor_mixed(), product: data.mixed(), rate: 1000.0, goal: None }
        }
        Scenario::Refresh => Plan {
            what: "refresh",
            floor: data.floor_writes("refresh"),
            product: data.refreshes(),
            rate: 300.0,
            goal: Some((0.5, "≥ 50 %")),
        },
        Scenario::Invitation => Plan {
            what: "invitation",
            floor: data.floor_writes("invitation"),
            product: data.invitations(&run_name()),
            rate: 300.0,
            goal: Some((0.5, "≥ 50 %")),
        },
        _ => Plan {
            what: "organization read",
            floor: data.floor_reads(),
            product: data.reads(),
            rate: 2000.0,
            goal: Some((0.6, "≥ 60 %")),
        },
    }
}

/// Invited addresses must be new, also where the database was kept from an earlier run.
pub(super) fn run_name() -> String {
    use domain::{Clock, core::clock::SystemClock};
    SystemClock.now().timestamp_micros().to_string()
}

pub(super) async fn run(scenario: Scenario, world: &World, report: &mut Report) -> Result<()> {
    let data = world.dataset(world.orgs).await?;
    let (api, floor) = (world.api(&data.url, &[]).await?, world.floor(&data.url).await?);
    let plan = plan(scenario, &data);
    let sides = [(floor.port, &plan.floor), (api.port, &plan.product)];
    // Once unmeasured: connections, prepared statements and caches.
    for (port, traffic) in sides {
        let outcome = load::throughput(port, traffic.clone(), world.connections, world.time / 2).await?;
        all_succeeded(&outcome, plan.what)?;
    }
    let (mut most, mut steady) = ([vec![], vec![]], [Outcome::default(), Outcome::default()]);
    for _ in 0..world.rounds {
        for (side, (port, traffic)) in sides.iter().enumerate() {
            let outcome = load::throughput(*port, (*traffic).clone(), world.connections, world.time).await?;
            all_succeeded(&outcome, plan.what)?;
            most[side].push(outcome.rate());
        }
        for (side, (port, traffic)) in sides.iter().enumerate() {
            let outcome = load::constant(*port, (*traffic).clone(), world.connections, plan.rate, world.time).await?;
            all_succeeded(&outcome, plan.what)?;
            steady[side] = std::mem::take(&mut steady[side]).and(outcome);
        }
    }
    let [floors, products] = most;
    let ratio = median(floors.iter().zip(&products).map(|(floor, product)| product / floor).collect());
    report.ratio(plan.what, (median(floors), median(products)), ratio, plan.goal);
    report.latency(&format!("{}: floor", plan.what), plan.rate, &steady[0]);
    report.latency(plan.what, plan.rate, &steady[1]);
    Ok(())
}

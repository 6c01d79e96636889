//! Requests beside their floor, in turns: first as many as possible, then at a constant rate.

use anyhow::Result;

use super::{Scenario, all_succeeded, median};
use crate::{
    load::{self, Outcome, Shared},
    report::{Line, Report},
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
    beside_floor(scenario, world, &data, report).await
}

pub(super) async fn beside_floor(scenario: Scenario, world: &World, data: &Dataset, report: &mut Report) -> Result<()> {
    let (api, floor) = (world.api(&data.url, &[]).await?, world.floor(&data.url).await?);
    let plan = plan(scenario, data);
    let what = if data.orgs == world.orgs { plan.what.to_owned() } else { format!("{}, {} organizations", plan.what, data.orgs) };
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
    report.ratio(&what, (median(floors), median(products)), ratio, plan.goal);
    if scenario == Scenario::OrgRead {
        alone(&sides, &what, world, report).await?;
    }
    report.latency(&format!("{what}: floor"), plan.rate, &steady[0]);
    report.latency(&what, plan.rate, &steady[1]);
    Ok(())
}

/// One request after another, on one connection: nobody to share a statement with, and nobody to wait for.
async fn alone(sides: &[(u16, &Shared); 2], what: &str, world: &World, report: &mut Report) -> Result<()> {
    let mut outcomes = [Outcome::default(), Outcome::default()];
    for _ in 0..world.rounds {
        for (side, (port, traffic)) in sides.iter().enumerate() {
            let outcome = load::throughput(*port, (*traffic).clone(), 1, world.time).await?;
            all_succeeded(&outcome, what)?;
            outcomes[side] = std::mem::take(&mut outcomes[side]).and(outcome);
        }
    }
    let [floor, product] = outcomes.map(|outcome| outcome.ms(50.0));
    report.line(Line {
        what: format!("{what}, alone: median"),
        floor: format!("{floor:.2} ms"),
        product: format!("{product:.2} ms"),
        ratio: format!("{:.2} ×", product / floor),
        target: "≤ 1.4 ×",
        reached: Some(product / floor <= 1.4),
    });
    Ok(())
}

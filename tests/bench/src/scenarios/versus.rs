//! Two builds with the same requests, in turns: is the new one as fast as the old one?
//!
//! Each build has databases of its own, made by its own migrations, because schemas may differ. Both APIs run all the time; the one that
//! nobody asks costs nothing. A round is four short turns: one, the other, the other, the one; who begins changes with each round. So
//! what drifts, and what one leaves to the other (dirty pages, a vacuum), meets both alike. A ratio is the median of the rounds' ratios,
//! beside their middle half.
//!
//! The processor time of the API is measured as well: on a machine that does other things at the same time it is the steadier figure.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Scenario, all_succeeded, median, requests::plan};
use crate::{
    load::{self, Outcome, Shared},
    process::Process,
    report::{Line, Report},
    world::World,
};

/// What is compared if nothing is named.
pub(crate) const USUAL: [Scenario; 4] = [Scenario::OrgRead, Scenario::Members, Scenario::Refresh, Scenario::Invitation];

/// One of the builds, ready to be asked.
struct Build {
    api: Process,
    traffic: Shared,
    /// What came of the turns of this round, and the processor time that they took.
    round: (Outcome, Duration),
    /// Requests a second of each round.
    rates: Vec<f64>,
    /// Processor time of the API in microseconds a request, of each round.
    costs: Vec<f64>,
}

impl Build {
    async fn start(scenario: Scenario, world: &World) -> Result<(&'static str, Self)> {
        let data = world.dataset(world.orgs).await?;
        let (api, plan) = (world.api(&data.url, &[]).await?, plan(scenario, &data));
        Ok((
            plan.what,
            Self {
                api,
                traffic: plan.product,
                round: (Outcome::default(), Duration::ZERO),
                rates: Vec::new(),
                costs: Vec::new(),
            },
        ))
    }

    async fn turn(&mut self, what: &str, world: &World) -> Result<()> {
        let before = self.api.processor_time()?;
        let outcome = load::throughput(self.api.port, self.traffic.clone(), world.connections, world.time).await?;
        let spent = self.api.processor_time()? - before;
        all_succeeded(&outcome, what)?;
        let (before, spent_before) = std::mem::take(&mut self.round);
        self.round = (before.and(outcome), spent_before + spent);
        Ok(())
    }

    fn end_round(&mut self) -> (f64, f64) {
        let (outcome, spent) = std::mem::take(&mut self.round);
        (outcome.rate(), spent.as_secs_f64() * 1e6 / outcome.succeeded() as f64)
    }
}

pub(crate) async fn run(scenario: Scenario, new: &World, old: &World, report: &mut Report) -> Result<()> {
    let comparable = USUAL.contains(&scenario) || scenario == Scenario::Mixed;
    ensure!(comparable, "{scenario:?} cannot be compared; these can: {USUAL:?}, {:?}", Scenario::Mixed);
    let (what, old_build) = Build::start(scenario, old).await?;
    let (_, new_build) = Build::start(scenario, new).await?;
    let mut builds = [old_build, new_build];
    for round in 0..=new.rounds {
        let (one, other) = (round % 2, 1 - round % 2);
        for side in [one, other, other, one] {
            builds[side].turn(what, new).await?;
        }
        for build in &mut builds {
            let (rate, cost) = build.end_round();
            // The first one is for connections, prepared statements and caches.
            if round > 0 {
                build.rates.push(rate);
                build.costs.push(cost);
            }
        }
    }
    let [old, new] = builds;
    let (ratio, ratios) = compared(&old.rates, &new.rates);
    report.line(Line {
        what: what.to_owned(),
        floor: format!("{:.0}/s", median(old.rates)),
        product: format!("{:.0}/s", median(new.rates)),
        ratio: ratios,
        target: "≥ 97 %",
        reached: Some(ratio >= 0.97),
    });
    let (ratio, ratios) = compared(&old.costs, &new.costs);
    report.line(Line {
        what: format!("{what}: processor time of the API"),
        floor: format!("{:.1} µs", median(old.costs)),
        product: format!("{:.1} µs", median(new.costs)),
        ratio: ratios,
        target: "≤ 103 %",
        reached: Some(ratio <= 1.03),
    });
    Ok(())
}

/// New by old: the median of the rounds, and that with its first and third quartile as text.
fn compared(old: &[f64], new: &[f64]) -> (f64, String) {
    let mut ratios: Vec<f64> = old.iter().zip(new).map(|(old, new)| new / old).collect();
    ratios.sort_by(f64::total_cmp);
    let at = |part: usize| ratios.get(ratios.len() * part / 4).map_or(f64::NAN, |ratio| ratio * 100.0);
    (at(2) / 100.0, format!("{:.1} % ({:.1} to {:.1})", at(2), at(1), at(3)))
}

//! The same reads and writes on a database a hundred times as large, in turns with the small one.

use anyhow::Result;

use super::{
    Scenario, all_succeeded, median,
    requests::{beside_floor, run_name},
};
use crate::{
    load::{self, Shared},
    report::{Line, Report},
    seed::Dataset,
    world::World,
};

const READ: &str = "organization read";

fn traffic(data: &Dataset) -> [(&'static str, Shared); 4] {
    [
        (READ, data.reads()),
        ("members page of 50", data.pages()),
        ("refresh", data.refreshes()),
        ("invitation", data.invitations(&run_name())),
    ]
}

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let (small, large) = (world.dataset(world.orgs).await?, world.dataset(world.large).await?);
    let apis = [world.api(&small.url, &[]).await?, world.api(&large.url, &[]).await?];
    let names = format!("{} against {} organizations", large.orgs, small.orgs);
    for ((what, few), (_, many)) in traffic(&small).into_iter().zip(traffic(&large)) {
        let sides = [(apis[0].port, few), (apis[1].port, many)];
        let mut rates = [vec![], vec![]];
        for round in 0..=world.rounds {
            for (side, (port, traffic)) in sides.iter().enumerate() {
                let outcome = load::throughput(*port, traffic.clone(), world.connections, world.time).await?;
                all_succeeded(&outcome, what)?;
                // The first round warms up.
                if round > 0 {
                    rates[side].push(outcome.rate());
                }
            }
        }
        let times = median(rates[0].iter().zip(&rates[1]).map(|(few, many)| few / many).collect());
        let [few, many] = rates.map(median);
        report.line(Line {
            what: format!("{what}: {names}"),
            floor: format!("{few:.0}/s"),
            product: format!("{many:.0}/s"),
            ratio: format!("{times:.2} ×"),
            target: "≤ 1.3 ×",
            // A read slows down as its floor does, which has as few of its pages in the processor's caches; it is held to that one.
            reached: (what != READ).then_some(times <= 1.3),
        });
    }
    drop(apis);
    beside_floor(Scenario::OrgRead, world, &large, report).await
}

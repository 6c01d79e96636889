//! Sign-ins beside bare hashes, and what a storm of them does to everybody else.

use anyhow::Result;

use super::{all_succeeded, median};
use crate::{hashes, load, report::Report, world::World};

/// Organization reads a second while the storm blows.
const READS: f64 = 400.0;
/// Sign-ins a second that are offered: some six times what two cores can hash.
const STORM: f64 = 320.0;

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let data = world.dataset(world.orgs).await?;
    let api = world.api(&data.url, &[("passwords.threads", "1")]).await?;
    let (logins, reads) = (data.logins(), data.reads());
    let (mut bare, mut served) = (Vec::new(), Vec::new());
    for _ in 0..world.rounds {
        bare.push(hashes::argon2id(world.time)?);
        let outcome = load::throughput(api.port, logins.clone(), 4, world.time).await?;
        all_succeeded(&outcome, "login")?;
        served.push(outcome.rate());
    }
    let ratio = median(bare.iter().zip(&served).map(|(bare, served)| served / bare).collect());
    report.ratio("login, one hashing thread", (median(bare), median(served)), ratio, Some((0.9, "≥ 90 %")));
    let rate = 20.0;
    let steady = load::constant(api.port, logins.clone(), 8, rate, world.time * 2).await?;
    report.latency("login", rate, &steady);
    report.figure("ES256 signatures of one thread", format!("{:.0}/s", hashes::signatures(world.time / 3)?), None);

    let (mut idle, mut storm) = (load::Outcome::default(), load::Outcome::default());
    let (mut ratios, mut offered) = (Vec::new(), load::Outcome::default());
    for _ in 0..world.rounds {
        let quiet = load::constant(api.port, reads.clone(), 32, READS, world.time).await?;
        let (storming, during) = tokio::try_join!(
            load::constant(api.port, logins.clone(), 64, STORM, world.time),
            load::constant(api.port, reads.clone(), 32, READS, world.time)
        )?;
        all_succeeded(&during, "organization read during the storm")?;
        ratios.push(during.ms(99.0) / quiet.ms(99.0));
        (idle, storm, offered) = (idle.and(quiet), storm.and(during), offered.and(storming));
    }
    report.latency("organization read, idle", READS, &idle);
    report.latency("organization read, in a storm of sign-ins", READS, &storm);
    let times = median(ratios);
    report.figure("p99 of the organization read in the storm", format!("{times:.1} × idle"), Some((times <= 2.0, "≤ 2 × idle")));
    let answers = format!("{} of {}", offered.refused(), offered.statuses.values().sum::<usize>());
    report.figure("sign-ins refused with 503 in the storm", answers, None);
    report.figure("API: most resident memory in the storm", format!("{:.0} MB", api.memory()?.1 * 1.048_576), None);
    Ok(())
}

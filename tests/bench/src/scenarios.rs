//! What is measured.

mod claims;
mod footprint;
mod lists;
mod log_streams;
mod login;
mod provider;
mod readers;
mod requests;
mod scale;
mod soak;
pub(crate) mod versus;
mod webhooks;

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::{load::Outcome, report::Report, world::World};

/// One measurement, by the name it has on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Memory and start of idle processes.
    Footprint,
    /// `GET /api/organizations/{slug}`.
    OrgRead,
    /// A page of 50 members.
    Members,
    /// Nine organization reads, one change of a name.
    Mixed,
    /// Refreshed tokens.
    Refresh,
    /// Invitations.
    Invitation,
    /// Sign-ins, and what they do to others.
    Login,
    /// The OpenID provider: tokens, what they are worth, the first page.
    Provider,
    /// What readers of one organization's long lists do to others.
    Readers,
    /// From the outbox to the receiver.
    Webhooks,
    /// Forwarding logs: rate, lag, and what many streams cost.
    LogStreams,
    /// Claiming and settling alone: processor time of the database.
    Claims,
    /// The same on a hundred times as much data.
    Scale,
    /// Pages of very long lists (`--list-rows`). Only if named.
    Lists,
    /// Memory over an hour of everything at a moderate rate (`--minutes`). Only if named.
    Soak,
}

impl Scenario {
    pub(crate) const ALL: [Self; 13] = [
        Self::Footprint,
        Self::OrgRead,
        Self::Members,
        Self::Mixed,
        Self::Refresh,
        Self::Invitation,
        Self::Login,
        Self::Provider,
        Self::Readers,
        Self::Webhooks,
        Self::LogStreams,
        Self::Claims,
        Self::Scale,
    ];

    pub(crate) async fn run(self, world: &World, report: &mut Report) -> Result<()> {
        match self {
            Self::Footprint => footprint::run(world, report).await,
            Self::OrgRead | Self::Members | Self::Mixed | Self::Refresh | Self::Invitation => {
                requests::run(self, world, report).await
            }
            Self::Login => login::run(world, report).await,
            Self::Provider => provider::run(world, report).await,
            Self::Readers => readers::run(world, report).await,
            Self::Webhooks => webhooks::run(world, report).await,
            Self::LogStreams => log_streams::run(world, report).await,
            Self::Claims => claims::run(world, report).await,
            Self::Scale => scale::run(world, report).await,
            Self::Lists => lists::run(world, report).await,
            Self::Soak => soak::run(world, report).await,
        }
    }
}

/// Refusals are quick: a rate that counts them would be a lie.
fn all_succeeded(outcome: &Outcome, what: &str) -> Result<()> {
    ensure!(outcome.refused() == 0, "{what}: answers by status {:?}", outcome.statuses);
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

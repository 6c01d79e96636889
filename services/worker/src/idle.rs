//! The same work by hand: everything that is due now, without a runtime around it and without waiting. For tests, which move the
//! clock and want to know when nothing is left.

use std::{collections::BTreeMap, sync::Arc};

use domain::Result;
use futures::future::join_all;

use crate::{
    Deps,
    jobs::JOBS,
    queue::{Queue, attempt},
    queues::{log_streams::LogStreams, logouts::Logouts, mails::Mails, webhooks::Webhooks},
    sequencer,
};

/// Jobs that are done together.
const CONCURRENCY: usize = 64;

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Idle {
    /// Events that got their number.
    pub events: usize,
    /// Deliveries that were made of them.
    pub queued: usize,
    /// Attempts that arrived.
    pub delivered: usize,
    /// Attempts that will be repeated later.
    pub retried: usize,
    /// Deliveries that were given up.
    pub failed: usize,
    /// Deliveries that were not sent, because endpoint or organization are not active.
    pub cancelled: usize,
    /// Turns of log streams.
    pub stream_turns: usize,
    /// Mails that left.
    pub mails_sent: usize,
    /// Mails that did not, to be repeated or given up.
    pub mails_unsent: usize,
    /// Clients that were told of the end of a session.
    pub logouts_told: usize,
    /// Clients that were not, to be repeated or given up.
    pub logouts_untold: usize,
}

/// Sequences, sends and settles everything that is due now, and what becomes due by that, until nothing is.
pub async fn run_until_idle(deps: &Deps) -> Result<Idle> {
    let shared = Arc::new(deps.clone());
    let mut total = Idle::default();
    loop {
        let events = total.events;
        while sequence(deps, &mut total).await? {}
        let hooks = drain(&Webhooks::new(shared.clone(), CONCURRENCY)).await?;
        let mails = drain(&Mails::new(shared.clone(), CONCURRENCY)).await?;
        let logouts = drain(&Logouts::new(shared.clone())).await?;
        let streams = drain(&LogStreams::new(shared.clone())).await?;
        let of = |counts: &BTreeMap<&str, usize>, label| counts.get(label).copied().unwrap_or_default();
        total.delivered += of(&hooks, "delivered");
        total.retried += of(&hooks, "retried");
        total.failed += of(&hooks, "failed");
        total.cancelled += of(&hooks, "cancelled");
        total.stream_turns += streams.values().sum::<usize>();
        total.mails_sent += of(&mails, "sent");
        total.mails_unsent += of(&mails, "retried") + of(&mails, "failed");
        total.logouts_told += of(&logouts, "told");
        total.logouts_untold += of(&logouts, "retried") + of(&logouts, "failed");
        if total.events == events && logouts.is_empty() && hooks.is_empty() && mails.is_empty() && streams.is_empty() {
            return Ok(total);
        }
    }
}

async fn sequence(deps: &Deps, total: &mut Idle) -> Result<bool> {
    let (done, _) = sequencer::pass(deps).await?;
    total.events += done.moved;
    total.queued += done.deliveries;
    Ok(done.moved > 0)
}

/// Works off a queue. Answers how often each kind of outcome came.
async fn drain<Q: Queue>(queue: &Q) -> Result<BTreeMap<&'static str, usize>> {
    let mut counts = BTreeMap::new();
    loop {
        let jobs = queue.claim(CONCURRENCY).await?;
        if jobs.is_empty() {
            return Ok(counts);
        }
        let outcomes = join_all(jobs.iter().map(|job| attempt(queue, job))).await;
        queue.settle(&outcomes).await?;
        for outcome in &outcomes {
            *counts.entry(Q::label(outcome)).or_default() += 1;
        }
    }
}

/// Does every scheduled job now, one after the other. Answers how many rows each concerned, by its name.
pub async fn run_jobs(deps: &Deps) -> Result<BTreeMap<&'static str, u64>> {
    let mut rows = BTreeMap::new();
    for job in JOBS {
        rows.insert(job.name, job.perform(deps).await?);
    }
    Ok(rows)
}

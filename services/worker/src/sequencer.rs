//! The loop around [`store::Store::sequence`]: woken by commits, and looking by itself from time to time.

use std::sync::Arc;

use domain::{Result, authorization::policy::SystemScope};
use store::events::sequencer::{MAX_PASS, Sequenced};

use crate::{Deps, queue::failed, wake::WakeSignal};

#[expect(clippy::disallowed_methods, reason = "this is the job")]
const SCOPE: SystemScope = SystemScope::job("sequencer");

/// Events of one pass: on SQLite it occupies the only writer, so it is short there.
fn pass_size(deps: &Deps) -> u64 {
    if deps.store.has_one_writer() { 200 } else { MAX_PASS }
}

/// One pass. Answers what it did, and whether there may be more.
pub(crate) async fn pass(deps: &Deps) -> Result<(Sequenced, bool)> {
    let (now, size) = (deps.clock.now(), pass_size(deps));
    let done = deps.store.sequence(SCOPE, now, size, deps.settings.catching_up.making).await?;
    metrics::counter!("tenantry_sequencer_events_total").increment(done.moved as u64);
    metrics::counter!("tenantry_sequencer_deliveries_total").increment(done.deliveries as u64);
    Ok((done, done.moved as u64 >= size))
}

/// Sequences until it is dropped. `commits` wakes it; it wakes `deliveries`.
pub(crate) async fn run(deps: Arc<Deps>, commits: WakeSignal, deliveries: WakeSignal) {
    let mut wake = commits.subscribe();
    loop {
        wake.clear();
        match pass(&deps).await {
            Ok((done, more)) => {
                if done.moved > 0 {
                    deliveries.send();
                }
                if more {
                    continue;
                }
            }
            Err(error) => failed("sequencer", "pass", &error),
        }
        tokio::select! { () = wake.received() => {}, () = tokio::time::sleep(deps.settings.poll) => {} }
    }
}

//! That the process is about to stop.

use tokio::sync::watch;

/// Set when the process is told to stop: it is not ready any more and asks clients to close their connections, so that none is cut
/// off under a request when the listener closes; whoever waits for something to happen is answered now.
#[derive(Clone, Debug, Default)]
pub struct Draining(watch::Sender<bool>);

impl Draining {
    /// Begins.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }
    /// Whether it has begun.
    pub fn is_on(&self) -> bool {
        *self.0.borrow()
    }
    /// Resolves when it begins.
    pub async fn begun(&self) {
        // The sender is ours, so there is always one.
        let _ = self.0.subscribe().wait_for(|on| *on).await;
    }
}

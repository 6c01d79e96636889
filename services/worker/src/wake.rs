//! Wake signals inside the process. One that comes while somebody is busy is not lost: they look again before they wait.

use tokio::sync::watch;

/// Wakes everybody who subscribed.
#[derive(Clone)]
pub(crate) struct WakeSignal(watch::Sender<()>);

impl WakeSignal {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(()))
    }
    pub(crate) fn send(&self) {
        self.0.send_replace(());
    }
    pub(crate) fn subscribe(&self) -> WakeSubscription {
        WakeSubscription(self.0.subscribe())
    }
}

/// One who is woken.
#[derive(Clone)]
pub(crate) struct WakeSubscription(watch::Receiver<()>);

impl WakeSubscription {
    /// Forgets earlier signals. Call it before looking for work, so that a signal during the look counts.
    pub(crate) fn clear(&mut self) {
        self.0.borrow_and_update();
    }
    /// Resolves at a signal since [`clear`](Self::clear).
    pub(crate) async fn received(&mut self) {
        if self.0.changed().await.is_err() {
            // Nobody can send any more; whoever subscribed still polls.
            std::future::pending::<()>().await;
        }
    }
}

//! Wake-ups inside the process. A ring that comes while somebody is busy is not lost: they look again before they rest.

use tokio::sync::watch;

/// Rings for everybody who listens.
#[derive(Clone)]
pub(crate) struct Bell(watch::Sender<()>);

impl Bell {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(()))
    }
    pub(crate) fn ring(&self) {
        self.0.send_replace(());
    }
    pub(crate) fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }
}

/// One who listens.
#[derive(Clone)]
pub(crate) struct Listener(watch::Receiver<()>);

impl Listener {
    /// Forgets earlier rings. Call it before looking for work, so that a ring during the look counts.
    pub(crate) fn forget(&mut self) {
        self.0.borrow_and_update();
    }
    /// Resolves at a ring since [`forget`](Self::forget).
    pub(crate) async fn rung(&mut self) {
        if self.0.changed().await.is_err() {
            // Nobody can ring any more; whoever listens still polls.
            std::future::pending::<()>().await;
        }
    }
}

//! Wake signals inside the process. Every waiting loop receives one; one that nobody waited for is kept, so that work which
//! arrives between two waits is not left until the next poll.

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(super) struct LocalWake(Notify);

impl LocalWake {
    pub(super) fn send(&self) {
        self.0.notify_waiters();
        // All current waiters are served, so this stays as a permit. At worst one loop looks for work once too often.
        self.0.notify_one();
    }

    pub(super) async fn received(&self) {
        self.0.notified().await;
    }
}

//! The process's own doorbell. Every waiting loop hears a ring; one ring that nobody waited for is kept, so that work which
//! arrives between two waits is not left until the next poll.

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(super) struct Bell(Notify);

impl Bell {
    pub(super) fn ring(&self) {
        self.0.notify_waiters();
        // All current waiters are served, so this stays as a permit. At worst one loop looks for work once too often.
        self.0.notify_one();
    }

    pub(super) async fn rung(&self) {
        self.0.notified().await;
    }
}

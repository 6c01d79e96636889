//! What the front and the pages before a sign-in ask about hosts.

use domain::{Result, tenancy::domains::DomainName};
use store::tenancy::domains::PublicHost;

use crate::App;

impl App {
    /// Whose host it is: an active organization's that has proven it. Everybody may know, for whoever opens the host sees it.
    pub async fn public_host(&self, host: &DomainName) -> Result<Option<PublicHost>> {
        self.store.public_host(host).await
    }
}

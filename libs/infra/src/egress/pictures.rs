//! Fetching a picture that a customer named, once.

use std::time::Duration;

use async_trait::async_trait;
use domain::{Violation, core::ports::Pictures, tenancy::branding::LARGEST_LOGO};
use url::Url;

use super::{Egress, Method, Outgoing};

/// Its owner waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

#[async_trait]
impl Pictures for Egress {
    async fn fetch(&self, field: &str, url: &Url) -> Result<Vec<u8>, Violation> {
        let outgoing = Outgoing {
            method: Method::GET,
            url: url.clone(),
            headers: vec![("accept".to_owned(), "image/png, image/webp, image/jpeg".to_owned())],
            body: Vec::new(),
            timeout: PATIENCE,
            // One more than may be: so a larger one is seen to be larger.
            max_response: LARGEST_LOGO + 1,
        };
        let refused = |code, message| Violation::new(field, code, message);
        match self.send(outgoing).await {
            Ok(answer) if answer.status != 200 => Err(refused(
                "not_fetched",
                "There is no picture: the address must answer 200 itself, redirects are not followed.",
            )),
            Ok(answer) if answer.truncated && answer.body.len() <= LARGEST_LOGO => {
                Err(refused("not_fetched", "The picture did not arrive whole, within 10 seconds."))
            }
            Ok(answer) => Ok(answer.body),
            Err(_) => Err(refused("not_fetched", "The picture could not be fetched. Check the address.")),
        }
    }
}

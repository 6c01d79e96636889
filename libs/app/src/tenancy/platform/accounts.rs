//! Every account, for who operates the platform.

use domain::{PLATFORM, Page, Result, Total, UserId, authorization::policy, core::value::Email, identity::accounts::User};
use store::tenancy::platform::accounts::UserDetail;

use crate::{App, Caller};

impl App {
    /// Accounts that are not closed, newest first, and how many there are.
    pub async fn platform_users(&self, c: &Caller, offset: u64, limit: u64) -> Result<(Vec<User>, Total)> {
        let principal = self.principal(c).await?;
        let scope = policy::platform(&principal)?;
        self.list(PLATFORM, offset > Page::NEAR, self.store.platform_users(scope, offset, limit)).await
    }

    /// The account with that id, or those whose address begins with `text`, by address; and how many there are.
    pub async fn find_users(&self, c: &Caller, text: &str, offset: u64, limit: u64) -> Result<(Vec<User>, Total)> {
        let principal = self.principal(c).await?;
        let scope = policy::platform(&principal)?;
        if text.is_empty() {
            return Ok((Vec::new(), Total::counted(0)));
        }
        if let Ok(id) = text.parse::<UserId>() {
            return match self.store.user_detail(scope, id, c.call.now).await {
                Ok(found) => Ok((vec![found.user], Total::counted(1))),
                Err(e) if e.kind == domain::Kind::NotFound => Ok((Vec::new(), Total::counted(0))),
                Err(e) => Err(e),
            };
        }
        // As addresses are kept: one that is whole in its own form, the beginning of one in lower case.
        let beginning = text.parse::<Email>().map_or_else(|_| text.to_lowercase(), |email| email.to_string());
        self.list(PLATFORM, offset > Page::NEAR, self.store.find_users(scope, &beginning, offset, limit)).await
    }

    /// One account, and what it is used for. `NotFound`.
    pub async fn platform_user(&self, c: &Caller, id: UserId) -> Result<UserDetail> {
        let principal = self.principal(c).await?;
        self.store.user_detail(policy::platform(&principal)?, id, c.call.now).await
    }
}

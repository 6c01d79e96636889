//! The streams of the platform's own log, for who operates it.

use domain::{
    LogStreamId, PLATFORM, Result,
    authorization::policy,
    delivery::log_streams::{LogStream, verdict::Failure},
};
use store::Change;

use super::{LogStreamChanges, NewLogStream, create, delete, fits, trial::tested, update};
use crate::{App, Caller};

impl App {
    /// The streams.
    pub async fn platform_log_streams(&self, c: &Caller) -> Result<Vec<LogStream>> {
        let principal = self.principal(c).await?;
        self.store.list_log_streams(policy::platform(&principal)?).await
    }

    /// One stream.
    pub async fn platform_log_stream(&self, c: &Caller, id: LogStreamId) -> Result<LogStream> {
        let principal = self.principal(c).await?;
        self.store.get_log_stream(policy::platform(&principal)?, id).await
    }

    /// Makes a stream. `AlreadyExists` (`log_stream_name_taken`), `Conflict` (`log_stream_limit`).
    pub async fn create_platform_log_stream(&self, c: &Caller, new: &NewLogStream) -> Result<LogStream> {
        policy::platform(&self.principal(c).await?)?;
        fits(new.provider, &new.url)?;
        self.check_receiver_url(&new.url).await?;
        self.as_operator(c, async |tx, scope| create(tx, scope, new).await).await
    }

    /// Changes a stream, all of it or nothing.
    pub async fn update_platform_log_stream(&self, c: &Caller, id: LogStreamId, changes: &LogStreamChanges) -> Result<LogStream> {
        if let Some(url) = &changes.url {
            policy::platform(&self.principal(c).await?)?;
            self.check_receiver_url(url).await?;
        }
        self.as_operator(c, async |tx, scope| update(tx, scope, id, changes).await).await
    }

    /// Deletes a stream.
    pub async fn delete_platform_log_stream(&self, c: &Caller, id: LogStreamId) -> Result<()> {
        self.as_operator(c, async |tx, scope| delete(tx, scope, id).await).await
    }

    /// Sends the receiver a test record. `RateLimited`.
    pub async fn test_platform_log_stream(&self, c: &Caller, id: LogStreamId) -> Result<Option<Failure>> {
        let principal = self.principal(c).await?;
        let scope = policy::platform(&principal)?;
        let stream = self.store.get_log_stream(scope, id).await?;
        let credentials = self.store.log_stream_credentials(scope, id).await?;
        let tried = self.try_receiver(&stream, credentials).await?;
        self.as_operator(c, async |_, _| Ok(Change::new((), PLATFORM, tested(&stream, tried)))).await?;
        Ok(tried)
    }
}

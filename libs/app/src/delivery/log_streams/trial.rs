//! Trying a receiver out with one record that says that it is a test.

use std::time::Duration;

use domain::{
    Event, LogStreamId, Result,
    authorization::{
        policy::{OrgScope, Read, decide, may_try},
        resource::LogStreams,
    },
    core::{ports::RateRequest, rate::Limit, value::Slug},
    delivery::log_streams::{LogStream, Receiver, credentials::Credentials, verdict::Failure},
};
use store::Change;

use crate::{App, Caller};

/// Tests of one log's streams: ten at once, then one each half a minute.
const PER_LOG: Limit = Limit { burst: 10, period: Duration::from_secs(30) };

impl App {
    /// Sends the receiver a test record, whether the stream is on or not, and tells what became of it. `RateLimited`.
    pub async fn test_log_stream(&self, c: &Caller, slug: &Slug, id: LogStreamId) -> Result<Option<Failure>> {
        let standing = self.standing(c, slug).await?;
        may_try::<LogStreams>(&standing)?;
        let scope: OrgScope<'_, LogStreams, Read> = decide(&standing)?;
        let stream = self.store.get_log_stream(scope, id).await?;
        let credentials = self.store.log_stream_credentials(scope, id).await?;
        let tried = self.try_receiver(&stream, credentials).await?;
        self.in_org::<LogStreams, _>(c, slug, async |_, scope| Ok(Change::new((), scope.org(), tested(&stream, tried)))).await?;
        Ok(tried)
    }

    /// It takes as long as the receiver does: no transaction waits for it.
    pub(super) async fn try_receiver(&self, stream: &LogStream, credentials: Credentials) -> Result<Option<Failure>> {
        self.admit("log stream tests", &[RateRequest::new(format!("siem-test:{}", stream.org_id), PER_LOG)]).await?;
        let to = Receiver {
            id: stream.id,
            provider: stream.provider,
            url: stream.url.clone(),
            options: stream.options.clone(),
            credentials,
        };
        Ok(self.receivers.try_out(&to).await.err())
    }
}

pub(super) fn tested(stream: &LogStream, failure: Option<Failure>) -> Event {
    Event::LogStreamTested {
        siem_config_id: stream.id,
        name: stream.name.to_string(),
        succeeded: failure.is_none(),
        reason: failure.map(|failure| failure.reason.as_str()),
        status: failure.and_then(|failure| failure.status).map(Into::into),
    }
}

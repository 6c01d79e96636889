//! Reading the event feed: page by page, waiting for what comes next, or following it.
//!
//! Every page is decided anew, so that a reader who is removed, or whose session ends, is cut off at the next one; whoever waits
//! looks again every few seconds for that reason alone. Each look is a read, and counted as one.

mod watch;

use std::time::Duration;

use domain::{
    Error, EventId, Result,
    authorization::{
        policy::{OrgScope, Read, decide},
        resource::Feed,
    },
    core::value::Slug,
};
use store::events::feed::FeedEvent;
use tokio::time::{Instant, timeout};

use self::watch::Who;
pub use self::watch::{Follower, Share, Watch};
use crate::{App, Caller, core::limits::Group};

/// Where a reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Before the oldest event that is kept.
    Oldest,
    /// Behind the last one: only what happens from now on.
    Latest,
    /// Behind the event with this number.
    Seq(i64),
    /// Behind this event.
    Event(EventId),
}

/// A piece of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedPage {
    /// The events, in order.
    pub events: Vec<FeedEvent>,
    /// Where the reader stands now.
    pub next: i64,
    /// Whether there is more already.
    pub has_more: bool,
}

/// How long anybody waits before it is decided anew whether they may.
pub const DECIDE_AGAIN: Duration = Duration::from_secs(5);

impl App {
    /// At most `limit` events after a place.
    pub async fn feed(&self, c: &Caller, slug: &Slug, after: After, limit: u64) -> Result<FeedPage> {
        let standing = self.standing(c, slug).await?;
        let scope = decide(&standing)?;
        let after = self.place(scope, after).await?;
        let mut events = self.list(scope.org(), false, self.store.feed_after(scope, after, limit + 1)).await?;
        let has_more = events.len() as u64 > limit;
        events.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let next = events.last().map_or(after, |event| event.seq);
        Ok(FeedPage { events, next, has_more })
    }

    async fn place(&self, scope: OrgScope<'_, Feed, Read>, after: After) -> Result<i64> {
        match after {
            After::Oldest => self.store.feed_oldest(scope).await,
            After::Latest => self.store.feed_latest(scope).await,
            After::Seq(seq) => Ok(seq),
            After::Event(id) => self.store.feed_place(scope, id).await?.ok_or_else(|| {
                Error::field(
                    "after",
                    "unknown_event",
                    "There is no such event in this feed. An event that has just happened takes a moment to get its place.",
                )
            }),
        }
    }

    /// The same, but an empty page is answered only after `wait`, or when `stop` resolves.
    pub async fn await_feed(
        &self,
        c: &Caller,
        slug: &Slug,
        after: After,
        limit: u64,
        wait: Duration,
        stop: impl Future<Output = ()>,
    ) -> Result<FeedPage> {
        let (deadline, mut stop, mut c) = (Instant::now() + wait, std::pin::pin!(stop), c.clone());
        // Followed before the first look, so that nothing can happen in between unseen.
        let mut follower = self.follow_feed(&c, slug).await?;
        let mut page = self.feed(&c, slug, after, limit).await?;
        while page.events.is_empty() && Instant::now() < deadline {
            let patience = DECIDE_AGAIN.min(deadline - Instant::now());
            tokio::select! { _ = timeout(patience, follower.moved_past(page.next)) => {}, () = &mut stop => return Ok(page) }
            c.call.now = self.clock.now();
            if self.count_look(&c, slug).await.is_err() {
                // Their next request is told so.
                return Ok(page);
            }
            page = self.feed(&c, slug, After::Seq(page.next), limit).await?;
        }
        Ok(page)
    }

    /// Counts another look of somebody who waits or follows, as the read that it is. `RateLimited` with how long to wait.
    pub async fn count_look(&self, c: &Caller, slug: &Slug) -> Result<()> {
        self.admit_caller(Group::Reads, &c.who, Some(slug.as_str()), c.call.now).await.outcome
    }

    /// Hears of the feed's moving on. `RateLimited`: too many of this account's, or of this organization's, readers wait in this process. An
    /// owner always finds room for a few.
    pub async fn follow_feed(&self, c: &Caller, slug: &Slug) -> Result<Follower> {
        let standing = self.standing(c, slug).await?;
        let scope: OrgScope<'_, Feed, Read> = decide(&standing)?;
        let who = Who { id: c.who.id(), owner: standing.facts().authority.is_owner() };
        self.watch.follow(scope.org(), who, self.settings.feed_readers, &self.store, &self.kv)
    }
}

//! Server-sent events (the WHATWG HTML standard, section 9.2): one connection on which the feed goes on by itself.

use std::time::Duration;

use actix_web::{HttpResponse, http::header, web};
use app::{
    App, Caller,
    events::feed::{After, DECIDE_AGAIN, FeedPage, Follower},
};
use domain::{Result, Time, core::value::Slug};
use futures::stream::unfold;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::FeedEventResponse;
use crate::http::{
    draining::Draining,
    error::{ApiError, ErrorBody},
};

/// Between two looks of a stream that has told everything: what happens in quick succession is told together.
const PACE: Duration = Duration::from_millis(200);

/// Events of one look.
const PAGE: u64 = 100;

pub(super) const MEDIA: &str = "text/event-stream";

/// One who follows the feed.
pub(super) struct Reader {
    app: web::Data<App>,
    draining: web::Data<Draining>,
    caller: Caller,
    slug: Slug,
    follower: Follower,
    after: i64,
    has_more: bool,
    /// Not looked again before.
    not_before: Instant,
    /// What is sent before anything else.
    first: Option<String>,
    /// The stream does not outlive the access token by more than its lifetime.
    ends_at: Time,
    ended: bool,
}

impl Reader {
    /// Reads the first page, so that a refusal is an answer and not a broken stream.
    pub(super) async fn begin(
        app: web::Data<App>,
        draining: web::Data<Draining>,
        caller: Caller,
        slug: Slug,
        after: After,
    ) -> Result<Self> {
        let follower = app.follow_feed(&caller, &slug).await?;
        let page = app.feed(&caller, &slug, after, PAGE).await?;
        let ends_at = caller.call.now + app.settings.access_ttl;
        let (after, has_more) = (page.next, page.has_more);
        // Something at once: proxies hold an answer back until its first byte.
        let first = Some(format!("retry: 1000\n\n{}", render(page)));
        let not_before = Instant::now() + PACE;
        Ok(Self { app, draining, caller, slug, follower, after, has_more, not_before, first, ends_at, ended: false })
    }

    /// The next piece of the stream: events, or a sign of life. `None` at its end.
    async fn next(mut self) -> Option<(Result<web::Bytes, ApiError>, Self)> {
        let text = match self.first.take() {
            Some(first) => first,
            None => self.following().await?,
        };
        Some((Ok(text.into()), self))
    }

    async fn following(&mut self) -> Option<String> {
        if self.ended {
            return None;
        }
        if !self.has_more {
            let moved = timeout(DECIDE_AGAIN, self.follower.moved_past(self.after));
            let moved = async { tokio::join!(moved, sleep_until(self.not_before)) };
            tokio::select! { _ = moved => {}, () = self.draining.begun() => return None }
        }
        self.caller.call.now = self.app.clock.now();
        if self.caller.call.now >= self.ends_at {
            return None;
        }
        if let Err(e) = self.app.count_look(&self.caller, &self.slug).await {
            return self.pause(&e).await;
        }
        self.not_before = Instant::now() + PACE;
        match self.app.feed(&self.caller, &self.slug, After::Seq(self.after), PAGE).await {
            Ok(page) => {
                (self.after, self.has_more) = (page.next, page.has_more);
                Some(render(page))
            }
            Err(e) => {
                self.ended = true;
                Some(farewell(&e))
            }
        }
    }
}

impl Reader {
    /// Lets the account's budget recover: what happens meanwhile comes with the next look. Nothing is told that was not decided.
    async fn pause(&mut self, refused: &domain::Error) -> Option<String> {
        let wait = Duration::from_secs(refused.retry_after.unwrap_or(1).into()).min(DECIDE_AGAIN);
        tokio::select! { () = sleep(wait) => Some(":\n\n".to_owned()), () = self.draining.begun() => None }
    }
}

/// The events of a page; a comment where there are none.
fn render(page: FeedPage) -> String {
    if page.events.is_empty() {
        return ":\n\n".to_owned();
    }
    let block = |event| {
        let event = FeedEventResponse::from(event);
        // One line: JSON has no line break outside of its escapes.
        format!("id: {}\ndata: {}\n\n", event.seq, serde_json::to_string(&event).unwrap_or_default())
    };
    page.events.into_iter().map(block).collect()
}

/// Why the stream ends: the reader may not go on, or the database is away. Whoever connects again is told by a status.
fn farewell(e: &domain::Error) -> String {
    crate::http::error::log(e);
    format!("event: error\ndata: {}\n\n", serde_json::to_string(&ErrorBody::from(e)).unwrap_or_default())
}

/// The endless answer.
pub(super) fn answer(reader: Reader) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(MEDIA)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // nginx gathers an answer otherwise.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(unfold(reader, Reader::next))
}

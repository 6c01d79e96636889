//! The event feed: the organization's events in one order without gaps, as pages, as a long poll, and as server-sent events.

mod stream;

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, get, http::header, web};
use app::{
    App,
    events::feed::{After, FeedPage},
};
use domain::{BadValue, Violation, all, authorization::resource::Feed};
use serde::Serialize;
use store::events::feed::FeedEvent;
use utoipa::ToSchema;

use self::stream::Reader;
use crate::http::{
    context::SignedIn,
    draining::Draining,
    error::ApiResult,
    operations::{Routes, Tag, reading},
    path::OrgPath,
    wire::Query,
};

const EVENTS: Tag = Tag { name: "events", about: "The ordered feed of what happened." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(EVENTS).of_org(list, reading::<Feed>());
}

/// One event at its place.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"seq": 42, "id": "evt_019ab2c3d4e57f008000000000000007", "payload": {"event": "user.joined", "timestamp": "2026-11-23T09:00:00.000000Z", "organization_id": "org_019ab2c3d4e57f008000000000000001", "data": {"role": "member"}}}))]
struct FeedEventResponse {
    /// Its number in this organization, from 1, without gaps. The `id` of a server-sent event.
    seq: i64,
    /// The same as in the audit log and in the `webhook-id` header.
    id: String,
    /// What webhooks post.
    #[schema(value_type = Object)]
    payload: serde_json::Value,
}

impl From<FeedEvent> for FeedEventResponse {
    fn from(e: FeedEvent) -> Self {
        Self { seq: e.seq, id: e.id.to_string(), payload: serde_json::from_str(&e.body).unwrap_or_default() }
    }
}

/// A piece of the feed.
#[derive(Serialize, ToSchema)]
struct FeedResponse {
    /// In order.
    events: Vec<FeedEventResponse>,
    /// Send it as `after` to go on.
    next: i64,
    /// Whether there is more already.
    has_more: bool,
}

impl From<FeedPage> for FeedResponse {
    fn from(page: FeedPage) -> Self {
        Self { events: page.events.into_iter().map(Into::into).collect(), next: page.next, has_more: page.has_more }
    }
}

/// `latest`, a number, or an event's id.
struct Cursor(After);

impl std::str::FromStr for Cursor {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        let seq = || s.parse().ok().filter(|seq: &i64| *seq >= 0).map(After::Seq);
        let event = || s.parse().ok().map(After::Event);
        let latest = (s == "latest").then_some(After::Latest);
        latest.or_else(seq).or_else(event).map(Self).ok_or_else(|| BadValue {
            code: "bad_cursor",
            message: "Send `next` of the last page, the id of an event, or `latest`.".into(),
        })
    }
}

/// Where a browser that lost its stream left off; it says so instead of what stands in the address.
fn last_event_id(req: &HttpRequest) -> Result<Option<Cursor>, Violation> {
    let Some(sent) = req.headers().get("last-event-id").and_then(|value| value.to_str().ok()).filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    sent.parse().map(Some).map_err(|bad: BadValue| Violation::new("Last-Event-ID", bad.code, bad.message))
}

/// Seconds that a long poll may last: clients of this API give up after thirty.
const LONGEST_WAIT: i64 = 25;

/// What happened, in order: each event of this organization exactly once, numbered from 1 without gaps, the same for every reader. Events
/// appear here within moments of the change that they tell of, and carry the ids that webhooks carry. With `wait` an empty page is only
/// answered when something happens or the time is over. With `Accept: text/event-stream` the feed is streamed: each event's `id` is
/// its number, `data` its JSON; a comment line comes every few seconds, and the stream ends after the lifetime of an access token: connect again
/// with `Last-Event-ID` (browsers do). A reader who comes back after the retention time gets 400 with the code `cursor_expired`.
#[utoipa::path(
    operation_id = "organizations.events.list",
    params(
        ("after" = Option<String>, Query, description = "Where to go on: `next` of the last page, an event's id, or `latest`. Default: the oldest event that is kept."),
        ("limit" = Option<i64>, Query, description = "1 to 100; default 50."),
        ("wait" = Option<i64>, Query, description = "Seconds to wait for an event, 0 to 25; default 0."),
        ("Last-Event-ID" = Option<String>, Header, description = "Wins over `after`."),
    ),
    responses((status = 200, description = "The next events.", content((FeedResponse = "application/json"), (String = "text/event-stream")))),
)]
#[get("/events")]
async fn list(
    app: web::Data<App>,
    draining: web::Data<Draining>,
    who: SignedIn<OrgPath>,
    req: HttpRequest,
    query: Query,
) -> ApiResult<HttpResponse> {
    let slug = who.path.org;
    let (after, resumed, limit, wait) =
        all((query.parsed::<Cursor>("after"), last_event_id(&req), query.number("limit"), query.number("wait")))?;
    let after = resumed.or(after).map_or(After::Oldest, |cursor| cursor.0);
    let limit = limit.unwrap_or(50).clamp(1, 100).cast_unsigned();
    if wants_stream(&req) {
        return Ok(stream::answer(Reader::begin(app, draining, who.caller, slug, after).await?));
    }
    let wait = Duration::from_secs(wait.unwrap_or(0).clamp(0, LONGEST_WAIT).cast_unsigned());
    let page = if wait.is_zero() {
        app.feed(&who.caller, &slug, after, limit).await?
    } else {
        app.await_feed(&who.caller, &slug, after, limit, wait, draining.begun()).await?
    };
    Ok(HttpResponse::Ok().json(FeedResponse::from(page)))
}

fn wants_stream(req: &HttpRequest) -> bool {
    let accepted = req.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|media| media.split(';').next().is_some_and(|name| name.trim() == stream::MEDIA))
}

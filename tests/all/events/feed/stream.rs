//! The feed as server-sent events, read as a browser reads it: block by block, off one connection.

use chrono::TimeDelta;
use reqwest::Response;
use serde_json::{Value, json};
use tenantry_tests::{Options, Org, TestApp, User, both};

use super::acme;

/// An open stream.
struct Stream {
    response: Response,
    gathered: String,
}

impl Stream {
    #[expect(clippy::disallowed_methods, reason = "the test is the client")]
    async fn open(app: &TestApp, who: &User, org: &Org, query: &str, last: Option<&str>) -> Self {
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let mut request = http.get(format!("{}{}", app.client().base(), org.at(&format!("events{query}"))));
        request = request.bearer_auth(&who.access).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, gathered: String::new() }
    }

    /// The next block that is not a comment; `None` at the end of the stream.
    async fn block(&mut self) -> Option<Vec<(String, String)>> {
        loop {
            while let Some((block, rest)) = self.gathered.split_once("\n\n") {
                let lines = block.lines().filter_map(|line| line.split_once(": "));
                let fields: Vec<_> = lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                self.gathered = rest.to_owned();
                if !fields.is_empty() && fields[0].0 != "retry" {
                    return Some(fields);
                }
            }
            let chunk = self.response.chunk().await.unwrap()?;
            self.gathered.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event: its `id` line and its JSON.
    async fn event(&mut self) -> (String, Value) {
        let block = self.block().await.expect("an event");
        let [(id, seq), (data, json)] = block.as_slice() else { panic!("{block:?}") };
        assert_eq!((id.as_str(), data.as_str()), ("id", "data"), "{block:?}");
        (seq.clone(), serde_json::from_str(json).unwrap())
    }
}

both!(a_stream_goes_on_by_itself_and_resumes_where_it_broke, async |app| {
    let (ann, org) = acme(app).await;
    app.worker().await;
    let mut stream = Stream::open(app, &ann, &org, "", None).await;
    let (seq, first) = stream.event().await;
    assert_eq!((seq.as_str(), &first["seq"], &first["payload"]["event"]), ("1", &json!(1), &json!("organization.created")));
    app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.worker().await;
    let (seq, second) = stream.event().await;
    assert_eq!((seq.as_str(), &second["payload"]["event"]), ("2", &json!("user.invited")));
    let page = app.by(&ann).get(&org.at("events?after=1")).await.ok();
    assert_eq!(page["events"][0], second, "the same as on a page");
    drop(stream);
    app.invite(&ann, "acme", "cy@example.com", "member").await;
    app.worker().await;
    let mut resumed = Stream::open(app, &ann, &org, "?after=latest", Some("2")).await;
    assert_eq!(resumed.event().await.0, "3", "Last-Event-ID wins");
});

both!(t22_a_stream_ends_for_whoever_is_removed, async |app| {
    let (ann, org) = acme(app).await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    app.worker().await;
    let mut stream = Stream::open(app, &bob, &org, "?after=latest", None).await;
    app.by(&ann).post(&org.at(&format!("members/{}", bob.id)), json!({})).await.done();
    app.worker().await;
    let farewell = stream.block().await.unwrap();
    assert_eq!(farewell[0], ("event".to_owned(), "error".to_owned()));
    assert!(farewell[1].1.contains("not_a_member") && !farewell[1].1.contains("user.removed"), "{farewell:?}");
    assert!(stream.block().await.is_none(), "and nothing after it");
});

both!(a_stream_does_not_outlive_an_access_token, async |app| {
    let (ann, org) = acme(app).await;
    app.worker().await;
    let mut stream = Stream::open(app, &ann, &org, "?after=latest", None).await;
    app.advance(TimeDelta::minutes(11));
    let again = app.again(&ann).await;
    app.invite(&again, "acme", "bob@example.com", "member").await;
    app.worker().await;
    assert!(stream.block().await.is_none(), "the event belongs to the next stream");
});

both!(a_process_keeps_a_bounded_number_of_readers, async |app| {
    let (ann, org) = acme(app).await;
    app.worker().await;
    let mut streams = Vec::new();
    let root = app.platform_owner().await;
    app.more_seats(&root, &org).await;
    app.role(&ann, "acme", "plumber", &["webhooks.manage"]).await;
    let full = async |who: &User| {
        let refused = app.by(who).get(&org.at("events?wait=5")).await;
        assert_eq!(refused.header("retry-after"), "5");
        refused.refused(429, "TOO_MANY_REQUESTS");
        app.by(who).get(&org.at("events")).await.ok();
    };
    for n in 0..5 {
        let plumber = app.member(&ann, "acme", &format!("plumber{n}@example.com"), "plumber").await;
        for _ in 0..20 {
            streams.push(Stream::open(app, &plumber, &org, "?after=latest", None).await);
        }
        full(&plumber).await;
    }
    // A hundred streams of others: whoever comes late finds no room, and the owner does.
    let late = app.member(&ann, "acme", "late@example.com", "plumber").await;
    full(&late).await;
    for _ in 0..5 {
        streams.push(Stream::open(app, &ann, &org, "?after=latest", None).await);
    }
    full(&ann).await;
    // Who goes leaves room.
    streams.drain(..20);
    let mut tries = 0;
    while app.by(&late).get(&org.at("events?after=latest&wait=1")).await.status == 429 {
        tries += 1;
        assert!(tries < 600, "a place that was left stays taken");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
});

both!(
    every_look_of_a_stream_is_a_read_of_its_account,
    // Without Redis, whose clock goes on: the process's own stands still here.
    Options::default()
        .rate_limits()
        .set("redis.url", "")
        .set("rate_limits.sign_in_burst", 10_000)
        .set("rate_limits.account_reads_per_second", 1)
        .set("rate_limits.account_reads_burst", 30),
    async |app| {
        let (ann, org) = acme(app).await;
        app.worker().await;
        let left = async || app.by(&ann).get("/api/user").await.header("ratelimit-remaining").parse::<i64>().unwrap();
        let mut stream = Stream::open(app, &ann, &org, "?after=latest", None).await;
        let before = left().await;
        for n in 0..3 {
            app.invite(&ann, "acme", &format!("bob{n}@example.com"), "member").await;
            app.worker().await;
            stream.event().await;
        }
        assert!(left().await <= before - 4, "three looks, and this question");
    }
);

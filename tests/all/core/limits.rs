//! Limits of signed-in callers, and what every answer says about limits. Exact where the test moves the clock that counts; Redis counts with
//! its own, so there only what holds however slow the machine is. Sign-in, guesses and mails: `attacks/limits.rs`.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Client, Database, Options, PASSWORD, Response, TestApp, both, run, text};

/// Limits on, and all so high that none is reached but those that a test lowers.
fn limited() -> Options {
    let options = Options::default().rate_limits().set("rate_limits.sign_in_burst", 10_000);
    ["account", "organization"].into_iter().fold(options, |options, whose| {
        ["reads", "writes", "exports"].into_iter().fold(options, |options, group| {
            let unit = if group == "exports" { "minute" } else { "second" };
            options
                .set(&format!("rate_limits.{whose}_{group}_per_{unit}"), 1)
                .set(&format!("rate_limits.{whose}_{group}_burst"), 100_000)
        })
    })
}

fn number(answer: &Response, name: &str) -> u32 {
    answer.header(name).parse().unwrap_or_else(|_| panic!("`{name}` of {answer}: {:?}", answer.headers))
}

/// A refusal that says when to come back, and that nothing is left until then.
#[track_caller]
fn later(answer: Response, at_most: u32) {
    let seconds = number(&answer, "retry-after");
    assert!((1..=at_most).contains(&seconds), "{seconds} seconds: {answer}");
    assert_eq!(number(&answer, "ratelimit-remaining"), 0, "{answer}");
    assert!(number(&answer, "ratelimit-reset") >= seconds, "{answer}");
    answer.refused_as(429, "TOO_MANY_REQUESTS", "rate_limited");
}

/// Calls until it is refused; how often it was not.
async fn served(by: &Client, path: &str, at_most: usize) -> usize {
    for n in 0..at_most {
        if by.get(path).await.status == 429 {
            return n;
        }
    }
    at_most
}

struct Documented {
    id: String,
    method: Method,
    path: String,
    /// What it is counted as, by the sentence of its 429.
    counted: Option<&'static str>,
    refusal: Value,
}

/// What a 429 says in the document, and what is counted then.
const SENTENCES: [(&str, &str); 4] = [
    ("Too many sign-in calls from this network.", "sign_in"),
    ("Too many reads by this account", "reads"),
    ("Too many writes by this account", "writes"),
    ("Too many exports by this account", "exports"),
];

fn counted(operation: &Value) -> Option<&'static str> {
    let said = operation["responses"]["429"]["description"].as_str()?;
    // What has a limit of its own says nothing of it before that is used up.
    if ["Too many calls from this network.", "Too many requests ", "Too many tries"].iter().any(|own| said.starts_with(own)) {
        return None;
    }
    let known = SENTENCES.iter().find(|(sentence, _)| said.starts_with(sentence));
    Some(known.unwrap_or_else(|| panic!("no such limit: {said}")).1)
}

fn documented() -> Vec<Documented> {
    let document: Value = serde_json::from_str(&api::http::openapi::document().to_json().unwrap()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            let (id, method) = (text(&operation["operationId"]), method.to_uppercase().parse().unwrap());
            let counted = counted(operation);
            let path =
                path.split('/').map(|part| if part.starts_with('{') { "nothing" } else { part }).collect::<Vec<_>>().join("/");
            found.push(Documented { id, method, path, counted, refusal: operation["responses"]["429"].clone() });
        }
    }
    // Signing out ends what the others need.
    found.sort_by_key(|operation| operation.id == "auth.logout");
    found
}

#[test]
fn every_operation_is_counted_as_the_document_says() {
    let options = limited()
        .set("rate_limits.sign_in_burst", 901)
        .set("rate_limits.account_reads_burst", 902)
        .set("rate_limits.account_writes_burst", 903)
        .set("rate_limits.account_exports_burst", 904);
    run(Database::Sqlite, options, async |app| {
        let ann = app.sign_up("ann@example.com").await;
        let operations = documented();
        assert!(operations.len() > 50 && operations.iter().any(|operation| operation.counted.is_none()));
        for operation in operations {
            let expected = match operation.counted {
                None => "",
                Some("sign_in") => "901",
                Some("reads") => "902",
                Some("writes") => "903",
                Some(_) => "904",
            };
            let answer = app.by(&ann).request(operation.method, &operation.path).send().await;
            assert_eq!(answer.header("ratelimit-limit"), expected, "{}: {answer}", operation.id);
            let headers = operation.refusal["headers"].as_object().map(|headers| headers.len());
            let own = operation.refusal.is_object().then_some(1);
            assert_eq!(headers, operation.counted.map(|_| 4).or(own), "{}: the document's 429", operation.id);
            if operation.counted.is_some() {
                assert!(number(&answer, "ratelimit-remaining") < number(&answer, "ratelimit-limit"), "{answer}");
                number(&answer, "ratelimit-reset");
            }
        }
    });
}

#[test]
fn an_account_has_a_budget_for_reads_and_one_for_writes() {
    let options = limited()
        .set("rate_limits.account_reads_burst", 7)
        .set("rate_limits.account_writes_burst", 4)
        .set("rate_limits.account_exports_burst", 2);
    run(Database::Sqlite, options, async |app| {
        let ann = app.sign_up("ann@example.com").await;
        let bob = app.sign_up("bob@example.com").await;
        app.create_org(&ann, "acme").await;
        // Another sign-in of the same person is the same account.
        let again = app.again(&ann).await;
        app.advance(TimeDelta::minutes(5));
        let by = app.by(&ann);
        for left in (0..7).rev() {
            let answer = by.get("/api/user").await;
            assert_eq!(
                (answer.status, number(&answer, "ratelimit-limit"), number(&answer, "ratelimit-remaining")),
                (200, 7, left)
            );
            assert_eq!(number(&answer, "ratelimit-reset"), 7 - left);
        }
        for path in ["/api/user", "/api/organizations", "/api/organizations/acme", "/api/organizations/nowhere"] {
            later(by.get(path).await, 1);
        }
        // Writes are counted apart, and so is everybody else; a body that is no good counts.
        for _ in 0..4 {
            by.post("/api/organizations", json!({})).await.refused(400, "BAD_REQUEST");
        }
        later(by.post("/api/organizations", json!({"slug": "other", "name": "Other"})).await, 1);
        later(by.delete("/api/organizations/acme").await, 1);
        app.by(&bob).get("/api/user").await.ok();
        for _ in 0..2 {
            by.get("/api/organizations/acme/audit-log/export").await.expect(200);
        }
        later(by.get("/api/organizations/acme/audit-log/export").await, 60);
        later(app.by(&again).get("/api/user").await, 1);
        app.advance(TimeDelta::seconds(2));
        assert_eq!(served(&app.by(&again), "/api/user", 10).await, 2, "one a second comes back");
        by.get("/health/ready").await.ok();
        // Whoever is nobody is told so, at nobody's cost.
        for _ in 0..20 {
            app.client().bearer("nonsense").get("/api/user").await.refused(401, "JWT_ERROR");
        }
    });
}

#[test]
fn members_share_an_organizations_budget_and_strangers_have_no_part_in_it() {
    run(Database::Sqlite, limited().set("rate_limits.organization_reads_burst", 10), async |app| {
        let ann = app.sign_up("ann@example.com").await;
        let bob = app.sign_up("bob@example.com").await;
        let acme = app.create_org(&ann, "acme").await;
        let cy = app.member(&ann, "acme", "cy@example.com", "member").await;
        app.create_org(&bob, "other").await;
        app.advance(TimeDelta::minutes(2));
        let (ann, cy, bob) = (app.again(&ann).await, app.again(&cy).await, app.again(&bob).await);
        // A stranger names the slug, a hundred times and in every way.
        for path in ["/api/organizations/acme", "/api/organizations/acme/members", "/api/organizations/acme/audit-log"] {
            for _ in 0..40 {
                app.by(&bob).get(path).await.refused(403, "FORBIDDEN");
            }
        }
        // The first request shows that they belong there and is their own; then the ten are theirs together.
        for by in [&ann, &cy] {
            app.by(by).get(&acme.path).await.ok();
        }
        for left in (0..10).rev() {
            let answer = app.by(if left % 2 == 0 { &ann } else { &cy }).get(&acme.path).await;
            assert_eq!(
                (answer.status, number(&answer, "ratelimit-limit"), number(&answer, "ratelimit-remaining")),
                (200, 10, left)
            );
        }
        later(app.by(&ann).get(&acme.path).await, 1);
        later(app.by(&cy).get(&acme.at("members")).await, 1);
        // What is not the organization's goes on, and so do other organizations, and the refusals of strangers.
        app.by(&ann).get("/api/user").await.ok();
        app.by(&bob).get("/api/organizations/other").await.ok();
        app.by(&bob).get(&acme.path).await.refused(403, "FORBIDDEN");
        app.advance(TimeDelta::seconds(10));
        // Whoever was removed is a stranger from the next request on.
        app.by(&ann).post_empty(&acme.at(&format!("members/{}", cy.id))).await.done();
        for _ in 0..30 {
            assert!(matches!(app.by(&cy).get(&acme.path).await.status, 401 | 403));
        }
        assert_eq!(served(&app.by(&ann), &acme.path, 20).await, 9, "one was spent before it was known that they had left");
    });
}

both!(
    a_stranger_does_not_slow_a_tenant,
    limited().set("rate_limits.organization_reads_burst", 8).set("rate_limits.organization_writes_burst", 8),
    async |app| {
        let ann = app.sign_up("ann@example.com").await;
        let acme = app.create_org(&ann, "acme").await;
        let bob = app.sign_up("bob@example.com").await;
        app.advance(TimeDelta::minutes(2));
        app.by(&ann).get(&acme.path).await.ok();
        for n in 0..120 {
            app.by(&bob).get(&acme.path).await.refused(403, "FORBIDDEN");
            // Invitations are mails, of which an organization, and an address, has few.
            let body = json!({"email": if n % 2 == 0 { "cy@example.com".to_owned() } else { format!("x{n}@example.com") }, "role": "member"});
            app.by(&bob).post(&acme.at("invitations"), body).await.refused(403, "FORBIDDEN");
        }
        for _ in 0..6 {
            app.by(&ann).get(&acme.path).await.ok();
        }
        app.by(&ann).post(&acme.at("invitations"), json!({"email": "cy@example.com", "role": "member"})).await.ok();
        // And the budget is one: a member who hammers is stopped.
        assert!(served(&app.by(&ann), &acme.path, 200).await < 200);
    }
);

both!(a_token_that_was_signed_out_uses_up_nothing, limited().set("rate_limits.account_reads_burst", 20), async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let other = app.login("ann@example.com", PASSWORD).await;
    app.by(&other).post_empty("/api/auth/logout").await.ok();
    for _ in 0..60 {
        app.by(&other).get("/api/user").await.refused_as(401, "UNAUTHORIZED", "session_ended");
    }
    for _ in 0..10 {
        app.by(&ann).get("/api/user").await.ok();
    }
});

#[test]
fn browsers_may_read_the_headers_and_without_limits_there_are_none() {
    run(Database::Sqlite, limited(), async |app| {
        let ann = app.sign_up("ann@example.com").await;
        let answer = app.by(&ann).request(Method::GET, "/api/user").header("origin", "https://app.example.com").send().await;
        let exposed = answer.header("access-control-expose-headers").to_lowercase();
        for name in ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"] {
            assert!(exposed.contains(name), "{exposed}");
        }
    });
    run(Database::Sqlite, Options::default().set("rate_limits.account_reads_burst", 1), async |app| {
        let ann = app.sign_up("ann@example.com").await;
        for _ in 0..30 {
            let answer = app.by(&ann).get("/api/user").await;
            assert_eq!((answer.status, answer.header("ratelimit-limit")), (200, ""));
        }
    });
    let free = limited().set("rate_limits.account_reads_per_second", 0).set("rate_limits.account_reads_burst", 1);
    run(Database::Sqlite, free, async |app: &TestApp| {
        let ann = app.sign_up("ann@example.com").await;
        assert_eq!(served(&app.by(&ann), "/api/user", 50).await, 50, "a rate of 0 is no limit");
    });
}

#[test]
fn refusals_are_counted_in_the_metrics() {
    let options = limited().set("rate_limits.account_reads_burst", 1).set("metrics.token", "operator");
    run(Database::Sqlite, options, async |app| {
        let ann = app.sign_up("ann@example.com").await;
        assert!(served(&app.by(&ann), "/api/user", 10).await < 10);
        let metrics = app.client().bearer("operator").get("/metrics").await.expect(200).text();
        assert!(metrics.contains("rate_limited_total{group=\"reads\"}"), "{metrics}");
    });
}

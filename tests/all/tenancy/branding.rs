//! How an organization looks.

use serde_json::{Value, json};
use tenantry_tests::{Options, Org, Receiver, TestApp, User, both};

use crate::core::shapes::has;

/// A WebP picture, as far as anybody looks.
const PICTURE: &str = "RIFF\u{4}\u{0}\u{0}\u{0}WEBPVP8 picture";

fn shape(branding: &Value) {
    has(branding, &["logo_url", "primary_color"], &["logo", "colors"]);
}

async fn founded(app: &TestApp) -> (User, Org, Receiver) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &org).await;
    let receiver = Receiver::start().await;
    receiver.answers_body(PICTURE);
    (ann, org, receiver)
}

both!(branding_is_set_changed_and_cleared_field_by_field, async |app| {
    let (ann, org, receiver) = founded(app).await;
    let (by, path) = (app.by(&ann), org.at("branding"));
    assert_eq!(by.get(&path).await.ok(), json!({"logo_url": null, "primary_color": null}));
    let set = by.patch(&path, json!({"logo_url": receiver.url, "primary_color": "#F50"})).await.ok();
    shape(&set);
    assert_eq!((&set["logo_url"], &set["primary_color"]), (&json!(receiver.url), &json!("#F50")));
    assert_eq!(by.get(&path).await.ok(), set);
    let changed = by.patch(&path, json!({"primary_color": "#112233"})).await.ok();
    assert_eq!((&changed["logo_url"], &changed["logo"]), (&set["logo_url"], &set["logo"]), "what is left out stays");
    let shown = by.get(&org.path).await.ok()["organization"].clone();
    assert_eq!((&shown["brand_logo_url"], &shown["brand_primary_color"]), (&json!(receiver.url), &json!("#112233")));
    assert_eq!(by.patch(&path, json!({})).await.ok(), changed, "nothing is no change, and not recorded");
    let cleared = by.patch(&path, json!({"logo_url": null})).await.ok();
    assert_eq!((&cleared["logo_url"], cleared.get("logo"), &cleared["primary_color"]), (&Value::Null, None, &json!("#112233")));
    app.client().get(&org.at("branding/logo")).await.refused(404, "NOT_FOUND");
    assert_eq!(by.patch(&path, json!({"primary_color": null})).await.ok(), json!({"logo_url": null, "primary_color": null}));
    assert_eq!(receiver.received().len(), 1, "it is fetched once");
    app.worker().await;
    let log = by.get(&org.at("audit-log?action=branding.updated")).await.ok();
    assert_eq!(log["logs"].as_array().unwrap().len(), 4);
});

both!(everybody_sees_it_and_may_keep_it, async |app| {
    let (ann, org, receiver) = founded(app).await;
    let set = app.by(&ann).patch(&org.at("branding"), json!({"logo_url": receiver.url, "primary_color": "#ffee00"})).await.ok();
    let answer = app.client().get(&org.at("branding/public")).await;
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    assert_eq!(answer.ok(), set);
    assert_ne!(set["colors"]["light"]["link"], "#ffee00", "nobody could read that on white");
    assert_eq!(set["colors"]["dark"]["link"], "#ffee00");
    let served = set["logo"].as_str().unwrap().strip_prefix(app.client().base()).unwrap().to_owned();
    let logo = app.client().get(&served).await.expect(200);
    assert_eq!((logo.header("content-type"), logo.body.as_slice()), ("image/webp", PICTURE.as_bytes()));
    assert_eq!(logo.header("cache-control"), "public, max-age=31536000, immutable");
    assert!(logo.header("content-security-policy").contains("default-src 'none'"));
    assert_eq!(app.client().get(&org.at("branding/logo")).await.expect(200).header("cache-control"), "public, max-age=300");
    // Another picture has another address.
    let again = app.by(&ann).patch(&org.at("branding"), json!({"logo_url": receiver.url})).await.ok();
    assert_ne!(again["logo"], set["logo"]);
    assert_eq!(app.client().get(&served).await.expect(200).header("cache-control"), "public, max-age=300", "not under that name");
    for rest in ["branding/public", "branding/logo"] {
        app.client().get(&format!("/api/organizations/nobodys/{rest}")).await.refused(404, "NOT_FOUND");
        app.client().get(&format!("/api/organizations/%20/{rest}")).await.refused(404, "NOT_FOUND");
    }
    app.by(&ann).delete(&org.path).await.done();
    app.client().get(&org.at("branding/public")).await.refused(404, "NOT_FOUND");
    app.client().get(&org.at("branding/logo")).await.refused(404, "NOT_FOUND");
});

both!(what_is_no_colour_or_no_picture_is_refused, async |app| {
    let (ann, org, receiver) = founded(app).await;
    let (by, path) = (app.by(&ann), org.at("branding"));
    for color in ["red", "#12", "#12345", "123456", "#ggg", "#fff;x", ""] {
        by.patch(&path, json!({"primary_color": color})).await.invalid(&["primary_color"]);
    }
    for (status, body) in [(200, "<svg onload=alert(1)>"), (404, PICTURE), (302, PICTURE), (500, PICTURE)] {
        receiver.answers(status);
        receiver.answers_body(body);
        by.patch(&path, json!({"logo_url": receiver.url, "primary_color": "#fff"})).await.invalid(&["logo_url"]);
    }
    receiver.answers(200);
    receiver.answers_body(&format!("{PICTURE}{}", "x".repeat(256 * 1024)));
    by.patch(&path, json!({"logo_url": receiver.url})).await.invalid(&["logo_url"]);
    for url in
        ["http://127.0.0.1:9/", "ftp://example.com/", "https://u:p@example.com/", "logo.png", "https://[::ffff:10.0.0.1]/x"]
    {
        by.patch(&path, json!({"logo_url": url})).await.invalid(&["logo_url"]);
    }
    assert_eq!(by.get(&path).await.ok(), json!({"logo_url": null, "primary_color": null}), "all of it or nothing");
});

both!(branding_is_for_tiers_that_have_it_and_people_who_may, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let path = org.at("branding");
    let color = json!({"primary_color": "#fff"});
    app.by(&ann).patch(&path, color.clone()).await.refused_as(403, "FEATURE_NOT_AVAILABLE_IN_TIER", "feature_not_in_tier");
    let receiver = Receiver::start().await;
    app.by(&ann).patch(&path, json!({"logo_url": receiver.url})).await.refused(403, "FEATURE_NOT_AVAILABLE_IN_TIER");
    assert!(receiver.received().is_empty());
    // What the platform gave beyond the tier counts.
    app.execute("update organizations set feature_overrides = '{\"allow_branding\": true}'").await;
    app.by(&ann).patch(&path, color.clone()).await.ok();
    let root = app.platform_owner().await;
    app.by(&root).patch(&path, color.clone()).await.ok();
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    app.by(&bob).get(&path).await.ok();
    app.by(&bob).patch(&path, color.clone()).await.refused(403, "FORBIDDEN");
    let olga = app.sign_up("olga@example.com").await;
    app.by(&olga).get(&path).await.refused(403, "FORBIDDEN");
    app.by(&olga).patch(&path, color).await.refused(403, "FORBIDDEN");
});

/// An empty list: see `attacks::egress`.
const NONE: &str = "\u{a0}";

both!(t35_a_logo_is_not_fetched_from_our_own_network, Options::default().set("egress.allow_networks", NONE), async |app| {
    let (ann, org, receiver) = founded(app).await;
    for url in
        [receiver.url.as_str(), "https://127.0.0.1/", "https://169.254.169.254/latest", "https://localhost/", "https://[::1]/"]
    {
        app.by(&ann).patch(&org.at("branding"), json!({"logo_url": url})).await.invalid(&["logo_url"]);
    }
    assert!(receiver.received().is_empty());
});

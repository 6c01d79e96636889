//! Pages that people see, and what they load.

use serde_json::json;
use tenantry_tests::{TestApp, both};

const PASSWORD: &str = "a long sentence only I know";

/// The values of an attribute in a page.
fn values<'h>(html: &'h str, attribute: &str) -> Vec<&'h str> {
    html.split(&format!(" {attribute}=\"")).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0)).collect()
}

async fn link(app: &TestApp) -> String {
    app.client().post("/api/auth/register", json!({"email": "ann@example.com", "password": PASSWORD})).await.ok();
    app.worker().await;
    app.link("ann@example.com", "verify-email").replace(app.client().base(), "")
}

both!(pages_load_what_is_ours_and_nothing_else, async |app| {
    let page = app.client().get(&link(app).await).await.expect(200);
    let policy = page.header("content-security-policy").to_owned();
    for part in ["default-src 'none'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
        assert!(policy.contains(part) && !policy.contains("unsafe"), "{policy}");
    }
    let headers = ["cache-control", "referrer-policy", "x-content-type-options"].map(|name| page.header(name).to_owned());
    assert_eq!(headers, ["no-store", "no-referrer", "nosniff"]);
    let html = page.text();
    let loaded: Vec<_> = values(&html, "href").into_iter().filter(|path| path.starts_with("/signin/assets/")).collect();
    assert!(loaded.len() >= 2 && !html.contains("<script") && !html.contains("<style"), "{html}");
    for path in loaded {
        let asset = app.client().get(path).await.expect(200);
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable", "{path}");
        let media = asset.header("content-type").to_owned();
        assert!(media.starts_with(if path.ends_with(".css") { "text/css" } else { "image/svg+xml" }), "{path}: {media}");
    }
    app.client().get("/signin/assets/style-0000000000000000.css").await.refused(404, "NOT_FOUND");
});

both!(pages_speak_the_language_that_is_asked_for, async |app| {
    let path = link(app).await;
    for (asked, accepted, lang) in
        [("", "", "en"), ("", "fr;q=0.9, de", "de"), ("&ui_locales=fr", "de", "fr"), ("&ui_locales=it", "de", "de")]
    {
        let request = app.client().request(reqwest::Method::GET, &format!("{path}{asked}")).header("accept-language", accepted);
        let html = request.send().await.expect(200).text();
        assert!(html.contains(&format!("<html lang=\"{lang}\">")), "{asked} {accepted}: {html}");
        // The other languages are a link away, with the token.
        for other in values(&html, "href").into_iter().filter(|href| href.contains("ui_locales=")) {
            app.client().get(&other.replace("&amp;", "&")).await.expect(200);
        }
    }
});

both!(a_form_that_was_wrong_is_shown_again_and_the_link_lives_on, async |app| {
    let path = link(app).await;
    let token = path.split_once("token=").unwrap().1.to_owned();
    let send = async |password: &str| {
        let request = app.client().request(reqwest::Method::POST, "/auth/verify-email");
        let body = format!("token={token}&password={password}");
        request.header("content-type", "application/x-www-form-urlencoded").body(body).send().await
    };
    let again = send("not+that+one").await.expect(400).text();
    assert!(again.contains("<title>Error: ") && again.contains("aria-invalid=\"true\"") && again.contains(&token), "{again}");
    assert!(!again.contains("not that one"), "a password is never sent back");
    send("a+long+sentence+only+I+know").await.expect(200);
    app.login("ann@example.com", PASSWORD).await;
});

both!(an_organizations_colours_are_a_stylesheet_of_their_own, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &org).await;
    let get = async |path: &str| app.client().get(path).await;
    get("/signin/brand/acme/0.css").await.refused(404, "NOT_FOUND");
    get("/signin/brand/nobody/0.css").await.refused(404, "NOT_FOUND");
    app.by(&ann).patch(&org.at("branding"), json!({"primary_color": "#ffe34d"})).await.ok();
    // Who comes with an old page gets the colours of now, and asks again soon.
    let css = get("/signin/brand/acme/0.css").await.expect(200);
    assert_eq!((css.header("cache-control"), css.header("content-type")), ("public, max-age=300", "text/css; charset=utf-8"));
    let text = css.text();
    assert!(text.contains("--brand-fill: light-dark(#ffe34d, #ffe34d);") && text.matches("--brand-").count() == 6, "{text}");
    get("/signin/brand/acme/0").await.refused(404, "NOT_FOUND");
    get("/signin/brand/acme/%2e%2e%2f0.css").await.expect(200);
});

//! A hostile provider, and whoever pretends to be one, through the assertion consumer service. Each case is a bug that somebody had; what the library does
//! with every shape of it is tested there (`libs/federation/tests/saml`). Here: nobody is in, and the organization sees why.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use serde_json::json;
use tenantry_tests::{Browser, SamlProvider, SamlSaid, Signs, TestApp, both, text};

use super::{super::Scene, BEA, failed};

const EVIL: &str = "ann@example.com";

/// Sends what `make` makes of an honest answer, and answers the stage and the checks that failed. Nobody is in, whatever it was.
pub(super) async fn refused(
    app: &TestApp,
    scene: &Scene<SamlProvider>,
    what: &str,
    make: impl FnOnce(SamlSaid) -> String,
) -> (String, Vec<String>) {
    let browser = Browser::new(app);
    let (_, sent) = scene.ask(&browser).await;
    let xml = make(scene.provider.says(&sent, app.now(), BEA));
    let (at, page) = scene.provider.posts(&browser, &sent, &xml).await.page();
    assert!(at.starts_with("/signin/") && page.status == 200, "{what}: {at} {page}");
    assert!(browser.cookie("tn_session").is_none(), "{what}");
    assert_eq!(app.count("select count(*) from identities").await, 0, "{what}");
    let attempt = scene.attempt(app).await;
    assert!(page.text().contains(&text(&attempt["id"])), "{what}: the page names the reference");
    assert_eq!(attempt["reason"], "response_refused", "{what}: {attempt}");
    let checks = attempt["checks"].as_array().expect("checks");
    assert_eq!(checks.len(), domain::identity::saml::Check::ALL.len(), "{what}: each is there");
    let failing = failed(&attempt);
    assert!(checks.iter().all(|check| check["hint"].is_string() == (check["verdict"] == "failed")), "{what}: {attempt}");
    assert!(failing.iter().all(|check| !page.text().contains(&format!("\"{check}\""))), "{what}: and not why");
    (text(&attempt["stage"]), failing)
}

pub(super) fn answer(checks: &[&str]) -> (String, Vec<String>) {
    ("answer".to_owned(), checks.iter().map(|check| (*check).to_owned()).collect())
}
fn assertion(checks: &[&str]) -> (String, Vec<String>) {
    ("assertion".to_owned(), answer(checks).1)
}

both!(t01_a_wrapped_signature_lets_nobody_in, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let provider = scene.provider;
    for signs in [Signs::Assertion, Signs::Both] {
        for shape in 0..5 {
            let (_, failing) = refused(app, &scene, &format!("{signs:?} {shape}"), |said| {
                let genuine = provider.signed(&said, signs);
                let begin = genuine.find("<saml:Assertion ").expect("an assertion");
                let end = genuine.find("</samlp:Response>").expect("an end");
                let whole = &genuine[begin..end];
                let from = whole.find("<ds:Signature ").expect("a signature");
                let to = whole.find("</ds:Signature>").expect("its end") + "</ds:Signature>".len();
                let (signature, bare) = (&whole[from..to], [&whole[..from], &whole[to..]].concat());
                let evil = bare.replace(BEA, EVIL).replacen(" ID=\"_", " ID=\"_evil", 1);
                let placed = match shape {
                    0 => [evil.as_str(), whole].concat(),
                    1 => [whole, &evil].concat(),
                    2 => evil.replace("</saml:Assertion>", &format!("{whole}</saml:Assertion>")),
                    3 => {
                        let within =
                            signature.replace("</ds:Signature>", &format!("<ds:Object>{bare}</ds:Object></ds:Signature>"));
                        evil.replacen("</saml:Issuer>", &format!("</saml:Issuer>{within}"), 1)
                    }
                    _ => format!("<samlp:Extensions>{evil}</samlp:Extensions>{whole}"),
                };
                [&genuine[..begin], &placed, &genuine[end..]].concat()
            })
            .await;
            assert!(!failing.is_empty());
        }
        let changed = refused(app, &scene, "changed", |said| provider.signed(&said, signs).replace(BEA, EVIL)).await;
        assert_eq!(changed, answer(&["signature"]));
    }
});

both!(t02_what_parsers_read_differently_is_read_by_none, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let provider = scene.provider;
    let name = format!("id of {BEA}");
    for (what, from, to) in [
        ("a comment", name.as_str(), "id of bea@acme.example<!-- x -->.evil.example"),
        ("CDATA", &name, "<![CDATA[id of bea@acme.example]]>"),
        ("an instruction", "</saml:Subject>", "<?x y?></saml:Subject>"),
    ] {
        let made = |said: SamlSaid| provider.signed(&said, Signs::Both).replace(from, to);
        assert_eq!(refused(app, &scene, what, made).await, answer(&["document"]), "{what}");
    }
    let doctype = |said: SamlSaid| format!("<!DOCTYPE x [<!ENTITY e \"x\">]>{}", provider.signed(&said, Signs::Both));
    assert_eq!(refused(app, &scene, "a document type", doctype).await, answer(&["document"]));
});

both!(t03_a_signature_says_what_it_signs_by_its_reference, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let provider = scene.provider;
    for what in ["moved", "empty", "a URL"] {
        let (stage, _) = refused(app, &scene, what, |said| {
            let genuine = provider.signed(&said, Signs::Assertion);
            let from = genuine.find("<ds:Signature ").expect("a signature");
            let to = genuine.find("</ds:Signature>").expect("its end") + "</ds:Signature>".len();
            let at = genuine.find("URI=\"#").expect("a reference");
            let until = genuine[at + 5..].find('"').expect("its end") + at + 5;
            match what {
                "moved" => {
                    let bare = [&genuine[..from], &genuine[to..]].concat();
                    bare.replacen("<samlp:Status>", &format!("{}<samlp:Status>", &genuine[from..to]), 1)
                }
                "empty" => [&genuine[..at], "URI=\"", &genuine[until..]].concat(),
                _ => [&genuine[..at], "URI=\"http://127.0.0.1:9/x", &genuine[until..]].concat(),
            }
        })
        .await;
        assert_eq!(stage, "answer", "{what}");
    }
    let unsigned = refused(app, &scene, "unsigned", |said| provider.signed(&said, Signs::Nothing)).await;
    assert_eq!(unsigned, answer(&["signed"]));
});

both!(t05_certificates_count_whatever_the_metadata_says_they_are_for, async |app| {
    let provider = SamlProvider::default();
    let metadata = provider.metadata().replace(" use=\"signing\"", "");
    let scene = Scene::with(app, provider, provider.connection(json!({"jit": true, "document": metadata}))).await;
    let unsigned = refused(app, &scene, "unsigned", |said| provider.signed(&said, Signs::Nothing)).await;
    assert_eq!(unsigned, answer(&["signed"]));
    let another = refused(app, &scene, "another's", |said| SamlProvider::other().signed(&said, Signs::Both)).await;
    assert_eq!(another, answer(&["signature"]));
    // Without any that counts nobody is taken, signed or not.
    app.execute("update connection_certs set not_after = not_before").await;
    for signs in [Signs::Nothing, Signs::Both] {
        let (stage, failing) = refused(app, &scene, "expired", |said| provider.signed(&said, signs)).await;
        assert!(stage == "answer" && failing[0] != "document", "{signs:?} {failing:?}");
    }
});

both!(t06_an_assertion_counts_here_now_and_for_this_request, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let provider = scene.provider;
    let at = |seconds: i64| (app.now() + TimeDelta::seconds(seconds)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let acs = format!("{}/auth/c/{}/saml/acs", app.client().base(), scene.connection);
    let sp = acs.replace("/acs", "/metadata");
    let replaced = |from: String, to: String| move |said: SamlSaid| said.with(&from, &to);
    type Change<'a> = Box<dyn FnOnce(SamlSaid) -> SamlSaid + 'a>;
    let cases: Vec<(&str, Change<'_>, &[&str])> = vec![
        ("audience", Box::new(replaced(format!("<saml:Audience>{sp}"), "<saml:Audience>urn:other".into())), &["audience"]),
        (
            "destination",
            Box::new(replaced(format!("Destination=\"{acs}"), "Destination=\"https://other.example".into())),
            &["destination"],
        ),
        (
            "recipient",
            Box::new(replaced(format!("Recipient=\"{acs}"), "Recipient=\"https://other.example".into())),
            &["recipient"],
        ),
        (
            "expired",
            Box::new(replaced(at(300), at(-61))),
            &["confirmation_not_on_or_after", "not_on_or_after", "validity_period"],
        ),
        ("not yet", Box::new(replaced(format!("NotBefore=\"{}", at(-60)), format!("NotBefore=\"{}", at(61)))), &["not_before"]),
        (
            "too long",
            Box::new(replaced(format!("NotBefore=\"{}", at(-60)), format!("NotBefore=\"{}", at(-86_400)))),
            &["validity_period"],
        ),
        (
            "no conditions for us",
            Box::new(replaced("saml:AudienceRestriction>".into(), "saml:OneTimeUse>".into())),
            &["document"],
        ),
        (
            "another issuer",
            Box::new(replaced("https://idp.acme.example/metadata".into(), "https://evil.example".into())),
            &["response_issuer", "issuer"],
        ),
        ("refused", Box::new(replaced("status:Success".into(), "status:Requester".into())), &["status"]),
    ];
    for (what, change, expected) in cases {
        let (_, failing) = refused(app, &scene, what, |said| provider.signed(&change(said), Signs::Both)).await;
        if expected != ["document"] {
            assert_eq!(failing, expected, "{what}");
        }
        assert!(!failing.is_empty(), "{what}");
    }
    // The answer to another request, though the RelayState is this one's.
    let (_, other) = scene.ask(&Browser::new(app)).await;
    let swapped = refused(app, &scene, "another request", |said| {
        let own = said.request();
        provider.signed(&said.with(&own, &other.attribute("ID")), Signs::Both)
    });
    assert_eq!(swapped.await, assertion(&["in_response_to", "confirmation_in_response_to"]));
    // The clocks may differ by a minute.
    let browser = Browser::new(app);
    let (asked, sent) = scene.ask(&browser).await;
    let said = provider.says(&sent, app.now(), BEA).with(&at(300), &at(-59));
    let landed = provider.posts(&browser, &sent, &provider.signed(&said, Signs::Both)).await;
    scene.read(app, (asked, landed)).await;
});

both!(t07_an_assertion_counts_once, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let provider = scene.provider;
    let browser = Browser::new(app);
    let (asked, sent) = scene.ask(&browser).await;
    let said = provider.says(&sent, app.now(), BEA);
    let xml = provider.signed(&said, Signs::Both);
    scene.read(app, (asked, provider.posts(&browser, &sent, &xml).await)).await;
    // The same post again, there and by somebody who copied it.
    provider.posts(&browser, &sent, &xml).await.page().1.expect(400);
    provider.posts(&Browser::new(app), &sent, &xml).await.page().1.expect(400);
    // The same assertion for another sign-in answers another request; and where a provider uses an ID twice, the second counts for nobody.
    let id = said.id();
    let other = Browser::new(app);
    let (_, sent) = scene.ask(&other).await;
    let again = provider.says(&sent, app.now(), BEA);
    let landed = provider.posts(&other, &sent, &provider.signed(&again.with_id(&id), Signs::Both)).await;
    landed.page();
    assert!(other.cookie("tn_session").is_none());
    let attempt = scene.attempt(app).await;
    assert_eq!((&attempt["stage"], &attempt["reason"]), (&json!("assertion"), &json!("assertion_replayed")), "{attempt}");
});

both!(t08_a_response_is_for_one_connection_and_one_browser, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let provider = scene.provider;
    // Another organization with the same provider, or one that says that it is.
    let eve = app.sign_up("eve@example.com").await;
    let evil = app.create_org(&eve, "evil").await;
    let theirs = SamlProvider::other();
    let made = app.by(&eve).post(&evil.at("upstream-providers"), theirs.connection(json!({"jit": true}))).await.ok();
    let elsewhere = |path: &str| path.replace(&scene.connection, &text(&made["id"]));
    let browser = Browser::new(app);
    let (asked, sent) = scene.ask(&browser).await;
    let xml = provider.signed(&provider.says(&sent, app.now(), BEA), Signs::Both);
    let response = STANDARD.encode(&xml);
    let fields = [("SAMLResponse", response.as_str()), ("RelayState", sent.relay_state.as_str())];
    // To the other's address, and with the other's key.
    browser.post_from("https://idp.acme.example", &elsewhere(&sent.acs()), &fields).await.page().1.expect(400);
    let signed_by_them = refused(app, &scene, "their key", |said| theirs.signed(&said, Signs::Both)).await;
    assert_eq!(signed_by_them, answer(&["signature"]));
    // Somebody who has another person's response, or who sends another person their own (login CSRF).
    let other = Browser::new(app);
    scene.ask(&other).await;
    provider.posts(&other, &sent, &xml).await.page().1.expect(400);
    assert!(other.cookie("tn_session").is_none());
    // What was judged waits for the browser that was sent.
    let back = format!("/auth/c/{}/callback?state={}", scene.connection, sent.relay_state);
    other.open(&back).await.page().1.expect(400);
    other.open(&elsewhere(&back)).await.page().1.expect(400);
    scene.read(app, (asked, browser.open(&back).await)).await;
});

both!(t09_saml_through_what_is_switched_off, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let provider = scene.provider;
    let owner = app.again(&scene.owner).await;
    // Switched off before the response arrives, and between that and the browser's return.
    for early in [true, false] {
        app.by(&owner).patch(&scene.settings(), json!({"enabled": true})).await.ok();
        let browser = Browser::new(app);
        let (_, sent) = scene.ask(&browser).await;
        let xml = provider.signed(&provider.says(&sent, app.now(), BEA), Signs::Both);
        let off = async || app.by(&owner).patch(&scene.settings(), json!({"enabled": false})).await.ok();
        if early {
            off().await;
        }
        let stranger = Browser::new(app);
        provider.posts(&stranger, &sent, &xml).await.page().1.expect(400);
        if !early {
            off().await;
        }
        browser.open(&format!("/auth/c/{}/callback?state={}", scene.connection, sent.relay_state)).await.page();
        assert!(browser.cookie("tn_session").is_none());
        assert_eq!(scene.attempt(app).await["reason"], "connection_disabled", "early: {early}");
    }
    // Changed in between: another generation.
    app.by(&owner).patch(&scene.settings(), json!({"enabled": true})).await.ok();
    let browser = Browser::new(app);
    let (_, sent) = scene.ask(&browser).await;
    app.by(&owner).patch(&scene.settings(), json!({"certificates": [SamlProvider::other().certificate()]})).await.ok();
    let xml = SamlProvider::other().signed(&provider.says(&sent, app.now(), BEA), Signs::Both);
    provider.posts(&browser, &sent, &xml).await.page();
    assert_eq!(scene.attempt(app).await["reason"], "connection_changed");
    // The organization is not active.
    let browser = Browser::new(app);
    let (_, sent) = scene.ask(&browser).await;
    app.execute("update organizations set status = 'suspended'").await;
    let xml = provider.signed(&provider.says(&sent, app.now(), BEA), Signs::Both);
    provider.posts(&browser, &sent, &xml).await;
    assert!(browser.cookie("tn_session").is_none());
});

both!(t10_what_comes_with_a_response_stands_on_no_page, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let at = format!("/auth/c/{}/saml/acs", scene.connection);
    for relay_state in [
        "\"><script>alert(1)</script>",
        "javascript:alert(1)",
        "https://evil.example/",
        "x\r\nLocation: https://evil.example",
        "up_",
        "",
    ] {
        for response in ["<script>alert(2)</script>", ""] {
            let browser = Browser::new(app);
            let fields = [("SAMLResponse", response), ("RelayState", relay_state)];
            let (_, page) = browser.post_from("https://evil.example", &at, &fields).await.page();
            assert_eq!(page.status, 400, "{page}");
            assert!(!page.text().contains("alert(") && !page.text().contains("evil.example"), "{page}");
            assert!(page.header("content-security-policy").starts_with("default-src 'none'"), "{page}");
        }
    }
    assert_eq!(
        app.count("select count(*) from connection_attempts").await,
        0,
        "what nobody was sent for is written down nowhere"
    );
});

both!(t11_a_bomb_is_put_out, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let deep = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
    let laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><l>&b;</l>".to_owned();
    let attributes = format!("<a {}/>", (0..20_000).map(|n| format!("a{n}=\"\" ")).collect::<String>());
    for (what, xml) in [("depth", deep(20_000)), ("entities", laughs), ("attributes", attributes)] {
        assert_eq!(refused(app, &scene, what, |_| xml).await, answer(&["document"]), "{what}");
    }
    let at = format!("/auth/c/{}/saml/acs", scene.connection);
    let huge = "A".repeat(600 * 1024);
    let fields = [("SAMLResponse", huge.as_str()), ("RelayState", "up_x")];
    Browser::new(app).post_from("https://evil.example", &at, &fields).await.page().1.expect(413);
    // The largest that is judged arrives.
    let browser = Browser::new(app);
    let (asked, sent) = scene.ask(&browser).await;
    let xml = scene.provider.signed(&scene.provider.says(&sent, app.now(), BEA), Signs::Both) + &" ".repeat(240 * 1024);
    scene.read(app, (asked, scene.provider.posts(&browser, &sent, &xml).await)).await;
});

both!(an_answer_that_is_nobodys_is_not_looked_at, async |app| {
    let scene = Scene::saml(app, json!({"jit": true})).await;
    let provider = scene.provider;
    let (_, sent) = scene.ask(&Browser::new(app)).await;
    // Unasked: without our RelayState, or with none that is known.
    let xml = provider.signed(&provider.says(&sent, app.now(), BEA), Signs::Both);
    let response = STANDARD.encode(&xml);
    for relay_state in ["", "https://app.example.com", "up_0000000000000000000000000000000000000000000"] {
        let fields = [("SAMLResponse", response.as_str()), ("RelayState", relay_state)];
        Browser::new(app).post_from("https://idp.acme.example", &sent.acs(), &fields).await.page().1.expect(400);
    }
    // Too late.
    let browser = Browser::new(app);
    let (_, sent) = scene.ask(&browser).await;
    app.advance(TimeDelta::minutes(11));
    let xml = provider.signed(&provider.says(&sent, app.now(), BEA), Signs::Both);
    provider.posts(&browser, &sent, &xml).await;
    assert!(browser.cookie("tn_session").is_none());
    // Nobody answers by coming back without a response.
    let browser = Browser::new(app);
    let (_, sent) = scene.ask(&browser).await;
    let back = format!("/auth/c/{}/callback?state={}&code=x", scene.connection, sent.relay_state);
    browser.open(&back).await.page();
    assert_eq!(scene.attempt(app).await["reason"], "answer_unreadable");
    for body in ["", "SAMLResponse=a&SAMLResponse=b&RelayState=x"] {
        let request = app.client().request(reqwest::Method::POST, &sent.acs());
        request.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned()).send().await.expect(400);
    }
});

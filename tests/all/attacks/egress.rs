//! Server-side request forgery (T35): what customers may have us call, with nothing allowed beyond the public internet.

use serde_json::{Value, json};
use tenantry_tests::{Options, Receiver, both, text};

/// An empty list. Not the empty text: of two values for a key the configuration takes the one that sorts last, and the harness sets one.
const NONE: &str = "\u{a0}";

/// Addresses of ourselves, of our network, and of the cloud around us, in every way to write them; and URLs that are no endpoints.
const REFUSED: &[&str] = &[
    // Loopback and "this host".
    "https://127.0.0.1/",
    "https://127.0.0.1:8080/api",
    "https://127.1/",
    "https://127.255.255.254/",
    "https://0.0.0.0/",
    "https://0/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://[::1]/",
    "https://[::]/",
    "https://[0:0:0:0:0:0:0:1]:443/",
    // The same in decimal, octal, hexadecimal, mixed, full-width, with dots at the end.
    "https://2130706433/",
    "https://017700000001/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.0x0.1/",
    "https://127.0.0.1./",
    "https://%31%32%37.0.0.1/",
    "https://127。0。0。1/",
    "https://①②⑦.⓪.⓪.①/",
    "https://00000177.0.0.1/",
    // Embedded in IPv6: mapped, compatible, NAT64, 6to4, Teredo, ISATAP-like.
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://[2002:7f00:1::1]/",
    "https://[2001:0:7f00:1::]/",
    "https://[fe80::5efe:7f00:1]/",
    // Private, shared, link-local, unique-local, site-local, multicast, documentation, reserved.
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.0.1/",
    "https://100.64.0.1/",
    "https://169.254.0.1/",
    "https://192.0.0.1/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[fe80::1]/",
    "https://[fc00::1]/",
    "https://[fd12:3456::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://[100::1]/",
    "https://[5f00::1]/",
    // Metadata of clouds.
    "https://169.254.169.254/latest/meta-data/iam/",
    "https://[fd00:ec2::254]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://2852039166/",
    "https://100.100.100.200/",
    "https://192.0.0.192/",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://metadata/",
    "https://instance-data/",
    // Not encrypted, although public; other schemes; no URL at all.
    "http://8.8.8.8/",
    "http://[2606:4700::1111]/",
    "http://127.0.0.1:9/",
    "http://example.com/",
    "ftp://8.8.8.8/",
    "file:///etc/passwd",
    "gopher://8.8.8.8/_x",
    "dict://8.8.8.8:11211/",
    "ldap://8.8.8.8/",
    "jar:https://8.8.8.8!/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "ws://8.8.8.8/",
    "unix:/run/docker.sock",
    "blob:https://8.8.8.8/x",
    "https:",
    "https://",
    "//8.8.8.8/",
    "8.8.8.8",
    "/hooks",
    "",
    " ",
    // Credentials, fragments, ports and hosts that are none.
    "https://user@8.8.8.8/",
    "https://user:pass@8.8.8.8/",
    "https://:pass@8.8.8.8/",
    "https://8.8.8.8@127.0.0.1/",
    "https://8.8.8.8/#frag",
    "https://8.8.8.8/#",
    "https://8.8.8.8:0/",
    "https://8.8.8.8:99999/",
    "https://8.8.8.8:-1/",
    "https://8.8.8.8:x/",
    "https://256.256.256.256/",
    "https://[::1/",
    "https://[fe80::1%25eth0]/",
    "https://exa mple.com/",
    "https://exa\tmple..com/",
    "https://.../",
    "https://-/",
    "https://a..b/",
    "https://%00/",
    "https://\u{0}/",
];

both!(
    t35_addresses_that_are_not_public_are_refused_from_the_start,
    Options::default().set("egress.allow_networks", NONE),
    async |app| {
        let ann = app.sign_up("ann@example.com").await;
        let org = app.create_org(&ann, "acme").await;
        let named = |name: &str, url: &Value| json!({"name": name, "url": url, "events": ["user.joined"]});
        let hook = app.by(&ann).post(&org.at("webhooks"), named("Hook", &json!("https://8.8.8.8/hooks"))).await.ok();
        let path = org.at(&format!("webhooks/{}", text(&hook["id"])));
        let before = app.dump().await;
        let long = format!("https://8.8.8.8/{}", "x".repeat(3000));
        for url in REFUSED.iter().copied().chain([long.as_str()]) {
            for answer in [
                app.by(&ann).post(&org.at("webhooks"), named("Other", &json!(url))).await,
                app.by(&ann).patch(&path, json!({"url": url})).await,
            ] {
                assert_eq!(answer.status, 400, "{url}: {answer}");
                let body = answer.invalid(&["url"]);
                for told in ["127.0.0", "169.254.", "refused", "timed out", "os error", "resolver"] {
                    assert!(!body.to_string().to_lowercase().contains(told), "the answer tells what is there: {url}: {body}");
                }
            }
        }
        for url in [json!(7), json!(null), json!(["https://8.8.8.8/"]), json!({"href": "https://8.8.8.8/"})] {
            app.by(&ann).post(&org.at("webhooks"), named("Other", &url)).await.invalid(&["url"]);
        }
        assert_eq!(app.dump().await, before, "something changed");
    }
);

both!(t35_an_address_is_judged_again_when_it_is_called, Options::default().set("egress.allow_networks", NONE), async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let (org, receiver) = (app.create_org(&ann, "acme").await, Receiver::start().await);
    let made = app
        .by(&ann)
        .post(&org.at("webhooks"), json!({"name": "Hook", "url": "https://8.8.8.8/", "events": ["user.invited"]}))
        .await
        .ok();
    // As if the row came from a time with other rules, or the name now led elsewhere.
    app.execute(&format!("update webhooks set url = '{}'", receiver.url)).await;
    app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.worker().await;
    assert!(receiver.received().is_empty(), "{:?}", receiver.received());
    let shown =
        app.by(&ann).get(&org.at(&format!("webhooks/{}/deliveries", text(&made["id"])))).await.ok()["deliveries"][0].clone();
    assert_eq!((&shown["delivered"], shown["delivery_error"].is_string()), (&json!(false), true), "{shown}");
    app.leaves_deliveries(1);
});

both!(t35_a_redirect_is_a_failure_and_not_followed, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let (endpoint, inside) = (Receiver::start().await, Receiver::start().await);
    inside.answers_body("the secrets of the inside");
    let body = json!({"name": "Hook", "url": endpoint.url, "events": ["user.invited"]});
    let id = text(&app.by(&ann).post(&org.at("webhooks"), body).await.ok()["id"]);
    endpoint.answers_header("location", &inside.url);
    endpoint.answers_header("refresh", &format!("0; url={}", inside.url));
    for (n, status) in [301, 302, 303, 307, 308].into_iter().enumerate() {
        endpoint.answers(status);
        app.invite(&ann, "acme", &format!("new{n}@example.com"), "member").await;
        app.worker().await;
        // The next one waits behind it, so its turn comes when the failed one is over.
        let deliveries = app.by(&ann).get(&org.at(&format!("webhooks/{id}/deliveries?delivered=false"))).await.ok();
        let shown = deliveries["deliveries"]
            .as_array()
            .unwrap()
            .iter()
            .find(|shown| shown["attempt_count"] == 1 && shown["response_status_code"] == status);
        let shown = shown.unwrap_or_else(|| panic!("{status}: {deliveries}"));
        assert!(
            shown["delivered"] == false && shown["next_retry_at"].is_string() && shown["delivery_error"].is_string(),
            "{shown}"
        );
        assert!(!deliveries.to_string().contains("secrets of the inside"), "{deliveries}");
    }
    assert!(inside.received().is_empty(), "{:?}", inside.received());
    app.leaves_deliveries(5);
});

both!(
    t35_a_name_of_our_network_and_no_name_at_all_get_the_same_answer,
    Options::default().set("egress.allow_networks", NONE),
    async |app| {
        let ann = app.sign_up("ann@example.com").await;
        let org = app.create_org(&ann, "acme").await;
        let mut answers = Vec::new();
        for url in ["https://localhost/", "https://no-such-name.invalid/", "https://127.0.0.1/"] {
            let body = json!({"name": "Hook", "url": url, "events": ["user.joined"]});
            answers.push(app.by(&ann).post(&org.at("webhooks"), body).await.invalid(&["url"])["details"].clone());
        }
        assert!(answers[0].is_array() && answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }
);

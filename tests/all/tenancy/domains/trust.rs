//! What looking for a proof must not be used for (T35), and what rests on one.

use super::*;

/// An empty list: see `attacks::egress`.
const NONE: &str = "\u{a0}";

named!(
    t35_no_file_is_fetched_from_our_own_network,
    |options: Options| options.set("egress.allow_networks", NONE),
    async |app: &TestApp, dns: &NameServer| {
        let (ann, org) = founded(app, "ann@example.com", "acme").await;
        let token = claim(app, &ann, &org, HOST).await;
        let files = dns.files();
        files.answers_body(&token);
        let (verified, told) = verify(app, &ann, &org).await;
        assert!(!verified && told.contains("could not be fetched") && !told.contains("127.0.0.1"), "{told}");
        assert!(files.received().is_empty());
    }
);

async fn resources(app: &TestApp, by: &User, org: &Org) -> Value {
    let by = app.again(by).await;
    app.by(&by).get(&org.at("services/portal")).await.ok()["service"]["resource_uris"].clone()
}

named!(apis_of_services_lie_under_a_host_and_end_with_it, async |app: &TestApp, dns: &NameServer| {
    let (ann, org) = proven(app, dns, "ann@example.com", "acme", HOST).await;
    let token = text(&shown(app, &ann, &org).await["verification_methods"][0]["record_value"]);
    let uris = json!(["https://auth.acme.example/", "https://auth.acme.example:8443/v1"]);
    let create = async |uris: &Value| {
        let by = app.again(&ann).await;
        let body = json!({"slug": "portal", "name": "Portal", "service_type": "api", "resource_uris": uris});
        app.by(&by).post(&org.at("services"), body).await
    };
    create(&json!(["https://acme.example/"])).await.invalid(&["resource_uris[0]"]);
    create(&json!(["https://x.auth.acme.example/"])).await.invalid(&["resource_uris[0]"]);
    create(&uris).await.ok();
    assert_eq!(resources(app, &ann, &org).await, uris);
    let change = async |uris: &Value| {
        let by = app.again(&ann).await;
        app.by(&by).patch(&org.at("services/portal"), json!({"resource_uris": uris})).await
    };
    // A claim of the same host ends what rested on the proof.
    let token_after = claim(app, &ann, &org, HOST).await;
    assert_eq!(resources(app, &ann, &org).await, json!([]));
    assert_eq!(recorded(app, &ann, &org, "domain.set").await[0]["ended_resource_uris"], uris);
    change(&uris).await.invalid(&["resource_uris[0]", "resource_uris[1]"]);
    dns.says(RECORD, &[&token, &token_after]);
    assert!(verify(app, &ann, &org).await.0);
    change(&uris).await.ok();
    // A lapse does.
    dns.says(RECORD, &[]);
    days(app, 8).await;
    assert_eq!(resources(app, &ann, &org).await, json!([]));
    assert_eq!(recorded(app, &ann, &org, "domain.lapsed").await[0]["ended_resource_uris"], uris);
    dns.says(RECORD, &[&token_after]);
    assert!(verify(app, &ann, &org).await.0);
    change(&uris).await.ok();
    // Giving it up does, and another organization may have it then.
    let by = app.again(&ann).await;
    app.by(&by).delete(&org.at("domain")).await.expect(204);
    assert_eq!(resources(app, &ann, &org).await, json!([]));
    assert_eq!(app.count("select count(*) from resource_servers").await, 0);
});

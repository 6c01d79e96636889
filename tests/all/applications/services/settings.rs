//! What a service may say of itself.

use super::*;

both!(bad_input_is_named_field_by_field, async |app| {
    let (ann, org) = founded(app).await;
    make(app, &ann, &org, "portal").await;
    let by = app.by(&ann);
    let with = |field: &str, value: Value| {
        let mut body = json!({"slug": "shop", "name": "Shop", "service_type": "web"});
        body[field] = value;
        body
    };
    by.post(&org.at("services"), json!({})).await.invalid(&["slug", "name", "service_type"]);
    for (field, value) in [
        ("slug", json!("Bad Slug")),
        ("slug", json!("x")),
        ("name", json!("")),
        ("service_type", json!("tv")),
        ("service_type", json!(7)),
        ("github_scopes", json!("repo")),
        ("github_scopes", json!(["a b"])),
        ("microsoft_scopes", json!([1])),
        ("google_scopes", json!(vec!["openid"; 51])),
        ("redirect_uris", json!("https://a.example/cb")),
        ("redirect_uris", json!(["https://a.example/cb#x"])),
        ("redirect_uris", json!(["http://a.example/cb"])),
        ("redirect_uris", json!(["https://*.a.example/cb"])),
        ("redirect_uris", json!(["https://a.example/cb?code=1"])),
        ("redirect_uris", json!(["javascript:alert(1)"])),
        ("redirect_uris", json!((0..51).map(|n| format!("https://a.example/{n}")).collect::<Vec<_>>())),
        ("redirect_uris", json!((0..3).map(|n| format!("https://a.example/{n}{}", "a".repeat(1900))).collect::<Vec<_>>())),
        ("device_activation_uri", json!("com.example.app:/activate")),
        ("resource_uris", json!(["urn:api"])),
        ("resource_uris", json!((0..11).map(|n| format!("https://a.example/{n}")).collect::<Vec<_>>())),
    ] {
        by.post(&org.at("services"), with(field, value.clone())).await.invalid(&[field]);
        if field != "slug" {
            by.patch(&org.at("services/portal"), json!({field: value})).await.invalid(&[field]);
        }
    }
    by.patch(&org.at("services/portal"), json!({"name": null, "redirect_uris": null})).await.invalid(&["name", "redirect_uris"]);
    assert_eq!(by.get(&org.at("services")).await.ok()["usage"]["current_services"], 1);
});

both!(a_scheme_of_its_own_is_for_what_is_installed, async |app| {
    let (ann, org) = founded(app).await;
    let body = |service_type: &str| {
        let uris = ["https://a.example/cb", "com.example.app:/cb"];
        json!({"slug": "app", "name": "App", "service_type": service_type, "redirect_uris": uris})
    };
    for service_type in ["web", "api"] {
        app.by(&ann).post(&org.at("services"), body(service_type)).await.invalid(&["redirect_uris[1]"]);
    }
    app.by(&ann).post(&org.at("services"), body("mobile")).await.ok();
    app.by(&ann).patch(&org.at("services/app"), json!({"service_type": "web"})).await.invalid(&["redirect_uris[1]"]);
});

both!(an_api_lies_under_a_host_that_the_organization_has_proven, async |app| {
    let (ann, org) = founded(app).await;
    let uris = json!(["https://api.victim.example/", "https://api.acme.example/"]);
    let body = json!({"slug": "app", "name": "App", "service_type": "api", "resource_uris": uris});
    let refused = app.by(&ann).post(&org.at("services"), body).await.invalid(&["resource_uris[0]", "resource_uris[1]"]);
    assert_eq!(refused["details"][0]["code"], "host_not_verified");
    assert!(refused["details"][0]["message"].as_str().unwrap().contains("custom domain"), "it says what to do: {refused}");
    make(app, &ann, &org, "portal").await;
    app.by(&ann)
        .patch(&org.at("services/portal"), json!({"resource_uris": uris}))
        .await
        .invalid(&["resource_uris[0]", "resource_uris[1]"]);
});

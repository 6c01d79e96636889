//! Every account, for platform owners.

use serde_json::{Value, json};
use tenantry_tests::{both, text};

use crate::core::shapes::{USER, has_exactly};

fn emails(page: &Value) -> Vec<String> {
    page["users"].as_array().unwrap().iter().map(|user| text(&user["email"])).collect()
}

both!(accounts_are_listed_newest_first, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let mut made = vec!["ann@example.com"];
    for email in ["bob@example.com", "cy@example.com"] {
        app.advance(chrono::TimeDelta::seconds(1));
        app.sign_up(email).await;
        made.push(email);
    }
    app.advance(chrono::TimeDelta::seconds(1));
    let root = app.platform_owner().await;
    let list = async |query: &str| app.by(&root).get(&format!("/api/platform/users{query}")).await.ok();
    let all = list("").await;
    has_exactly(&all, &["users", "total"]);
    has_exactly(&all["users"][0], USER);
    assert_eq!(emails(&all), ["root@platform.example", "cy@example.com", "bob@example.com", "ann@example.com"]);
    assert_eq!((emails(&list("?limit=1&offset=2").await), &all["total"]), (vec!["bob@example.com".to_owned()], &json!(4)));
    app.by(&root).get("/api/platform/users?limit=x").await.invalid(&["limit"]);
    for path in ["", "/search?q=a", &format!("/{}", root.id)] {
        app.by(&ann).get(&format!("/api/platform/users{path}")).await.refused_as(403, "FORBIDDEN", "platform_owner_required");
    }
});

both!(they_are_found_by_how_their_address_begins_or_by_id, async |app| {
    for email in ["anna@example.com", "ann@example.com", "an_other@example.com", "bob@ann.example"] {
        app.sign_up(email).await;
    }
    let (ann, root) = (app.login("ann@example.com", tenantry_tests::PASSWORD).await, app.platform_owner().await);
    let find = async |query: &str| app.by(&root).get(&format!("/api/platform/users/search{query}")).await.ok();
    assert_eq!(emails(&find("?q=ann").await), ["ann@example.com", "anna@example.com"], "in the order of their bytes");
    assert_eq!(emails(&find("?q=ANN@").await), ["ann@example.com"]);
    assert_eq!(emails(&find("?email=ann%40example.com").await), ["ann@example.com"]);
    assert_eq!(emails(&find("?q=an_").await), ["an_other@example.com"], "nothing in it is a wildcard");
    assert_eq!(emails(&find("?q=%25").await), [""; 0]);
    assert_eq!(emails(&find(&format!("?q={}", ann.id)).await), ["ann@example.com"]);
    assert_eq!(find("?q=usr_00000000000000000000000000000000").await["total"], 0);
    assert_eq!((&find("").await["total"], &find("?q=%20").await["total"]), (&json!(0), &json!(0)));
    let page = find("?q=an&limit=1&offset=1").await;
    assert_eq!((emails(&page), &page["total"]), (vec!["ann@example.com".to_owned()], &json!(3)));
});

both!(one_account_is_shown_with_what_it_is_used_for, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let show = async |id: &str| app.by(&root).get(&format!("/api/platform/users/{id}")).await;
    let shown = show(&bob.id).await.ok();
    has_exactly(&shown, &[USER, &["organizations", "active_sessions", "last_sign_in_at"]].concat());
    has_exactly(&shown["organizations"][0], &["id", "slug", "name", "role", "joined_at"]);
    assert_eq!((&shown["organizations"][0]["slug"], &shown["organizations"][0]["role"]), (&json!("acme"), &json!("member")));
    assert!(shown["active_sessions"].as_i64().unwrap() >= 1 && shown["last_sign_in_at"].is_string(), "{shown}");
    app.by(&root).delete(&format!("/api/platform/organizations/{}", org.id)).await.expect(204);
    assert_eq!(show(&bob.id).await.ok()["organizations"], json!([]));
    show("usr_00000000000000000000000000000000").await.refused(404, "NOT_FOUND");
    show("nonsense").await.refused(404, "NOT_FOUND");
});

//! What is shown of deliveries: lists of them, and one with its attempts.

use super::*;
use crate::delivery::deliveries::hooked;

both!(a_list_is_bounded_in_bytes_and_one_delivery_as_well, async |app| {
    let hooked = hooked(app, &["user.invited", "webhook.updated"]).await;
    hooked.receiver.answers_body(&"x".repeat(5000));
    // The longest event that a caller can make: names of four bytes a character, every event, a long address.
    let events = app.by(&hooked.ann).get(&hooked.org.at("webhooks/event-types")).await.ok();
    let names: Vec<_> = events.as_array().unwrap().iter().map(|event| event["value"].clone()).collect();
    let url = format!("{}/{}", hooked.receiver.url, "y".repeat(1900));
    for n in 0..100 {
        let body = json!({"name": format!("{n:03}{}", "😀".repeat(97)), "url": url, "events": names});
        app.by(&hooked.ann).patch(&hooked.path, body).await.ok();
    }
    app.worker().await;
    // As versions before kept it.
    app.execute(&format!("update deliveries set response_body = '{}'", "ä".repeat(10_000))).await;
    let list = app.by(&hooked.ann).get(&format!("{}/deliveries?limit=100", hooked.path)).await.expect(200).text();
    assert!(list.len() < 512 * 1024, "{} bytes", list.len());
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["deliveries"].as_array().unwrap().len(), 100);
    for shown in list["deliveries"].as_array().unwrap() {
        assert!(shown.get("response_body").is_none() && shown.get("attempts").is_none(), "{shown}");
        assert!(shown["payload"].is_object() && shown["response_status_code"] == 200, "{shown}");
    }
    let one = hooked.newest(app).await;
    assert_eq!((text(&one["response_body"]).len(), one["attempts"].as_array().map(Vec::len)), (4096, Some(1)), "{one}");
});

both!(one_delivery_is_shown_to_its_own_endpoint_only, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    hooked.receiver.answers_once(&[500]);
    hooked.invite(app, "bob@example.com").await;
    app.worker().await;
    app.advance(TimeDelta::seconds(70));
    app.worker().await;
    let shown = hooked.newest(app).await;
    assert_eq!((&shown["delivered"], &shown["response_body"]), (&json!(true), &json!("ok")));
    let statuses: Vec<_> = shown["attempts"].as_array().unwrap().iter().map(|a| a["response_status_code"].clone()).collect();
    assert_eq!(statuses, [500, 200]);
    let body = json!({"name": "Other", "url": hooked.receiver.url, "events": ["user.invited"]});
    let other = text(&app.by(&hooked.ann).post(&hooked.org.at("webhooks"), body).await.ok()["id"]);
    let id = text(&shown["id"]);
    for path in [
        hooked.org.at(&format!("webhooks/{other}/deliveries/{id}")),
        format!("{}/deliveries/dlv_00000000000000000000000000000000", hooked.path),
        format!("{}/deliveries/nonsense", hooked.path),
    ] {
        app.by(&hooked.ann).get(&path).await.refused(404, "NOT_FOUND");
    }
    let cy = app.member(&hooked.ann, "acme", "cy@example.com", "member").await;
    app.by(&cy).get(&format!("{}/deliveries/{id}", hooked.path)).await.refused(403, "FORBIDDEN");
    app.worker().await;
});

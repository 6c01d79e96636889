//! What waits at the endpoints of a suspended organization.

use super::*;
use crate::delivery::deliveries::hooked;

both!(what_waits_at_a_suspended_organization_waits_on, async |app| {
    let hooked = hooked(app, &["user.invited", "organization.suspended", "organization.activated"]).await;
    let root = app.platform_owner().await;
    let act = async |what: &str| {
        let root = app.again(&root).await;
        app.by(&root).post_empty(&format!("/api/platform/organizations/{}/{what}", hooked.org.id)).await.ok()
    };
    hooked.receiver.answers_once(&[500]);
    hooked.invite(app, "bob@example.com").await;
    app.worker().await;
    hooked.invite(app, "cy@example.com").await;
    act("suspend").await;
    hooked.receiver.take();
    for _ in 0..10 {
        app.worker().await;
        app.advance(TimeDelta::days(3));
        app.run_jobs().await;
    }
    assert!(hooked.receiver.take().is_empty(), "nothing leaves meanwhile");
    assert_eq!(app.count("select count(*) from deliveries where state = 0").await, 3);
    assert_eq!(app.count("select sum(attempts) from deliveries").await, 1, "no attempt is used up");
    act("activate").await;
    app.worker().await;
    let mut events = hooked.receiver.events();
    events.sort();
    assert_eq!(events, ["organization.activated", "organization.suspended", "user.invited", "user.invited"]);
    assert_eq!(app.count("select count(*) from deliveries where state = 2").await, 4);
});

both!(what_waits_at_a_suspended_organization_ends_with_it, async |app| {
    let hooked = hooked(app, &["user.invited", "org.deleted"]).await;
    let root = app.platform_owner().await;
    hooked.invite(app, "bob@example.com").await;
    let path = format!("/api/platform/organizations/{}", hooked.org.id);
    app.by(&root).post_empty(&format!("{path}/suspend")).await.ok();
    app.worker().await;
    app.by(&root).delete(&path).await.expect(204);
    app.worker().await;
    assert_eq!(hooked.receiver.events(), ["org.deleted"]);
    let left = "select count(*) from deliveries where state = 3 and error = 'the organization was deleted'";
    assert_eq!(app.count(left).await, 1);
});

//! Second factors as who operates the platform sees them.

use super::*;

both!(an_operator_helps_who_has_lost_everything, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    let at = format!("/api/platform/users/{}/mfa", ann.id);
    let nobody = "/api/platform/users/usr_00000000000000000000000000000000/mfa";
    answers! {
        "nothing to take": app.by(&root).delete(&at) => refused_as(400, "BAD_REQUEST", "mfa_not_enabled"),
        "nobody": app.by(&root).delete(nobody) => refused(404, "NOT_FOUND"),
        "nobody's state": app.by(&root).get(&format!("{nobody}/status")) => refused(404, "NOT_FOUND"),
    }
    enrol(app, &ann).await;
    let shown = app.by(&root).get(&format!("{at}/status")).await.ok();
    assert_eq!((&shown["enabled"], &shown["backup_codes_remaining"]), (&json!(true), &json!(10)));
    app.by(&ann).delete(&at).await.refused_as(403, "FORBIDDEN", "platform_owner_required");
    app.by(&root).delete(&at).await.ok();
    entered(app, login(app, "ann@example.com", None).await);
    app.worker().await;
    assert!(subjects(app, "ann@example.com").contains(&"Your account has no second factor any more".to_owned()));
    let log = app.by(&root).get("/api/platform/audit-log?action=reset_user_mfa").await.ok();
    assert_eq!((&log["total"], &log["logs"][0]["target_id"]), (&json!(1), &json!(ann.id)));
    let log = app.by(&ann).get(&org.at("audit-log?action=security.mfa.disabled")).await.ok();
    assert_eq!(log["logs"][0]["metadata"]["reason"], "platform", "{log}");
});

both!(the_platform_sees_its_factors_in_numbers, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    app.sign_up("bob@example.com").await;
    app.sign_up("cy@example.com").await;
    let authenticator = enrol(app, &ann).await;
    for _ in 0..5 {
        let waiting = asked(app, "ann@example.com").await;
        answer(app, &waiting, &authenticator.wrong(app)).await.refused(401, "UNAUTHORIZED");
    }
    entered(app, answer(app, &asked(app, "ann@example.com").await, &authenticator.code(app)).await);
    let by = app.by(&root);
    let expected = json!({
        "total_users": 4, "mfa_enabled_users": 1, "adoption_rate": 0.25, "verifications_succeeded": 1, "verifications_failed": 5,
    });
    assert_eq!(by.get("/api/platform/mfa/metrics").await.ok(), expected);
    let guessed = json!({"user_id": ann.id, "email": "ann@example.com", "failed_attempts": 5, "successful_attempts": 1});
    let suspicious = by.get("/api/platform/mfa/suspicious-activity").await.ok();
    assert_eq!(suspicious, json!({"threshold": 5, "accounts": [guessed]}));
    // Kept once a day, as they were counted last.
    assert_eq!(by.get("/api/platform/mfa/metrics/generate").await.ok(), json!([]));
    for _ in 0..2 {
        assert_eq!(by.post_empty("/api/platform/mfa/metrics/generate").await.ok(), expected);
    }
    let kept = by.get("/api/platform/mfa/metrics/generate").await.ok();
    assert_eq!((kept.as_array().unwrap().len(), &kept[0]["date"]), (1, &json!("2026-11-23")));
    assert_eq!((&kept[0]["adoption_rate"], &kept[0]["verifications_failed"]), (&json!(0.25), &json!(5)));
    // The day after tomorrow nobody is suspicious any more; a year later it is forgotten.
    app.advance(TimeDelta::days(2));
    let root = app.again(&root).await;
    assert_eq!(app.by(&root).get("/api/platform/mfa/suspicious-activity").await.ok()["accounts"], json!([]));
    app.advance(TimeDelta::days(500));
    app.run_jobs().await;
    for table in ["factor_attempts", "factor_days"] {
        assert_eq!(app.count(&format!("select count(*) from {table}")).await, 0, "{table}");
    }
});

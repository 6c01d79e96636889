//! Trying a server out.

use super::*;

const STEPS: [&str; 9] = ["resolve", "connect", "greeting", "tls", "certificate", "auth", "sender", "recipient", "data"];

async fn test(app: &TestApp, by: &User, org: &Org, body: Value) -> Value {
    let by = app.again(by).await;
    let answer = app.by(&by).post(&org.at("smtp/test"), body).await.ok();
    has_exactly(&answer, &["success", "steps"]);
    let steps = answer["steps"].as_array().unwrap();
    assert_eq!(steps.iter().map(|step| text(&step["step"])).collect::<Vec<_>>(), STEPS);
    steps.iter().for_each(|step| has(step, &["step", "status"], &["milliseconds", "reason", "message", "reply"]));
    answer
}

/// What each step came to.
fn statuses(answer: &Value) -> Vec<String> {
    answer["steps"].as_array().unwrap().iter().map(|step| text(&step["status"])).collect()
}

both!(a_test_mail_tells_how_each_step_went, async |app| {
    let (ann, org, server) = equipped(app).await;
    let answer = test(app, &ann, &org, json!({})).await;
    assert_eq!(answer["success"], true);
    let went = ["passed", "passed", "passed", "skipped", "skipped", "passed", "passed", "passed", "passed"];
    assert_eq!(statuses(&answer), went);
    let handed = server.last();
    assert_eq!((handed.to.as_str(), handed.from.as_str()), ("ann@example.com", "no-reply@acme.example"));
    assert!(handed.mail.text.contains("The acme company") && handed.mail.html.contains("The acme company"));
    test(app, &ann, &org, json!({"to": "bob@example.com"})).await;
    assert_eq!(server.last().to, "bob@example.com");
    for (command, reply, step) in [
        ("GREETING", "554 5.3.2 no", "greeting"),
        ("AUTH", "535 5.7.8 no", "auth"),
        ("MAIL", "550 5.7.1 no", "sender"),
        ("RCPT", "550 5.1.1 no", "recipient"),
        (".", "554 5.6.0 no", "data"),
    ] {
        server.recovers();
        server.answers(command, reply);
        let answer = test(app, &ann, &org, json!({})).await;
        let at = STEPS.iter().position(|known| *known == step).unwrap();
        assert_eq!((&answer["success"], &statuses(&answer)[at]), (&json!(false), &"failed".to_owned()), "{answer}");
        let failed = &answer["steps"][at];
        assert_eq!((&failed["reason"], text(&failed["reply"])), (&json!("refused"), reply.trim_end_matches(" no").to_owned()));
        assert!(statuses(&answer)[at + 1..].iter().all(|status| status == "not_reached"), "{answer}");
    }
    // What a test finds is for who asked: mails go on leaving there.
    assert_eq!(shown(app, &ann, &org).await["status"], "working");
    let tested = recorded(app, &ann, &org, "organization.smtp.tested").await;
    assert_eq!((tested.len(), &tested[0]["succeeded"], &tested[0]["step"]), (7, &json!(false), &json!("data")));
    assert_eq!(tested[6]["succeeded"], true);
});

both!(a_server_that_is_gone_or_silent_is_told, Options::default().set("egress.timeout_seconds", 1), async |app| {
    let (ann, org, server) = equipped(app).await;
    server.falls_silent();
    let answer = test(app, &ann, &org, json!({})).await;
    assert_eq!((&answer["steps"][2]["status"], &answer["steps"][2]["reason"]), (&json!("failed"), &json!("timeout")));
    drop(server);
    let answer = test(app, &ann, &org, json!({})).await;
    assert_eq!((&answer["steps"][1]["status"], &answer["steps"][1]["reason"]), (&json!("failed"), &json!("unreachable")));
});

both!(a_test_that_works_ends_the_pause, async |app| {
    let (ann, org, server) = equipped(app).await;
    server.answers("AUTH", "535 5.7.8 no");
    app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.worker().await;
    assert_eq!(shown(app, &ann, &org).await["status"], "failing");
    server.recovers();
    assert_eq!(test(app, &ann, &org, json!({})).await["success"], true);
    assert_eq!(shown(app, &ann, &org).await["status"], "working");
    app.invite(&ann, "acme", "cy@example.com", "member").await;
    app.worker().await;
    assert_eq!(server.last().to, "cy@example.com");
    assert_eq!(recorded(app, &ann, &org, "organization.smtp.restored").await.len(), 1);
});

both!(who_may_try_a_server_out, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let path = org.at("smtp/test");
    app.by(&ann).post(&path, json!({})).await.refused_as(400, "BAD_REQUEST", "smtp_not_configured");
    app.by(&ann).post(&path, json!({"to": "nobody"})).await.invalid(&["to"]);
    let server = MailServer::start().await;
    set(app, &ann, &org, server.settings()).await;
    let made = json!({"name": "CI", "permissions": ["org.settings.manage"]});
    let key = text(&app.by(&ann).post(&org.at("api-keys"), made).await.ok()["secret"]);
    let program = app.client().bearer(&key);
    program.post(&path, json!({})).await.invalid(&["to"]);
    assert_eq!(program.post(&path, json!({"to": "ops@example.com"})).await.ok()["success"], true);
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    app.by(&bob).post(&path, json!({})).await.refused(403, "FORBIDDEN");
    let olga = app.sign_up("olga@example.com").await;
    app.by(&olga).post(&path, json!({})).await.refused(403, "FORBIDDEN");
    assert_eq!(server.received().iter().filter(|handed| handed.to == "ops@example.com").count(), 1);
});

both!(tests_are_limited_for_each_organization, Options::default().rate_limits(), async |app| {
    let (ann, org, server) = equipped(app).await;
    let mut sent = 0;
    while sent < 20 && app.by(&ann).post(&org.at("smtp/test"), json!({})).await.status == 200 {
        sent += 1;
    }
    assert_eq!((sent, server.received().len()), (10, 10));
    app.by(&ann).post(&org.at("smtp/test"), json!({})).await.refused(429, "TOO_MANY_REQUESTS");
});

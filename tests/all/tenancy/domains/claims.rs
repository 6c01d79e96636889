//! Claiming a host, proving it, and giving it up.

use super::*;

named!(a_host_is_claimed_proven_by_dns_and_given_up, async |app: &TestApp, dns: &NameServer| {
    let (ann, org) = founded(app, "ann@example.com", "acme").await;
    let by = app.by(&ann);
    let path = org.at("domain");
    assert_eq!(by.get(&path).await.ok(), json!({"custom_domain": null, "domain_verified": false}));
    by.post(&org.at("domain/verify"), json!({})).await.refused_as(400, "BAD_REQUEST", "no_domain");
    let claimed = by.post(&path, json!({"domain": "Auth.ACME.example."})).await.ok();
    let token = text(&claimed["verification_token"]);
    assert_eq!(token.parse::<uuid::Uuid>().unwrap().get_version_num(), 4);
    let [record, file] = claimed["verification_methods"].as_array().unwrap().as_slice() else { panic!("{claimed}") };
    has_exactly(record, &["method", "instructions", "record_type", "record_name", "record_value"]);
    assert_eq!((&record["method"], &record["record_type"]), (&json!("DNS TXT Record"), &json!("TXT")));
    assert_eq!((&record["record_name"], &record["record_value"]), (&json!(RECORD), &json!(token)));
    has_exactly(file, &["method", "instructions", "record_value"]);
    assert_eq!((&file["method"], &file["record_value"]), (&json!("HTTP File"), &json!(token)));
    assert!(text(&file["instructions"]).contains("http://auth.acme.example/.well-known/sso-verification.txt"), "{file}");
    assert_eq!(shown(app, &ann, &org).await["custom_domain"], HOST);
    let (verified, told) = verify(app, &ann, &org).await;
    assert!(!verified && told.contains("no TXT record") && told.contains(RECORD), "{told}");
    dns.says(RECORD, &["something else", "3f0c9f6e-7d0a-4b5e-9a51-0f6f7f3b2c11"]);
    let (verified, told) = verify(app, &ann, &org).await;
    assert!(!verified && told.contains("another value") && !told.contains("something else"), "{told}");
    assert_eq!(shown(app, &ann, &org).await["domain_verified"], false);
    dns.says(RECORD, &["v=spf1 -all", &format!(" {token} ")]);
    assert_eq!(verify(app, &ann, &org).await, (true, format!("{HOST} is verified.")));
    let known = shown(app, &ann, &org).await;
    assert_eq!((&known["domain_verified"], known.get("failing_since")), (&json!(true), None));
    // Once more is no news.
    assert!(verify(app, &ann, &org).await.0);
    app.by(&app.again(&ann).await).delete(&path).await.expect(204);
    assert_eq!(shown(app, &ann, &org).await, json!({"custom_domain": null, "domain_verified": false}));
    app.by(&app.again(&ann).await).delete(&path).await.expect(204);
    let set = recorded(app, &ann, &org, "domain.set").await;
    assert_eq!((set.len(), &set[0]["kind"], &set[0]["domain"]), (1, &json!("host"), &json!(HOST)));
    let verified = recorded(app, &ann, &org, "domain.verified").await;
    assert_eq!((verified.len(), &verified[0]["method"]), (1, &json!("dns")));
    assert_eq!(recorded(app, &ann, &org, "domain.deleted").await.len(), 1);
});

named!(setting_it_again_begins_anew, async |app: &TestApp, dns: &NameServer| {
    let (ann, org) = proven(app, dns, "ann@example.com", "acme", HOST).await;
    let before = claim(app, &ann, &org, HOST).await;
    assert_eq!(shown(app, &ann, &org).await["domain_verified"], false);
    // What stands in the DNS is the token of the claim before.
    assert!(!verify(app, &ann, &org).await.0);
    assert_ne!(claim(app, &ann, &org, "auth.acme.test").await, before);
    assert_eq!(shown(app, &ann, &org).await["custom_domain"], "auth.acme.test");
    dns.says(RECORD, &[&before]);
    assert!(!verify(app, &ann, &org).await.0, "the host before proves nothing");
});

named!(n10_a_claim_keeps_nobody_out_and_a_proof_does, async |app: &TestApp, dns: &NameServer| {
    let (ann, acme) = founded(app, "ann@example.com", "acme").await;
    let (eve, evil) = founded(app, "eve@example.com", "evil").await;
    claim(app, &eve, &evil, HOST).await;
    let token = claim(app, &ann, &acme, HOST).await;
    dns.says(RECORD, &[&token]);
    assert!(!verify(app, &eve, &evil).await.0, "another's token proves nothing");
    assert!(verify(app, &ann, &acme).await.0);
    // The claim that was there before stays a claim.
    assert_eq!(shown(app, &eve, &evil).await["domain_verified"], false);
    let late = app.by(&eve).post(&evil.at("domain"), json!({"domain": HOST})).await;
    late.refused_as(400, "DUPLICATE_CONSTRAINT", "domain_taken");
    // Even with a record of its own: the host is taken, which is no error.
    let theirs = shown(app, &eve, &evil).await;
    let theirs = text(&theirs["verification_methods"][0]["record_value"]);
    dns.says(RECORD, &[&token, &theirs]);
    let (verified, told) = verify(app, &eve, &evil).await;
    assert!(!verified && told.contains("Another organization"), "{told}");
    // Given up, or with its organization gone, it is free at once.
    app.by(&app.again(&ann).await).delete(&acme.path).await.done();
    assert!(verify(app, &eve, &evil).await.0);
});

named!(two_who_prove_one_host_at_once_are_told_apart, async |app: &TestApp, dns: &NameServer| {
    let mut all = Vec::new();
    for slug in ["acme", "evil"] {
        let (owner, org) = founded(app, &format!("{slug}@example.com"), slug).await;
        let token = claim(app, &owner, &org, HOST).await;
        all.push((owner, org, token));
    }
    let tokens: Vec<&str> = all.iter().map(|(_, _, token)| token.as_str()).collect();
    dns.says(RECORD, &tokens);
    let both = futures::future::join_all(all.iter().map(|(owner, org, _)| verify(app, owner, org))).await;
    assert_eq!(both.iter().filter(|(verified, _)| *verified).count(), 1, "{both:?}");
    assert_eq!(app.count("select count(*) from domains where verified_at is not null").await, 1);
});

named!(a_file_that_the_host_serves_will_do, async |app: &TestApp, dns: &NameServer| {
    let (ann, org) = founded(app, "ann@example.com", "acme").await;
    let token = claim(app, &ann, &org, HOST).await;
    let files: Receiver = dns.files();
    for (status, body) in [
        (200, "ok"),
        (404, token.as_str()),
        (302, token.as_str()),
        (500, token.as_str()),
        (200, &format!("{token}{token}")),
        (200, &format!("{}{token}", " ".repeat(1000))),
    ] {
        files.answers(status);
        files.answers_body(body);
        let (verified, told) = verify(app, &ann, &org).await;
        assert!(!verified && !told.contains("ok") && !told.contains(&token), "{status} {told}");
    }
    files.take();
    files.answers(200);
    files.answers_body(&format!("{token}\n"));
    assert!(verify(app, &ann, &org).await.0);
    let asked = files.received();
    assert_eq!(asked[0].request_line, "GET /.well-known/sso-verification.txt HTTP/1.1");
    assert!(asked[0].header("host").starts_with(HOST) && asked[0].header("authorization").is_empty());
    assert_eq!(recorded(app, &ann, &org, "domain.verified").await[0]["method"], "http");
});

both!(what_is_no_host_or_not_theirs_is_refused, Options::default().set("domains.reserved", "ours.example"), async |app| {
    let (ann, org) = founded(app, "ann@example.com", "acme").await;
    let by = app.by(&ann);
    for domain in [
        "",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "https://auth.acme.example",
        "auth.acme.example/x",
        "auth.acme.example:443",
        "*.acme.example",
        "-a.example",
        "a_b.example",
        "a b.example",
    ] {
        by.post(&org.at("domain"), json!({"domain": domain})).await.invalid(&["domain"]);
    }
    for (domain, code) in [("ours.example", "reserved"), ("Auth.Ours.Example.", "reserved")] {
        let refused = by.post(&org.at("domain"), json!({"domain": domain})).await.invalid(&["domain"]);
        assert_eq!(refused["details"][0]["code"], code);
    }
    for body in [json!({}), json!({"domain": 7}), json!({"domain": null})] {
        by.post(&org.at("domain"), body).await.invalid(&["domain"]);
    }
    by.post(&org.at("domain"), json!({"domain": "notours.example"})).await.ok();
    let idn = by.post(&org.at("domain"), json!({"domain": "Bücher.example"})).await.ok();
    assert_eq!(idn["verification_methods"][0]["record_name"], "_sso-verification.xn--bcher-kva.example");
});

both!(a_host_is_for_tiers_that_have_it_and_people_who_may, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let (path, body) = (org.at("domain"), json!({"domain": HOST}));
    app.by(&ann).post(&path, body.clone()).await.refused_as(403, "FEATURE_NOT_AVAILABLE_IN_TIER", "feature_not_in_tier");
    let unverified = app.by(&ann).post(&org.at("domain/verify"), json!({})).await;
    unverified.refused(403, "FEATURE_NOT_AVAILABLE_IN_TIER");
    let root = app.platform_owner().await;
    app.more_seats(&root, &org).await;
    app.by(&root).post(&path, body.clone()).await.ok();
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    assert_eq!(app.by(&bob).get(&path).await.ok()["custom_domain"], HOST);
    let olga = app.sign_up("olga@example.com").await;
    app.by(&olga).get(&path).await.refused(403, "FORBIDDEN");
    for who in [&bob, &olga] {
        app.by(who).post(&path, body.clone()).await.refused(403, "FORBIDDEN");
        app.by(who).post(&org.at("domain/verify"), json!({})).await.refused(403, "FORBIDDEN");
        app.by(who).delete(&path).await.refused(403, "FORBIDDEN");
    }
});

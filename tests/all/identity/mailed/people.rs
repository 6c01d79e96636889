//! Whose account a mail opens, and what is left of it.

use serde_json::json;
use tenantry_tests::{Browser, PASSWORD, both, text};

use super::{asked, learned};
use crate::identity::flows::application;

both!(t24_who_proves_the_mailbox_finds_nothing_that_somebody_left, async |app| {
    let (_, party) = application(app, json!({})).await;
    let ann = app.sign_up("ann@example.com").await;
    let mut device = tenantry_tests::PasskeyDevice::at(app);
    device.register(&app.by(&ann), "Laptop").await;
    // As if somebody had made it who never showed that they read the mail.
    app.execute("update users set email_verified_at = null where email = 'ann@example.com'").await;
    let browser = Browser::new(app);
    let request = party.ask(&[]);
    let at = asked(app, &browser, &request.path, "ann@example.com").await;
    let code = app.mailed_sign_in_code("ann@example.com");
    let back = browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.away();
    let id = learned(app, &party, &back, &request.verifier).await;
    assert_eq!((text(&id["sub"]), &id["email_verified"]), (format!("auth0|{}", ann.id.trim_start_matches("usr_")), &json!(true)));
    app.by(&ann).get("/api/user").await.refused(401, "UNAUTHORIZED");
    app.client().post("/api/auth/refresh", json!({"refresh_token": ann.refresh})).await.refused(401, "UNAUTHORIZED");
    let login = json!({"email": "ann@example.com", "password": PASSWORD});
    app.client().post("/api/auth/login", login).await.refused_as(401, "UNAUTHORIZED", "invalid_credentials");
    assert_eq!(app.count("select count(*) from passkeys").await, 0);
    assert_eq!(app.count("select count(*) from users where email_verified_at is not null and password_hash is null").await, 1);
});

both!(a_managed_account_is_opened_at_its_organization_only, async |app| {
    let (_, party) = application(app, json!({})).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let (id, _) = app.invite(&ann, "acme", "mia@acme.example", "member").await;
    app.by(&ann).post_empty(&org.at(&format!("invitations/{id}/accept"))).await.done();
    // Where no organization is named, nobody has that address.
    let browser = Browser::new(app);
    asked(app, &browser, &party.ask(&[]).path, "mia@acme.example").await;
    assert!(app.mails_to("mia@acme.example").iter().all(|mail| !mail.text.contains("signin-link")));
    let request = party.ask(&[("organization", "acme")]);
    let at = asked(app, &browser, &request.path, "mia@acme.example").await;
    let code = app.mailed_sign_in_code("mia@acme.example");
    let back = browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.away();
    let id = learned(app, &party, &back, &request.verifier).await;
    assert_eq!(id["org_id"], json!(org.id));
    assert_eq!(id["email_verified"], false, "whose address it is, its organization says nobody but itself (T23)");
});

both!(who_is_no_member_is_told_after_a_right_code_only, async |app| {
    let (_, party) = application(app, json!({})).await;
    let ann = app.sign_up("ann@example.com").await;
    app.create_org(&ann, "acme").await;
    app.sign_up("carl@example.com").await;
    let browser = Browser::new(app);
    let at = asked(app, &browser, &party.ask(&[("organization", "acme")]).path, "carl@example.com").await;
    let (_, page) = browser.send(&at, &[("step", "mail_code.0"), ("code", "00000000")]).await.page();
    assert_eq!(page.status, 422, "{page}");
    let code = app.mailed_sign_in_code("carl@example.com");
    let back = browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.away();
    assert_eq!(back["error"], "access_denied");
    assert!(browser.cookie("tn_session").is_none());
});

both!(a_closed_account_is_opened_by_no_mail, async |app| {
    let (_, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let at = asked(app, &browser, &party.ask(&[]).path, "ann@example.com").await;
    let code = app.mailed_sign_in_code("ann@example.com");
    app.execute("update users set deleted_at = created_at where email = 'ann@example.com'").await;
    let (_, page) = browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.page();
    assert_eq!(page.status, 422, "{page}");
    let before = app.mails_to("ann@example.com").len();
    browser.send(&at, &[("step", "ask_mail")]).await.page();
    app.worker().await;
    assert_eq!(app.mails_to("ann@example.com").len(), before);
});

both!(a_mailbox_that_moved_opens_nothing, async |app| {
    let (_, party) = application(app, json!({})).await;
    app.sign_up("ann@example.com").await;
    let browser = Browser::new(app);
    let at = asked(app, &browser, &party.ask(&[]).path, "ann@example.com").await;
    let code = app.mailed_sign_in_code("ann@example.com");
    app.execute("update users set email = 'ann@new.example' where email = 'ann@example.com'").await;
    let (_, page) = browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.page();
    assert_eq!(page.status, 422, "{page}");
});

both!(a_domain_shuts_nobody_out_of_another_organization, async |app| {
    let (_, party) = application(app, json!({"organization_usage": "require"})).await;
    let (ann, ben) = (app.sign_up("ann@corp.example").await, app.sign_up("ben@example.com").await);
    let (acme, corp) = (app.create_org(&ann, "acme").await, app.create_org(&ben, "corp").await);
    app.by(&ben).post(&corp.at("domain-routes"), json!({"domain": "corp.example"})).await.ok();
    app.execute("update domains set proof = 'dns', verified_at = created_at").await;
    let browser = Browser::new(app);
    let request = party.ask(&[]);
    let at = asked(app, &browser, &request.path, "ann@corp.example").await;
    let code = app.mailed_sign_in_code("ann@corp.example");
    let (at, page) = browser.send(&at, &[("step", "mail_code.0"), ("code", &code)]).await.page();
    assert!(page.text().contains("The acme company"), "{page}");
    let back = browser.send(&at, &[("step", "organization"), ("organization", "acme")]).await.away();
    assert_eq!(learned(app, &party, &back, &request.verifier).await["org_id"], json!(acme.id));
});

//! Refresh tokens (T28, T30): worth one exchange, for what they were made for, as long as what they stand for lives.

use chrono::TimeDelta;
use serde_json::json;
use tenantry_tests::{Options, PASSWORD, Response, TestApp, both, text};

async fn refresh(app: &TestApp, token: &str) -> Response {
    app.client().post("/api/auth/refresh", json!({"refresh_token": token})).await
}

#[track_caller]
fn refused(answer: Response) {
    answer.refused_as(401, "UNAUTHORIZED", "invalid_refresh_token");
}

both!(t28_a_token_stays_with_its_organization, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let (acme, other) = (app.create_org(&ann, "acme").await, app.create_org(&ann, "other").await);
    let asked =
        json!({"refresh_token": acme.refresh, "org_slug": "other", "org": "other", "org_id": other.id, "audience": "platform"});
    let request = app.client().bearer(&other.access).request(reqwest::Method::POST, "/api/auth/refresh?org_slug=other");
    let next = request.header("x-org-slug", "other").json(&asked).send().await.ok();
    assert_eq!(app.client().bearer(&text(&next["access_token"])).get("/api/user").await.ok()["org"], "acme");
    // The others' families are not touched.
    assert_eq!(
        app.client().bearer(&text(&refresh(app, &other.refresh).await.ok()["access_token"])).get("/api/user").await.ok()["org"],
        "other"
    );
    assert_eq!(
        app.client().bearer(&text(&refresh(app, &ann.refresh).await.ok()["access_token"])).get("/api/user").await.ok()["org"],
        ""
    );
});

both!(t17_a_token_of_one_purpose_serves_no_other, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.create_org(&ann, "acme").await;
    let bob = app.sign_up("bob@example.com").await;
    let (_, invitation) = app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.client().post("/api/auth/forgot-password", json!({"email": "ann@example.com"})).await.ok();
    app.by(&ann).patch("/api/user", json!({"email": "new@example.com"})).await.ok();
    app.client().post("/api/auth/register", json!({"email": "cy@example.com", "password": PASSWORD})).await.ok();
    app.worker().await;
    let reset = app.mailed_token("ann@example.com", "reset-password");
    let change = app.mailed_token("new@example.com", "change-email");
    let verify = app.mailed_token("cy@example.com", "verify-email");
    let before = app.dump().await;
    let tokens = [&ann.access, &ann.refresh, &invitation, &reset, &change, &verify];
    for (at, own) in [
        ("/api/auth/refresh", &ann.refresh),
        ("/api/auth/reset-password", &reset),
        ("/api/user/confirm-email", &change),
        ("/api/auth/verify-email", &verify),
        ("/api/invitations/decline", &invitation),
        ("/api/invitations/accept", &invitation),
    ] {
        // Also with the prefix of the right purpose in front of the wrong token's rest.
        let rest = |token: &str| token.rsplit_once('_').map_or(token, |(_, rest)| rest).to_owned();
        let prefix = own.rsplit_once('_').map_or("", |(prefix, _)| prefix);
        let wrong = tokens
            .iter()
            .filter(|token| **token != own)
            .flat_map(|token| [(*token).clone(), format!("{prefix}_{}", rest(token))]);
        for token in wrong {
            let body = json!({"token": token, "refresh_token": token, "password": PASSWORD, "new_password": "a stolen password"});
            let answer = app.by(&bob).post(at, body).await;
            assert!(matches!(answer.status, 400 | 401 | 404), "{token} at {answer}");
        }
    }
    for token in [&ann.refresh, &invitation, &reset, &change, &verify] {
        app.client().bearer(token).get("/api/user").await.refused(401, "JWT_ERROR");
    }
    assert_eq!(app.dump().await, before, "something changed");
});

both!(t30_rotation_spends_the_old_token, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let mut tokens = vec![ann.refresh.clone()];
    for _ in 0..5 {
        let pair = refresh(app, tokens.last().unwrap()).await.ok();
        assert_eq!(pair["expires_in"], 600);
        tokens.push(text(&pair["refresh_token"]));
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 6, "no token comes twice");
    assert_eq!(app.count("select count(*) from grants").await, 1);
    // A few characters less, more or other are another token; and an unknown one ends nothing.
    let pair = app.login("ann@example.com", PASSWORD).await;
    let (token, mut other) = (pair.refresh.clone(), pair.refresh.clone());
    let last = other.pop().unwrap();
    other.push(if last == 'A' { 'B' } else { 'A' });
    for wrong in [
        other,
        token[..token.len() - 1].to_owned(),
        format!("{token}A"),
        format!(" {token}"),
        token.to_uppercase(),
        String::new(),
    ] {
        let answer = refresh(app, &wrong).await;
        assert!(matches!(answer.status, 400 | 401), "{answer}");
    }
    refresh(app, &token).await.ok();
});

both!(t30_a_replay_ends_its_family_only_and_is_recorded, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let (acme, other) = (app.create_org(&ann, "acme").await, app.create_org(&ann, "other").await);
    let phone = app.login("ann@example.com", PASSWORD).await;
    let second = refresh(app, &acme.refresh).await.ok();
    let third = refresh(app, &text(&second["refresh_token"])).await.ok();
    // Within the race window: what it was exchanged for is used as well, so it is refused, and nothing else happens.
    app.advance(TimeDelta::seconds(9));
    refused(refresh(app, &acme.refresh).await);
    app.client().bearer(&text(&third["access_token"])).get("/api/user").await.ok();
    assert_eq!(app.count("select count(*) from events where name = 'security.refresh_token.reused'").await, 0);
    // A moment later, with the oldest token of the family.
    app.advance(TimeDelta::seconds(1));
    let thief = app.client().request(reqwest::Method::POST, "/api/auth/refresh").header("user-agent", "thief/1.0");
    refused(thief.json(&json!({"refresh_token": acme.refresh})).send().await);
    for pair in [&second, &third] {
        app.client().bearer(&text(&pair["access_token"])).get("/api/user").await.refused(401, "UNAUTHORIZED");
        refused(refresh(app, &text(&pair["refresh_token"])).await);
    }
    refused(refresh(app, &acme.refresh).await);
    // Every other family lives: of the same session, of another organization, of another device.
    for token in [&ann.access, &other.access, &phone.access] {
        app.client().bearer(token).get("/api/user").await.ok();
    }
    for token in [&ann.refresh, &other.refresh, &phone.refresh] {
        refresh(app, token).await.ok();
    }
    let log = app.client().bearer(&other.access).get(&acme.at("audit-log?action=security.refresh_token.reused")).await.ok();
    let record = &log["logs"][0];
    assert!(log["pagination"]["total"].as_i64() >= Some(1), "{log}");
    assert_eq!((&record["success"], &record["ip_address"]), (&json!(false), &json!("127.0.0.1")), "{record}");
    assert!(log.to_string().contains(&ann.id), "whose token it was: {log}");
    assert!(!log.to_string().contains(&acme.refresh), "{log}");
});

/// Refreshes from a network, with a user agent.
async fn refresh_from(app: &TestApp, network: &str, agent: &str, token: &str) -> Response {
    let request = app.client().request(reqwest::Method::POST, "/api/auth/refresh").header("x-forwarded-for", network);
    request.header("user-agent", agent).json(&json!({"refresh_token": token})).send().await
}

both!(
    t30_a_repetition_gets_the_same_pair_and_nobody_else_does,
    Options::default().set("server.trusted_proxies", "127.0.0.0/8"),
    async |app| {
        let ann = app.sign_up("ann@example.com").await;
        let org = app.create_org(&ann, "acme").await;
        let (home, phone) = ("2001:db8:1:2::3", "phone/1.0");
        let pair = refresh_from(app, home, phone, &org.refresh).await.ok();
        // An answer that was lost: again, also from another address of the same /64.
        for (seconds, network) in [(0, home), (3, "2001:db8:1:2:ffff::9"), (6, home)] {
            app.advance(TimeDelta::seconds(seconds));
            assert_eq!(refresh_from(app, network, phone, &org.refresh).await.ok(), pair, "after {seconds} s more");
        }
        for (network, agent) in [("2001:db8:1:3::3", phone), ("192.0.2.7", phone), (home, "phone/1.1"), (home, "")] {
            refused(refresh_from(app, network, agent, &org.refresh).await);
        }
        assert_eq!(app.count("select count(*) from events where name = 'security.refresh_token.reused'").await, 0);
        assert!(!app.dump().await.contains(&text(&pair["refresh_token"])), "kept sealed");
        // The pair was not used up by that.
        let next = refresh_from(app, home, phone, &text(&pair["refresh_token"])).await.ok();
        app.client().bearer(&text(&next["access_token"])).get("/api/user").await.ok();
        // Now it was, and is no answer any more.
        refused(refresh_from(app, home, phone, &org.refresh).await);
        refresh_from(app, home, phone, &text(&next["refresh_token"])).await.ok();
        // After the window everybody is a thief, from wherever.
        app.advance(TimeDelta::seconds(10));
        refused(refresh_from(app, home, phone, &text(&next["refresh_token"])).await);
        assert_eq!(app.count("select count(*) from events where name = 'security.refresh_token.reused'").await, 1);
        app.client().bearer(&text(&next["access_token"])).get("/api/user").await.refused(401, "UNAUTHORIZED");
    }
);

both!(t30_a_repetition_is_worth_no_more_than_the_access_that_is_left, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let select = async || text(&app.by(&bob).post_empty(&org.at("select")).await.ok()["refresh_token"]);
    let (suspended, removed) = (select().await, select().await);
    for token in [&suspended, &removed, &bob.refresh] {
        refresh(app, token).await.ok();
    }
    let operate = async |what: &str| app.by(&root).post_empty(&format!("/api/platform/organizations/{}/{what}", org.id)).await;
    operate("suspend").await.ok();
    refresh(app, &suspended).await.refused(403, "ORGANIZATION_NOT_ACTIVE");
    operate("activate").await.ok();
    refresh(app, &suspended).await.ok();
    app.by(&ann).delete(&org.at(&format!("members/{}", bob.id))).await.done();
    refused(refresh(app, &removed).await);
    refresh(app, &bob.refresh).await.ok();
    app.by(&bob).post_empty("/api/auth/logout").await.ok();
    refused(refresh(app, &bob.refresh).await);
});

both!(t30_a_token_of_an_ended_session_is_dead, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let sign_in = async || app.login("ann@example.com", PASSWORD).await;
    let (out, revoked, others) = (sign_in().await, sign_in().await, sign_in().await);
    app.by(&out).post_empty("/api/auth/logout").await.ok();
    refused(refresh(app, &out.refresh).await);
    let form =
        app.client().request(reqwest::Method::POST, "/auth/revoke").header("content-type", "application/x-www-form-urlencoded");
    form.body(format!("token={}", revoked.refresh)).send().await.expect(200);
    refused(refresh(app, &revoked.refresh).await);
    app.by(&ann).delete("/api/user/sessions").await.ok();
    refused(refresh(app, &others.refresh).await);
    // A new password ends what the old one began.
    let before = sign_in().await;
    let change = json!({"current_password": PASSWORD, "new_password": "another long sentence"});
    app.by(&ann).post("/api/user/change-password", change).await.ok();
    refused(refresh(app, &before.refresh).await);
    refresh(app, &ann.refresh).await.ok();
    let before = app.login("ann@example.com", "another long sentence").await;
    app.client().post("/api/auth/forgot-password", json!({"email": "ann@example.com"})).await.ok();
    app.worker().await;
    let token = app.mailed_token("ann@example.com", "reset-password");
    app.client().post("/api/auth/reset-password", json!({"token": token, "new_password": PASSWORD})).await.ok();
    refused(refresh(app, &before.refresh).await);
    // And time does: the very second counts.
    let (late, later) = (sign_in().await, sign_in().await);
    app.advance(TimeDelta::days(30) - TimeDelta::seconds(1));
    refresh(app, &late.refresh).await.ok();
    app.advance(TimeDelta::seconds(1));
    refused(refresh(app, &later.refresh).await);
});

both!(t30_a_token_for_an_organization_ends_with_the_access_to_it, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    let select = async || text(&app.by(&bob).post_empty(&org.at("select")).await.ok()["refresh_token"]);
    let (removed, suspended) = (select().await, select().await);
    // Suspended: refused with the reason, and not spent by trying.
    let operate = async |what: &str| app.by(&root).post_empty(&format!("/api/platform/organizations/{}/{what}", org.id)).await;
    operate("suspend").await.ok();
    for token in [&suspended, &org.refresh] {
        refresh(app, token).await.refused(403, "ORGANIZATION_NOT_ACTIVE");
    }
    operate("activate").await.ok();
    let back = text(&refresh(app, &suspended).await.ok()["refresh_token"]);
    // Left.
    app.by(&ann).delete(&org.at(&format!("members/{}", bob.id))).await.done();
    refused(refresh(app, &removed).await);
    refused(refresh(app, &back).await);
    // Coming back does not revive what ended.
    app.invite_and_join(&ann, "acme", &bob, "member").await;
    refused(refresh(app, &back).await);
    let fresh = select().await;
    // Deleted, and founded again by somebody else under the same name.
    app.by(&ann).delete(&org.path).await.done();
    refused(refresh(app, &fresh).await);
    refused(refresh(app, &org.refresh).await);
    let cy = app.sign_up("cy@example.com").await;
    // As if the time were over for which the slug is held.
    app.execute("delete from slug_holds").await;
    app.create_org(&cy, "acme").await;
    refused(refresh(app, &fresh).await);
    refused(refresh(app, &org.refresh).await);
    refresh(app, &bob.refresh).await.ok();
});

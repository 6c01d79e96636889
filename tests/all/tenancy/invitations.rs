//! Invitations: made, mailed, listed, accepted, declined, cancelled, expired.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Options, TestApp, User, answers, both, text};

use crate::core::shapes::{INVITATION, USER, has_exactly};

async fn accept(app: &TestApp, by: &User, token: &str) -> tenantry_tests::Response {
    app.by(by).post("/api/invitations/accept", json!({"token": token})).await
}

both!(one_is_made_mailed_and_shows_its_token_once, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let made = app.by(&ann).post(&org.at("invitations"), json!({"email": " Bob@Example.com", "role": "admin"})).await.ok();
    has_exactly(&made, &["invitation", "inviter", "token"]);
    has_exactly(&made["invitation"], INVITATION);
    has_exactly(&made["inviter"], USER);
    let invitation = &made["invitation"];
    assert_eq!(
        (&invitation["email"], &invitation["role"], &invitation["status"]),
        (&json!("bob@example.com"), &json!("admin"), &json!("pending"))
    );
    assert_eq!(invitation["expires_at"], "2026-11-30T09:00:00.000000Z", "valid for seven days");
    app.worker().await;
    assert_eq!(app.mailed_token("bob@example.com", "/invitations/accept/"), text(&made["token"]));
    let list = app.by(&ann).get(&org.at("invitations")).await.ok();
    has_exactly(&list[0], &["invitation", "inviter"]);
    has_exactly(&list[0]["invitation"], INVITATION);
    has_exactly(&list[0]["inviter"], &["id", "email", "created_at"]);
    assert!(
        !list.to_string().contains("inv_A") && !list.to_string().contains(&text(&made["token"])),
        "no token material: {list}"
    );
    let token = text(&made["token"]);
    let stored = format!("select count(*) from invitations where token_hash = '{token}'");
    assert_eq!(app.count(&stored).await, 0, "stored as a hash");
});

both!(who_cannot_be_invited, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    app.role(&ann, "acme", "inviter", &["org.members.manage"]).await;
    let invite = async |by: &User, body: Value| app.by(by).post(&org.at("invitations"), body).await;
    let cy = |role: &str| json!({"email": "cy@example.com", "role": role});
    let bob_again = json!({"email": "BOB@example.com", "role": "member"});
    answers! {
        "nobody, as nothing": invite(&ann, json!({})) => Invalid(&["email", "role"]),
        "nonsense": invite(&ann, json!({"email": "no address", "role": "no role!"})) => Invalid(&["email", "role"]),
        "an owner": invite(&ann, cy("owner")) => Invalid(&["role"]),
        "as what is no role": invite(&ann, cy("no-such-role")) => Invalid(&["role"]),
        "a member": invite(&ann, bob_again) => refused_as(400, "BAD_REQUEST", "already_member"),
        "anybody, by a mere member": invite(&bob, cy("member")) => refused(403, "FORBIDDEN"),
    }
    app.by(&ann).patch(&org.at(&format!("members/{}", bob.id)), json!({"role": "inviter"})).await.ok();
    // T20: a role other than `member` needs the right to assign roles, and to hold what the role allows.
    answers! {
        "an admin, by an inviter": invite(&bob, cy("admin")) => refused_as(403, "FORBIDDEN", "permission_not_held"),
        "an equal, by an inviter": invite(&bob, cy("inviter")) => refused_as(403, "FORBIDDEN", "permission_not_held"),
        "a member, by an inviter": invite(&bob, cy("member")) => Ok,
        "twice": invite(&ann, cy("admin")) => refused_as(400, "DUPLICATE_CONSTRAINT", "already_invited"),
    }
});

both!(it_is_accepted_once_by_whoever_reads_the_mailbox, async |app| {
    let (ann, cy) = (app.sign_up("ann@example.com").await, app.sign_up("cy@example.com").await);
    let bob = app.sign_up("bob@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let (id, token) = app.invite(&ann, "acme", "bob@example.com", "admin").await;
    // T18: the token alone is not enough, and neither is the id.
    accept(app, &cy, &token).await.refused_as(403, "FORBIDDEN", "other_address");
    app.by(&cy).post_empty(&format!("/api/invitations/{id}/accept")).await.refused(403, "FORBIDDEN");
    app.by(&cy).post_empty(&format!("/api/invitations/{id}/decline")).await.refused(403, "FORBIDDEN");
    app.client().post("/api/invitations/accept", json!({"token": token})).await.refused(401, "UNAUTHORIZED");
    let received = app.by(&bob).get("/api/invitations").await.ok();
    has_exactly(&received[0], &["id", "email", "role", "expires_at", "created_at", "organization_slug", "organization_name"]);
    assert_eq!((&received[0]["id"], &received[0]["organization_slug"]), (&json!(id), &json!("acme")));
    assert_eq!(app.by(&cy).get("/api/invitations").await.ok(), json!([]));
    accept(app, &bob, &token).await.done();
    accept(app, &bob, &token).await.refused(404, "NOT_FOUND");
    assert_eq!(app.by(&bob).get("/api/invitations").await.ok(), json!([]));
    assert_eq!(app.by(&ann).get(&org.at("members?role=admin")).await.ok()["members"][0]["user"]["id"], json!(bob.id));
    assert_eq!(app.by(&ann).get(&org.at("invitations?status=accepted")).await.ok()[0]["invitation"]["id"], json!(id));
});

both!(t17_no_other_token_opens_it, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let bob = app.sign_up("bob@example.com").await;
    app.create_org(&ann, "acme").await;
    let (_, token) = app.invite(&ann, "acme", "bob@example.com", "admin").await;
    app.by(&bob).patch("/api/user", json!({"email": "bob2@example.com"})).await.ok();
    app.worker().await;
    let other_purpose = app.mailed_token("bob2@example.com", "change-email");
    let random = other_purpose.split_once('_').unwrap().1;
    let mut flipped = token.clone();
    flipped.replace_range(token.len() - 2..token.len() - 1, if token.as_bytes()[token.len() - 2] == b'A' { "B" } else { "A" });
    for wrong in [
        other_purpose.as_str(),
        &format!("inv_{random}"),
        &flipped,
        &token[..token.len() - 1],
        &format!("{token}A"),
        &bob.refresh,
        "",
        "inv_",
        "x",
    ] {
        let answer = accept(app, &bob, wrong).await;
        assert!(matches!(answer.status, 400 | 404), "{wrong}: {answer}");
        let answer = app.client().post("/api/invitations/decline", json!({"token": wrong})).await;
        assert!(matches!(answer.status, 400 | 404), "{wrong}: {answer}");
    }
    app.client().post("/api/auth/verify-email", json!({"token": token, "password": "x"})).await.refused(400, "BAD_REQUEST");
    app.client().post("/api/auth/refresh", json!({"refresh_token": token})).await.refused(401, "UNAUTHORIZED");
    app.client().bearer(&token).get("/api/user").await.refused(401, "JWT_ERROR");
    accept(app, &bob, &token).await.done();
});

both!(t19_it_expires_at_use_and_not_when_somebody_sweeps, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.sign_up("bob@example.com").await;
    let (id, token) = app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.advance(TimeDelta::days(7) - TimeDelta::seconds(1));
    let bob = app.again(&bob).await;
    assert_eq!(app.by(&bob).get("/api/invitations").await.ok().as_array().unwrap().len(), 1);
    app.advance(TimeDelta::seconds(1));
    accept(app, &bob, &token).await.refused_as(400, "INVITATION_EXPIRED", "invitation_expired");
    app.by(&bob).post_empty(&format!("/api/invitations/{id}/accept")).await.refused(400, "INVITATION_EXPIRED");
    assert_eq!(app.by(&bob).get("/api/invitations").await.ok(), json!([]));
    assert_eq!(app.run_jobs().await["invitations"], 1);
    let ann = app.again(&ann).await;
    assert_eq!(app.by(&ann).get(&org.at("invitations?status=expired")).await.ok()[0]["invitation"]["id"], json!(id));
    assert_eq!(app.by(&ann).get(&org.at("audit-log?action=invitation.expired")).await.ok()["logs"][0]["target_id"], json!(id));
    // The address is free for another one.
    app.invite_and_join(&ann, "acme", &bob, "member").await;
});

both!(t19_a_demoted_inviter_leaves_no_back_door, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    let cy = app.sign_up("cy@example.com").await;
    let (_, token) = app.invite(&bob, "acme", "cy@example.com", "admin").await;
    app.by(&ann).patch(&org.at(&format!("members/{}", bob.id)), json!({"role": "member"})).await.ok();
    accept(app, &cy, &token).await.done();
    assert_eq!(app.by(&ann).get(&org.at("members?role=admin")).await.ok()["total"], 0);
    assert_eq!(app.by(&ann).get(&org.at("members?role=member")).await.ok()["total"], 2);
});

both!(it_is_declined_by_id_or_token_and_cancelled, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.sign_up("bob@example.com").await;
    let (id, token) = app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.by(&bob).post_empty(&format!("/api/invitations/{id}/decline")).await.done();
    accept(app, &bob, &token).await.refused(404, "NOT_FOUND");
    let (_, token) = app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.client().post("/api/invitations/decline", json!({"token": token})).await.done();
    app.client().post("/api/invitations/decline", json!({"token": token})).await.refused(404, "NOT_FOUND");
    let (id, token) = app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.by(&bob).post_empty(&org.at(&format!("invitations/{id}"))).await.refused(403, "FORBIDDEN");
    app.by(&ann).post_empty(&org.at(&format!("invitations/{id}"))).await.done();
    app.by(&ann).post_empty(&org.at(&format!("invitations/{id}"))).await.refused(404, "NOT_FOUND");
    accept(app, &bob, &token).await.refused(404, "NOT_FOUND");
    let count = async |status: &str| {
        app.by(&ann).get(&org.at(&format!("invitations?status={status}"))).await.ok().as_array().unwrap().len()
    };
    assert_eq!(
        (count("rejected").await, count("declined").await, count("cancelled").await, count("pending").await),
        (2, 2, 1, 0)
    );
    app.by(&ann).get(&org.at("invitations?status=lost")).await.invalid(&["status"]);
    assert_eq!(app.by(&ann).get(&org.at("invitations?limit=2&page=2")).await.ok().as_array().unwrap().len(), 1);
    for action in ["user.invited", "invitation.declined", "invitation.revoked"] {
        let log = app.by(&ann).get(&org.at(&format!("audit-log?action={action}"))).await.ok();
        assert_ne!(log["pagination"]["total"], 0, "{action}");
    }
});

both!(of_accepting_and_cancelling_at_once_one_happens, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.sign_up("bob@example.com").await;
    let (id, token) = app.invite(&ann, "acme", "bob@example.com", "member").await;
    let path = org.at(&format!("invitations/{id}"));
    let (owner, cancel) = (app.by(&ann), path.as_str());
    let (accepted, cancelled) = futures::join!(accept(app, &bob, &token), owner.post_empty(cancel));
    let mut statuses = [accepted.status, cancelled.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 404]);
    let members = app.by(&ann).get(&org.at("members")).await.ok()["total"].clone();
    assert_eq!(members, json!(if accepted.status == 200 { 2 } else { 1 }));
});

both!(
    the_link_in_the_mail_leads_to_the_web_client_if_there_is_one,
    Options::default().set("server.dashboard_url", "https://app.example.com"),
    async |app| {
        let ann = app.sign_up("ann@example.com").await;
        app.create_org(&ann, "acme").await;
        let (_, token) = app.invite(&ann, "acme", "bob@example.com", "member").await;
        let answer = app.client().get(&format!("/invitations/accept/{token}")).await.expect(302);
        assert_eq!(answer.header("location"), format!("https://app.example.com/invitations/accept?token={token}"));
        app.client().get("/invitations/accept/%3Cscript%3E").await.expect(400);
    }
);

both!(an_organizations_name_puts_no_link_into_a_mail, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let name = "Win at https://evil.example/x or mail pay@evil.example";
    app.by(&ann).patch(&org.path, json!({"name": name})).await.ok();
    app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.worker().await;
    let mail = app.mails_to("bob@example.com").pop().expect("an invitation");
    for part in [&mail.subject, &mail.text, &mail.html] {
        assert!(part.contains("evil. example") && !part.contains("evil.example") && !part.contains("pay@"), "{part}");
    }
});

//! Second factors: enrolled, asked for, guessed at, lost.

mod guessing;
mod platform;

use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::{Value, json};
use tenantry_tests::{Client, PASSWORD, Response, TestApp, User, answers, both, text};
use totp_rs::{Builder, Secret};

use crate::core::shapes::has_exactly;

/// An authenticator app.
pub(super) struct Authenticator {
    secret: String,
    recovery: Vec<String>,
}

impl Authenticator {
    /// What the app shows so many seconds from now.
    fn code_in(&self, app: &TestApp, seconds: i64) -> String {
        let totp = Builder::new().with_secret(Secret::try_from_base32(&self.secret).unwrap()).build().unwrap();
        totp.generate(u64::try_from(app.now().timestamp() + seconds).unwrap()).to_string()
    }
    pub(super) fn code(&self, app: &TestApp) -> String {
        self.code_in(app, 0)
    }
    /// Six digits that are none of those which count now.
    pub(super) fn wrong(&self, app: &TestApp) -> String {
        let right = [-30, 0, 30].map(|seconds| self.code_in(app, seconds));
        (0..10).map(|n| format!("{n}00000")).find(|code| !right.contains(code)).unwrap()
    }
}

/// Sets an app up, without confirming it.
async fn set_up(by: &Client) -> Authenticator {
    let made = by.post("/api/user/mfa/setup", json!({})).await.ok();
    has_exactly(&made, &["secret", "otpauth_url", "backup_codes"]);
    let recovery: Vec<_> = made["backup_codes"].as_array().unwrap().iter().map(text).collect();
    Authenticator { secret: text(&made["secret"]), recovery }
}

/// Enrols somebody; the step after the one that was used begins.
pub(super) async fn enrol(app: &TestApp, user: &User) -> Authenticator {
    let authenticator = set_up(&app.by(user)).await;
    app.by(user).post("/api/user/mfa/verify", json!({"code": authenticator.code(app)})).await.ok();
    app.advance(TimeDelta::seconds(30));
    authenticator
}

async fn login(app: &TestApp, email: &str, org: Option<&str>) -> Response {
    app.client().post("/api/auth/login", json!({"email": email, "password": PASSWORD, "org_slug": org})).await
}

/// A sign-in that waits for its second factor: the token to send that with.
async fn asked(app: &TestApp, email: &str) -> String {
    let tokens = login(app, email, None).await.ok();
    assert_eq!((&tokens["refresh_token"], &tokens["expires_in"]), (&json!(""), &json!(300)), "{tokens}");
    text(&tokens["access_token"])
}

async fn answer(app: &TestApp, preauth: &str, code: &str) -> Response {
    app.client().post("/api/auth/mfa/verify", json!({"preauth_token": preauth, "code": code})).await
}

/// The client of a sign-in that went through.
#[track_caller]
fn entered(app: &TestApp, answer: Response) -> Client {
    let tokens = answer.ok();
    assert!(!text(&tokens["refresh_token"]).is_empty(), "{tokens}");
    app.client().bearer(&text(&tokens["access_token"]))
}

async fn status(by: &Client) -> Value {
    let status = by.get("/api/user/mfa/status").await.ok();
    has_exactly(&status, &["enabled", "enabled_at", "backup_codes_remaining"]);
    status
}

fn subjects(app: &TestApp, to: &str) -> Vec<String> {
    app.mails_to(to).into_iter().map(|mail| mail.subject).collect()
}

both!(an_app_is_enrolled_by_a_code_of_it_and_then_always_asked_for, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    assert_eq!(status(&app.by(&ann)).await, json!({"enabled": false, "enabled_at": null, "backup_codes_remaining": 0}));
    let authenticator = set_up(&app.by(&ann)).await;
    assert_eq!(authenticator.recovery.len(), 10);
    // Set up is not enrolled: nothing is asked for, and its recovery codes open nothing.
    assert_eq!(status(&app.by(&ann)).await["backup_codes_remaining"], 0);
    entered(app, login(app, "ann@example.com", None).await);
    let verify = async |code: &str| app.by(&ann).post("/api/user/mfa/verify", json!({"code": code})).await;
    verify(&authenticator.wrong(app)).await.invalid(&["code"]);
    verify(&authenticator.recovery[0]).await.invalid(&["code"]);
    verify(&authenticator.code(app)).await.ok();
    let now = status(&app.by(&ann)).await;
    assert_eq!((&now["enabled"], &now["backup_codes_remaining"]), (&json!(true), &json!(10)));
    // The code that confirmed it is used up, for this session and for sign-ins.
    verify(&authenticator.code(app)).await.invalid(&["code"]);
    app.worker().await;
    let mails = app.mails_to("ann@example.com").len();
    let waiting = asked(app, "ann@example.com").await;
    answer(app, &waiting, &authenticator.code(app)).await.refused_as(401, "UNAUTHORIZED", "invalid_code");
    let next = authenticator.code_in(app, 30);
    let spelled = format!(" {} {} ", &next[..3], &next[3..]);
    entered(app, answer(app, &waiting, &spelled).await).get(&org.path).await.ok();
    app.worker().await;
    assert_eq!(app.mails_to("ann@example.com").len(), mails, "no code is mailed to who has an app");
    assert!(subjects(app, "ann@example.com").contains(&"Your account has a second factor".to_owned()));
    let log = app.by(&ann).get(&org.at("audit-log")).await.ok();
    let actions: Vec<_> = log["logs"].as_array().unwrap().iter().map(|one| text(&one["action"])).collect();
    assert_eq!(actions.iter().filter(|action| *action == "security.mfa.enabled").count(), 1, "{actions:?}");
});

both!(a_second_factor_opens_what_demands_one, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    app.by(&ann).patch(&org.at("sign-in/policy"), json!({"mfa": "required"})).await.ok();
    app.by(&ann).get(&org.path).await.refused_as(403, "FORBIDDEN", "step_up_required");
    let authenticator = enrol(app, &ann).await;
    // Confirming was showing it: this session has two factors now, and every token of it.
    app.by(&ann).get(&org.path).await.ok();
    app.by(&ann).post_empty(&org.at("select")).await.ok();
    let tokens = login(app, "ann@example.com", Some("acme")).await.ok();
    let by = entered(app, answer(app, &text(&tokens["access_token"]), &authenticator.code(app)).await);
    by.get(&org.path).await.ok();
    // Another session of hers is as it was, until it shows one as well.
    app.execute("update sessions set authn = '[{\"m\":\"pwd\",\"t\":1795424400}]'").await;
    by.get(&org.path).await.refused_as(403, "FORBIDDEN", "step_up_required");
    by.post("/api/user/mfa/verify", json!({"code": authenticator.code_in(app, 30)})).await.ok();
    by.get(&org.path).await.ok();
    app.by(&ann).get(&org.path).await.refused_as(403, "FORBIDDEN", "step_up_required");
});

both!(each_recovery_code_opens_once, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let authenticator = enrol(app, &ann).await;
    let first = authenticator.recovery[0].to_uppercase().replace('-', " ");
    let by = entered(app, answer(app, &asked(app, "ann@example.com").await, &first).await);
    assert_eq!(status(&by).await["backup_codes_remaining"], 9);
    let waiting = asked(app, "ann@example.com").await;
    answer(app, &waiting, &authenticator.recovery[0]).await.refused_as(401, "UNAUTHORIZED", "invalid_code");
    answer(app, &waiting, "aaaa-aaaa-aaaa-aaaa").await.refused_as(401, "UNAUTHORIZED", "invalid_code");
    entered(app, answer(app, &waiting, &authenticator.recovery[1]).await);
    // New ones take the place of those that are left.
    let renewed = by.post_empty("/api/user/mfa/backup-codes/regenerate").await.ok();
    let renewed: Vec<_> = renewed["backup_codes"].as_array().unwrap().iter().map(text).collect();
    assert_eq!((renewed.len(), &status(&by).await["backup_codes_remaining"]), (10, &json!(10)));
    let waiting = asked(app, "ann@example.com").await;
    answer(app, &waiting, &authenticator.recovery[2]).await.refused_as(401, "UNAUTHORIZED", "invalid_code");
    entered(app, answer(app, &waiting, &renewed[0]).await);
    // Nobody else's codes are hers.
    let bob = app.sign_up("bob@example.com").await;
    let bobs = enrol(app, &bob).await;
    answer(app, &asked(app, "ann@example.com").await, &bobs.recovery[0]).await.refused_as(401, "UNAUTHORIZED", "invalid_code");
});

both!(t25_a_session_that_lies_about_changes_no_factor, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.advance(TimeDelta::minutes(16));
    // The access token has run out with that; a renewed one is of the same sign-in.
    let renewed = app.client().post("/api/auth/refresh", json!({"refresh_token": ann.refresh})).await.ok();
    let old = app.client().bearer(&text(&renewed["access_token"]));
    answers! {
        "setting up": old.post("/api/user/mfa/setup", json!({})) => refused_as(403, "FORBIDDEN", "recent_sign_in_required"),
        "with another password": old.post("/api/user/mfa/setup", json!({"password": "not that one"})) => Invalid(&["password"]),
        "with the password": old.post("/api/user/mfa/setup", json!({"password": PASSWORD})) => Ok,
        "nothing to change": old.delete("/api/user/mfa") => refused_as(400, "BAD_REQUEST", "mfa_not_enabled"),
        "no codes to renew": old.post_empty("/api/user/mfa/backup-codes/regenerate") => refused_as(400, "BAD_REQUEST", "mfa_not_enabled"),
    }
    // Two sessions, of which one enrols: the other is fresh, but has one factor.
    let (here, there) = (app.again(&ann).await, app.again(&ann).await);
    let authenticator = enrol(app, &here).await;
    answers! {
        "a second app": app.by(&here).post("/api/user/mfa/setup", json!({})) => refused_as(400, "BAD_REQUEST", "mfa_enabled"),
        "taking it away with one factor": app.by(&there).delete("/api/user/mfa") => refused_as(403, "FORBIDDEN", "recent_sign_in_required"),
        "renewing with one factor": app.by(&there).post_empty("/api/user/mfa/backup-codes/regenerate") => refused_as(403, "FORBIDDEN", "recent_sign_in_required"),
    }
    app.by(&there).post("/api/user/mfa/verify", json!({"code": authenticator.code(app)})).await.ok();
    app.by(&there).delete("/api/user/mfa").await.ok();
    assert_eq!(status(&app.by(&here)).await, json!({"enabled": false, "enabled_at": null, "backup_codes_remaining": 0}));
    entered(app, login(app, "ann@example.com", None).await);
    app.worker().await;
    assert!(subjects(app, "ann@example.com").contains(&"Your account has no second factor any more".to_owned()));
});

both!(t25_one_code_makes_no_old_session_fresh, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let (authenticator, roots) = (enrol(app, &ann).await, enrol(app, &root).await);
    app.advance(TimeDelta::minutes(16));
    let renewed = async |user: &User| {
        let tokens = app.client().post("/api/auth/refresh", json!({"refresh_token": user.refresh})).await.ok();
        app.client().bearer(&text(&tokens["access_token"]))
    };
    let (old, operator) = (renewed(&ann).await, renewed(&root).await);
    old.post("/api/user/mfa/verify", json!({"code": authenticator.code(app)})).await.ok();
    operator.post("/api/user/mfa/verify", json!({"code": roots.code(app)})).await.ok();
    let (hers, own) = (format!("/api/platform/users/{}/mfa", ann.id), format!("/api/platform/users/{}/mfa", root.id));
    answers! {
        "taking it away": old.delete("/api/user/mfa") => refused_as(403, "FORBIDDEN", "recent_sign_in_required"),
        "renewing codes": old.post_empty("/api/user/mfa/backup-codes/regenerate") => refused_as(403, "FORBIDDEN", "recent_sign_in_required"),
        "another address": old.patch("/api/user", json!({"email": "evil@example.com"})) => refused_as(403, "FORBIDDEN", "recent_sign_in_required"),
        "an operator at somebody's": operator.delete(&hers) => refused_as(403, "FORBIDDEN", "recent_sign_in_required"),
        "an operator at their own": operator.delete(&own) => refused_as(403, "FORBIDDEN", "recent_sign_in_required"),
    }
    // Nor is a fresh password enough for who has two.
    app.execute("delete from totp").await;
    let one_factor = app.again(&root).await;
    enrol(app, &app.again(&root).await).await;
    enrol(app, &app.again(&ann).await).await;
    app.by(&one_factor).delete(&hers).await.refused_as(403, "FORBIDDEN", "recent_sign_in_required");
});

both!(a_sign_in_that_waits_ends_once_and_with_its_password, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let authenticator = enrol(app, &ann).await;
    let waiting = asked(app, "ann@example.com").await;
    entered(app, answer(app, &waiting, &authenticator.code(app)).await);
    app.advance(TimeDelta::seconds(30));
    // A fresh code makes no second session of the same sign-in.
    answer(app, &waiting, &authenticator.code(app)).await.refused_as(401, "UNAUTHORIZED", "invalid_preauth_token");
    // Nor does one that waited too long, or whose password is another meanwhile.
    let waiting = asked(app, "ann@example.com").await;
    let change = json!({"current_password": PASSWORD, "new_password": "another long sentence"});
    app.by(&ann).post("/api/user/change-password", change).await.ok();
    answer(app, &waiting, &authenticator.code(app)).await.refused_as(401, "UNAUTHORIZED", "invalid_preauth_token");
    let login = json!({"email": "ann@example.com", "password": "another long sentence"});
    let waiting = text(&app.client().post("/api/auth/login", login.clone()).await.ok()["access_token"]);
    app.advance(TimeDelta::seconds(301));
    answer(app, &waiting, &authenticator.code(app)).await.refused_as(401, "UNAUTHORIZED", "invalid_preauth_token");
    // Twenty wait at most: what is older goes.
    let mut all = Vec::new();
    for _ in 0..21 {
        all.push(text(&app.client().post("/api/auth/login", login.clone()).await.ok()["access_token"]));
        app.advance(TimeDelta::seconds(1));
    }
    assert_eq!(app.count("select count(*) from waiting_sign_ins where expires_at > '2026-01-01'").await, 20);
    answer(app, &all[0], &authenticator.code(app)).await.refused_as(401, "UNAUTHORIZED", "invalid_preauth_token");
    entered(app, answer(app, &all[1], &authenticator.code(app)).await);
});

both!(of_many_with_the_same_code_one_gets_in, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let authenticator = enrol(app, &ann).await;
    let mut waiting = Vec::new();
    for _ in 0..20 {
        waiting.push(asked(app, "ann@example.com").await);
    }
    let won = async |code: &str| {
        let all = join_all(waiting.iter().chain(&waiting).chain(&waiting[..10]).map(|token| answer(app, token, code))).await;
        all.iter().filter(|answer| answer.status == 200).count()
    };
    assert_eq!(won(&authenticator.code(app)).await, 1, "one step");
    assert_eq!(won(&authenticator.recovery[0]).await, 1, "one recovery code");
    assert_eq!(app.count("select count(*) from recovery_codes").await, 9);
});

both!(who_is_forgotten_leaves_no_factor, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let authenticator = enrol(app, &ann).await;
    answer(app, &asked(app, "ann@example.com").await, &authenticator.wrong(app)).await.refused(401, "UNAUTHORIZED");
    let export = app.by(&ann).get(&format!("/api/privacy/export/{}", ann.id)).await.ok();
    let kept = |name: &str| &export["data"][name];
    assert_eq!((&kept("recovery_codes")["total"], &kept("authenticator_apps")["total"]), (&json!(10), &json!(1)), "{export}");
    assert_eq!(kept("second_factors_by_day")["items"][0]["failed"], "1");
    assert!(!export.to_string().contains(&authenticator.secret), "a secret is not shown again");
    app.by(&root).delete(&format!("/api/privacy/forget/{}", ann.id)).await;
    for table in ["totp", "recovery_codes", "waiting_sign_ins", "factor_attempts"] {
        assert_eq!(app.count(&format!("select count(*) from {table}")).await, 0, "{table}");
    }
});

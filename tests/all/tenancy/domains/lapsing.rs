//! What was proven is looked at again every day, and lapses.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use domain::{
    core::ports::Proofs,
    tenancy::domains::{Challenge, Finding, Miss, Proof},
};
use worker::Deps;

use super::*;

named!(a_proof_that_is_missing_for_a_week_lapses_after_warnings, async |app: &TestApp, dns: &NameServer| {
    let (ann, org) = proven(app, dns, "ann@example.com", "acme", HOST).await;
    let token = text(&shown(app, &ann, &org).await["verification_methods"][0]["record_value"]);
    days(app, 3).await;
    assert_eq!(recorded(app, &ann, &org, "domain.check_failed").await.len(), 0);
    // Missing for some days, and there again.
    dns.says(RECORD, &["other"]);
    days(app, 2).await;
    let known = shown(app, &ann, &org).await;
    assert_eq!((&known["domain_verified"], known["lapses_at"].is_string()), (&json!(true), true));
    let (verified, told) = verify(app, &ann, &org).await;
    assert!(verified && told.contains("stays verified for now"), "{told}");
    dns.says(RECORD, &[&token]);
    days(app, 1).await;
    assert_eq!(shown(app, &ann, &org).await.get("failing_since"), None);
    assert_eq!(recorded(app, &ann, &org, "domain.recovered").await.len(), 1);
    // Missing for good: also if nobody answers.
    dns.stop();
    days(app, 7).await;
    assert_eq!(shown(app, &ann, &org).await["domain_verified"], true, "seven days are not over");
    let warned = recorded(app, &ann, &org, "domain.check_failed").await;
    assert_eq!(warned.len(), 1 + 3);
    assert_eq!((&warned[0]["kind"], &warned[0]["domain"]), (&json!("host"), &json!(HOST)));
    let subjects = || -> Vec<String> {
        let about = app.mails_to("ann@example.com").into_iter().filter(|mail| mail.text.contains(HOST));
        about.map(|mail| format!("{} {}", mail.subject, mail.text)).collect()
    };
    let told = subjects();
    assert!(told.iter().all(|mail| mail.contains("will lapse") && mail.contains(RECORD)), "{told:?}");
    let within = |days: &str| told.iter().filter(|mail| mail.contains(&format!("lapses in {days},"))).count();
    assert_eq!((within("7 days"), within("3 days"), within("1 day"), told.len()), (2, 1, 1, 4), "{told:?}");
    days(app, 1).await;
    let known = shown(app, &ann, &org).await;
    assert_eq!((&known["domain_verified"], &known["custom_domain"]), (&json!(false), &json!(HOST)));
    assert_eq!(recorded(app, &ann, &org, "domain.lapsed").await.len(), 1);
    assert_eq!(subjects().iter().filter(|mail| mail.contains("has lapsed")).count(), 1, "{:?}", subjects());
    days(app, 2).await;
    assert_eq!(recorded(app, &ann, &org, "domain.lapsed").await.len(), 1, "it is looked at when somebody asks");
    dns.says(RECORD, &[&token]);
    assert!(verify(app, &ann, &org).await.0, "the same record proves it again");
});

/// Finds everything but what lies under one name, at which it hangs.
struct Hanging {
    name: &'static str,
    at_once: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait::async_trait]
impl Proofs for Hanging {
    async fn find(&self, challenge: &Challenge) -> Finding {
        let now = self.at_once.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(now, SeqCst);
        let hangs = challenge.domain.as_str().starts_with(self.name);
        tokio::time::sleep(Duration::from_millis(if hangs { 300 } else { 1 })).await;
        self.at_once.fetch_sub(1, SeqCst);
        if hangs { Finding::Missing { record: Miss::Unanswered, file: None } } else { Finding::Proven(Proof::Dns) }
    }
}

both!(a_name_server_that_hangs_holds_up_nobody_else, async |app| {
    let (_, org) = founded(app, "ann@example.com", "acme").await;
    let id = |n: u32| match app.database {
        tenantry_tests::Database::Sqlite => format!("x'{n:032x}'"),
        tenantry_tests::Database::Postgres => format!("'{n:032x}'"),
    };
    for n in 1..=200 {
        let name = if n % 50 == 0 { "hangs" } else { "fine" };
        app.execute(&format!(
            "insert into domains (org_id, id, kind, domain, token, proof, verified_at, failed_checks, next_check_at, created_at, updated_at)
             select id, {id}, 'sign_in', '{name}{n}.example', {id}, 'dns', created_at, 0, created_at, created_at, created_at
             from organizations where slug = '{slug}'",
            id = id(n),
            slug = org.slug,
        ))
        .await;
    }
    app.advance(TimeDelta::seconds(1));
    let proofs = Arc::new(Hanging { name: "hangs", at_once: AtomicUsize::new(0), most: AtomicUsize::new(0) });
    let rows = worker::run_jobs(&Deps { proofs: proofs.clone(), ..app.deps.clone() }).await.unwrap();
    assert_eq!(rows["domains"], 200);
    assert!((2..=16).contains(&proofs.most.load(SeqCst)), "so many at once: {}", proofs.most.load(SeqCst));
    let failing = async || app.count("select count(*) from domains where failing_since is not null").await;
    assert_eq!(failing().await, 4);
    assert_eq!(app.run_jobs().await["domains"], 0, "all were looked at");
});

/// Says when it is asked, and never answers.
#[derive(Default)]
struct Endless(tokio::sync::Notify);

#[async_trait::async_trait]
impl Proofs for Endless {
    async fn find(&self, _: &Challenge) -> Finding {
        self.0.notify_one();
        std::future::pending().await
    }
}

named!(a_look_that_was_cut_off_comes_again, async |app: &TestApp, dns: &NameServer| {
    let (ann, org) = proven(app, dns, "ann@example.com", "acme", HOST).await;
    app.advance(TimeDelta::days(1));
    let endless = Arc::new(Endless::default());
    let deps = Deps { proofs: endless.clone(), ..app.deps.clone() };
    // A worker that dies while it looks.
    tokio::select! {
        _ = worker::run_jobs(&deps) => panic!("it never ends"),
        () = endless.0.notified() => {}
    }
    assert_eq!(app.run_jobs().await["domains"], 0, "it is claimed");
    app.advance(TimeDelta::minutes(11));
    assert_eq!(app.run_jobs().await["domains"], 1);
    assert_eq!(shown(app, &ann, &org).await.get("failing_since"), None);
});

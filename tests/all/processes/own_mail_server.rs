//! An organization's own mail server that is a real one (Debian's python3-aiosmtpd): encryption, certificates, sign-in, and what it does
//! not take leaving through the platform's.

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tenantry_tests::{Database, block_on};

use super::{
    mail::Post,
    process::{Process, free_port},
    until, variable,
    world::{Org, World, plain},
};

/// A world that trusts the server's authority, with an organization whose mails leave through it.
async fn equipped(post: &Post, security: &str, password: &str, trusting: bool) -> (World, Process, Org) {
    let world = if trusting { World::sqlite().set("egress.ca_file", post.path("ca.pem").display()) } else { World::sqlite() };
    let server = world.api().await;
    let org = Org::founded(&server.api(), "acme").await;
    set(&org, post, security, password).await;
    (world, server, org)
}

async fn set(org: &Org, post: &Post, security: &str, password: &str) {
    let settings = json!({
        "host": "127.0.0.1", "port": post.port, "security": security, "username": "tenantry", "password": password,
        "from_email": "no-reply@acme.example", "from_name": "Acme",
    });
    org.owner.api.post(&org.at("smtp"), settings).await.ok();
}

async fn settings(org: &Org) -> Value {
    org.owner.api.get(&org.at("smtp")).await.ok()
}

/// An invitation leaves through the platform's server, and the settings say why.
async fn fails(post: &Post, (security, password, trusting): (&str, &str, bool), step: &str, reason: &str) {
    let (world, server, org) = equipped(post, security, password, trusting).await;
    org.invite("bob@example.com").await;
    world.mailed("bob@example.com", "/invitations/accept/").await;
    let known = settings(&org).await;
    assert_eq!((&known["status"], &known["last_failure"]["step"]), (&json!("failing"), &json!(step)), "{known}");
    assert_eq!(known["last_failure"]["reason"], reason, "{known}");
    assert!(post.messages().is_empty() && !post.diary().contains("mail "), "{}", post.diary());
    let log = server.stop().await;
    assert!(!log.contains(password), "the password is in the log");
}

#[test]
fn mails_leave_encrypted_and_signed_in() {
    block_on(async {
        for mode in ["starttls", "tls"] {
            let post = Post::new();
            let _smtp = post.serve(mode).await;
            let (world, server, org) = equipped(&post, mode, "the right one", true).await;
            org.invite("bob@example.com").await;
            let mail = until("the mail arrives", async || post.messages().first().cloned()).await;
            let mail = plain(&mail);
            for part in ["To: bob@example.com", "From: Acme <no-reply@acme.example>", "/invitations/accept/"] {
                assert!(mail.contains(part), "{part}: {mail}");
            }
            let diary = post.diary();
            assert!(diary.contains("message encrypted=True user=True") && !diary.contains("mail encrypted=False"), "{diary}");
            until("it is noted", async || (settings(&org).await["status"] == "working").then_some(())).await;
            assert!(!world.data().join("mail").exists(), "nothing leaves another way");
            assert!(!server.stop().await.contains("the right one"), "the password is in the log");
        }
    });
}

#[test]
fn a_wrong_password_is_told() {
    block_on(async {
        let post = Post::new();
        let _smtp = post.serve("starttls").await;
        fails(&post, ("starttls", "the wrong one", true), "auth", "refused").await;
        assert!(post.diary().contains("good=False encrypted=True"), "{}", post.diary());
    });
}

#[test]
fn a_certificate_of_a_stranger_is_told_and_nothing_is_said_to_it() {
    block_on(async {
        for mode in ["starttls", "tls"] {
            let post = Post::new();
            let _smtp = post.serve(mode).await;
            fails(&post, (mode, "the right one", false), "certificate", "certificate_unknown_issuer").await;
            assert!(!post.diary().contains("auth"), "{}", post.diary());
        }
    });
}

#[test]
fn a_server_without_starttls_is_told_and_gets_nothing() {
    block_on(async {
        let post = Post::new();
        let _smtp = post.serve("plain").await;
        fails(&post, ("starttls", "the right one", true), "tls", "starttls_not_offered").await;
        assert!(!post.diary().contains("auth"), "{}", post.diary());
    });
}

/// The server dies, and comes back before anybody gives it up.
#[test]
fn a_server_that_comes_back_gets_what_waited() {
    block_on(async {
        let post = Post::new();
        let smtp = post.serve("starttls").await;
        let (world, server, org) = equipped(&post, "starttls", "the right one", true).await;
        drop(smtp);
        org.invite("bob@example.com").await;
        let is = async |status: &str| (settings(&org).await["status"] == status).then_some(());
        until("it is noted", async || is("unsteady").await).await;
        let _smtp = post.serve("starttls").await;
        let db = world.connection().await;
        let due = "update mails set next_at = created_at where state = 0";
        until("the mail arrives", async || {
            db.execute_unprepared(due).await.expect("the time passes");
            post.messages().first().cloned()
        })
        .await;
        until("it is noted", async || is("working").await).await;
        let _ = db.close().await;
        server.stop().await;
    });
}

/// The worker dies while mails are on their way, again and again: each of them arrives, some twice, and none another way.
#[test]
fn a_worker_that_is_killed_sends_every_mail() {
    block_on(async {
        let post = Post::new();
        let _smtp = post.serve("starttls").await;
        let world = World::on(Database::Sqlite).await.set("egress.ca_file", post.path("ca.pem").display());
        let (api, port) = (world.api().await, free_port());
        let mut worker = world.spawn_worker(port).ready().await;
        let org = Org::founded(&api.api(), "acme").await;
        set(&org, &post, "starttls", "the right one").await;
        let guests: Vec<_> = (0..variable("TENANTRY_DRILL_ROUNDS", 6).min(20)).map(|n| format!("guest{n}@example.com")).collect();
        for guest in &guests {
            org.invite(guest).await;
            worker.kill();
            worker = world.spawn_worker(port);
            assert!(worker.came_up().await, "{}", worker.output());
        }
        let db = world.connection().await;
        // What the dead had taken up comes again when their lease ends.
        let due = "update mails set next_at = created_at where state < 2";
        let mut looks = 0;
        until("every mail has arrived", async || {
            if looks % 200 == 0 {
                db.execute_unprepared(due).await.expect("the time passes");
            }
            looks += 1;
            let mails = post.messages();
            let has = |guest: &String| mails.iter().any(|mail| mail.contains(&format!("To: {guest}")));
            guests.iter().all(has).then_some(())
        })
        .await;
        assert!(!world.data().join("mail").exists(), "nothing leaves another way");
        let _ = db.close().await;
        worker.stop().await;
        api.stop().await;
    });
}

//! `make demo`: plays Tenantry's main job against a running server with nothing but HTTP, and prints each step.
//!
//! What comes from outside HTTP does so in real life too: the mailbox (the server's `file` mail transport writes mails into its data folder, which must be
//! readable here), a client made on the command line, and the receivers, mail server and identity providers of customers, which this program serves on free
//! ports.

#![expect(clippy::print_stdout, reason = "printing is what the demo is for")]

mod mailbox;
mod organization;
mod receiver;
mod sign_in;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};

use mailbox::Mailbox;
use receiver::Receiver;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const PASSWORD: &str = "a long sentence for the demo";

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    match play().await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("\nThe demo stopped: {e}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn say(text: &str) {
    println!("\n== {text}");
}

/// A client of the API: prints what it asks and what comes back.
struct Api {
    http: reqwest::Client,
    base: String,
}

impl Api {
    async fn call(&self, method: Method, path: &str, token: Option<&str>, body: Value) -> Result<Value> {
        let mut request =
            self.http.request(method.clone(), format!("{}{path}", self.base)).header("content-type", "application/json");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let response =
            request.send().await.map_err(|e| format!("{} does not answer ({e}). Start it with `make run` first.", self.base))?;
        let status = response.status();
        let text = response.text().await?;
        println!("   {method} {path} -> {status}");
        if !status.is_success() {
            return Err(format!("{method} {path} answered {status}: {text}").into());
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }
    async fn post(&self, path: &str, token: Option<&str>, body: Value) -> Result<Value> {
        self.call(Method::POST, path, token, body).await
    }
    /// By a service's key.
    async fn by_key(&self, key: &str, path: &str, body: Value) -> Result<Value> {
        let request = self.http.post(format!("{}{path}", self.base)).header("content-type", "application/json");
        let response = request.header("x-api-key", key).body(body.to_string()).send().await?;
        let status = response.status();
        println!("   POST {path} -> {status}");
        let text = response.text().await?;
        if status.is_success() {
            Ok(serde_json::from_str(&text)?)
        } else {
            Err(format!("{path} answered {status}: {text}").into())
        }
    }
    async fn get(&self, path: &str, token: &str) -> Result<Value> {
        self.call(Method::GET, path, Some(token), Value::Null).await
    }

    /// Registers, confirms the mail, signs in; the access token.
    async fn join(&self, mailbox: &Mailbox, email: &str) -> Result<String> {
        self.post("/api/auth/register", None, json!({"email": email, "password": PASSWORD})).await?;
        let token = mailbox.token(email, "/auth/verify-email?token=").await?;
        println!("   the mail to {email} arrived, with its link");
        self.post("/api/auth/verify-email", None, json!({"token": token, "password": PASSWORD})).await?;
        let tokens = self.post("/api/auth/login", None, json!({"email": email, "password": PASSWORD})).await?;
        text(&tokens, "access_token")
    }
}

pub(crate) fn text(value: &Value, field: &str) -> Result<String> {
    Ok(value[field].as_str().ok_or_else(|| format!("no `{field}` in {value}"))?.to_owned())
}

/// The server's own program, which is built beside this one.
pub(crate) fn program(name: &str) -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program of its own: its client calls the server it was told to, and the clock makes names unique"
)]
async fn play() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let base = args.next().unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
    let data = args.next().unwrap_or_else(|| "data".to_owned());
    let mailbox = Mailbox::new(&data);
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let api = Api { http: reqwest::Client::new(), base: base.trim_end_matches('/').to_owned() };
    let run = chrono::Utc::now().timestamp_millis() % 100_000_000;
    let (ann, bob, slug) = (format!("ann.{run}@example.com"), format!("bob.{run}@example.com"), format!("acme-{run}"));

    say(&format!("{ann} signs up, confirms the mail and signs in"));
    let ann_token = api.join(&mailbox, &ann).await?;

    say(&format!("Ann founds the organization `{slug}`"));
    let founded = api.post("/api/organizations", Some(&ann_token), json!({"slug": slug, "name": "Acme Inc."})).await?;
    println!("   {} in tier {}", founded["organization"]["id"], founded["organization"]["tier_id"]);

    say("Ann registers a webhook; its secret is shown this once");
    let receiver = Receiver::start().await?;
    let events = json!(["user.invited", "invitation.accepted", "user.joined", "user.role_updated", "org.ownership_transferred"]);
    let hook = json!({"name": "Demo receiver", "url": receiver.url(), "events": events});
    let hook = api.post(&format!("/api/organizations/{slug}/webhooks"), Some(&ann_token), hook).await.map_err(|e| {
        format!("{e}\n   (A server started by `make run` may call this machine; any other needs TENANTRY__EGRESS__ALLOW_NETWORKS=127.0.0.0/8 for the demo.)")
    })?;
    let secret = text(&hook, "secret")?;

    say(&format!("Ann invites {bob}"));
    api.post(&format!("/api/organizations/{slug}/invitations"), Some(&ann_token), json!({"email": bob, "role": "member"}))
        .await?;

    say("Bob signs up, and accepts with the token from his mail");
    let bob_token = api.join(&mailbox, &bob).await?;
    let invitation = mailbox.token(&bob, "/invitations/accept/").await?;
    api.post("/api/invitations/accept", Some(&bob_token), json!({ "token": invitation })).await?;

    say("Ann makes Bob an admin");
    let members = api.get(&format!("/api/organizations/{slug}/members"), &ann_token).await?;
    let bob_id = members["members"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|m| m["user"]["email"] == bob.as_str())
        .ok_or("Bob is not a member")?["user"]["id"]
        .clone();
    let bob_id = bob_id.as_str().unwrap_or_default();
    api.call(Method::PATCH, &format!("/api/organizations/{slug}/members/{bob_id}"), Some(&ann_token), json!({"role": "admin"}))
        .await?;

    say("Bob selects the organization and gets new tokens for it");
    let selected = api.post(&format!("/api/organizations/{slug}/select"), Some(&bob_token), Value::Null).await?;
    let bob_token = text(&selected, "access_token")?;
    let me = api.get("/api/user", &bob_token).await?;
    println!("   Bob now acts in `{}` as {}", me["org"].as_str().unwrap_or_default(), selected["membership"]["role"]);

    say("Ann transfers the ownership to Bob");
    api.post(&format!("/api/organizations/{slug}/transfer-ownership"), Some(&ann_token), json!({"new_owner_email": bob})).await?;

    say("What the receiver got, each signature verified with the Standard Webhooks library");
    let expected = 7;
    let deliveries = receiver.wait_for(expected, Duration::from_secs(20)).await;
    for delivery in &deliveries {
        delivery.verify(&secret)?;
        println!("   {}  {}  signature ok", delivery.header("webhook-id"), delivery.event());
    }
    if deliveries.len() < expected {
        return Err(format!("only {} of {expected} deliveries arrived within 20 s", deliveries.len()).into());
    }

    say("What the audit log tells (newest first)");
    let started = Instant::now();
    let log = api.get(&format!("/api/organizations/{slug}/audit-log"), &bob_token).await?;
    for record in log["logs"].as_array().into_iter().flatten() {
        println!(
            "   {}  {:28} by {}",
            record["id"].as_str().unwrap_or_default(),
            record["action"].as_str().unwrap_or_default(),
            record["actor"]["email"].as_str().unwrap_or("-")
        );
    }
    println!("   (read in {} ms)", started.elapsed().as_millis());
    let ids: Vec<&str> = log["logs"].as_array().into_iter().flatten().filter_map(|record| record["id"].as_str()).collect();
    if let Some(lost) = deliveries.iter().find(|delivery| !ids.contains(&delivery.header("webhook-id").as_str())) {
        return Err(format!("{} was delivered but is not in the audit log", lost.header("webhook-id")).into());
    }
    println!("\nThe same {} events, under the same ids, in both. Bob owns {slug} now.", deliveries.len());
    organization::play(&api, &mailbox, (&slug, &bob_token), run).await?;
    sign_in::play(&api, &mailbox, &data, run).await
}

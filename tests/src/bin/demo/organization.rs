//! The second part: what an organization sets up for itself, with a mail server, a collector of logs and a picture of its own, all on this
//! machine; and what is left of somebody's access once they were removed.

use std::{process::Command, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{LogReceiver, MailServer, RECEIVER_KEY, Speaks};

use crate::{Api, Result, mailbox::Mailbox, program, say, text};

/// Plays on with the organization `slug`, by its owner.
pub(crate) async fn play(api: &Api, mailbox: &Mailbox, (slug, owner): (&str, &str), run: i64) -> Result<()> {
    let at = |path: &str| format!("/api/organizations/{slug}/{path}");
    let collector = stream(api, &at, owner).await?;
    let server = mail_server(api, &at, owner, run).await?;
    look(api, &at, (slug, owner)).await?;
    end_user(api, &at, owner, run).await?;
    removal(api, mailbox, (slug, owner), run).await?;
    say("What the collector got: the whole log from its beginning, in order");
    let records = wait(|| Some(collector.events()).filter(|events| events.iter().any(|event| event == "user.removed"))).await;
    let events = records.ok_or("the log did not arrive within 20 s")?;
    println!("   {} records, the last: {}", events.len(), events.last().map_or("", String::as_str));
    println!("   and {} mails left through the organization's own server", server.received().len());
    println!("\n{slug} is set up, and nothing is left of Carl's access.");
    Ok(())
}

async fn stream(api: &Api, at: &impl Fn(&str) -> String, owner: &str) -> Result<LogReceiver> {
    say("Bob forwards the organization's log to a Splunk-shaped collector, from its beginning");
    let collector = LogReceiver::start(Speaks::Hec { acks: false }).await;
    let body = json!({
        "name": "Demo collector", "provider_type": "Splunk", "endpoint_url": collector.url, "api_key": RECEIVER_KEY, "from": "start",
    });
    let stream = api.post(&at("siem-configs"), Some(owner), body).await.map_err(|e| {
        format!("{e}\n   (New organizations of a server started by `make run` are in tier_pro; any other needs TENANTRY__ORGANIZATIONS__TIER=tier_pro for the demo.)")
    })?;
    let tested = api.post(&at(&format!("siem-configs/{}/test", text(&stream, "id")?)), Some(owner), Value::Null).await?;
    println!("   {}", text(&tested, "message")?);
    Ok(collector)
}

async fn mail_server(api: &Api, at: &impl Fn(&str) -> String, owner: &str, run: i64) -> Result<MailServer> {
    say("Bob gives the organization its own mail server, and an invitation leaves through it");
    let server = MailServer::start().await;
    api.post(&at("smtp"), Some(owner), server.settings()).await?;
    let guest = format!("guest.{run}@example.com");
    api.post(&at("invitations"), Some(owner), json!({"email": guest, "role": "member"})).await?;
    let mail = wait(|| server.received().into_iter().find(|handed| handed.to == guest)).await;
    let mail = mail.ok_or("no mail left through it within 20 s")?;
    println!("   to {} from {}: {}", mail.to, mail.from, mail.mail.subject);
    // The rest of the demo reads its mails from the folder.
    api.call(Method::DELETE, &at("smtp"), Some(owner), Value::Null).await?;
    Ok(server)
}

async fn look(api: &Api, at: &impl Fn(&str) -> String, (slug, owner): (&str, &str)) -> Result<()> {
    say("Bob gives it a colour, and claims a host");
    api.call(Method::PATCH, &at("branding"), Some(owner), json!({"primary_color": "#0a7"})).await?;
    let look = api.call(Method::GET, &at("branding/public"), None, Value::Null).await?;
    println!("   everybody sees {look}");
    let claim = api.post(&at("domain"), Some(owner), json!({"domain": format!("auth.{slug}.example")})).await?;
    println!("   to be published: {}", text(&claim["verification_methods"][0], "instructions")?);
    let verified = api.post(&at("domain/verify"), Some(owner), Value::Null).await?;
    println!("   {}", text(&verified, "message")?);
    Ok(())
}

async fn end_user(api: &Api, at: &impl Fn(&str) -> String, owner: &str, run: i64) -> Result<()> {
    say("Bob registers a service; the service adds a user of its own by its key");
    let service =
        json!({"slug": "portal", "name": "Portal", "service_type": "web", "redirect_uris": ["https://portal.example/callback"]});
    let service = api.post(&at("services"), Some(owner), service).await?;
    let slug = text(&service["service"], "slug")?;
    let key = json!({"name": "Backend", "permissions": ["read:users", "write:users"]});
    let key = api.post(&at(&format!("services/{slug}/api-keys")), Some(owner), key).await?;
    let key = text(&key, "key")?;
    let user = api.by_key(&key, "/api/service/users", json!({"email": format!("erin.{run}@example.com")})).await?;
    println!("   {}", user["id"]);
    let users = api.get(&at("users"), owner).await?;
    println!("   end users of the organization: {}", users["total"]);
    Ok(())
}

async fn removal(api: &Api, mailbox: &Mailbox, (slug, owner): (&str, &str), run: i64) -> Result<()> {
    let carl = format!("carl.{run}@example.com");
    say(&format!("{carl} becomes an admin, makes an API key, and is removed"));
    let token = api.join(mailbox, &carl).await?;
    let at = |path: &str| format!("/api/organizations/{slug}/{path}");
    api.post(&at("invitations"), Some(owner), json!({"email": carl, "role": "admin"})).await?;
    let invitation = mailbox.token(&carl, "/invitations/accept/").await?;
    api.post("/api/invitations/accept", Some(&token), json!({ "token": invitation })).await?;
    let key = api.post(&at("api-keys"), Some(&token), json!({"name": "Carl's", "permissions": []})).await?;
    let id = text(&api.get("/api/user", &token).await?, "id")?;
    api.call(Method::DELETE, &at(&format!("members/{id}")), Some(owner), Value::Null).await?;
    let left = api.get(&at(&format!("members/{id}/access")), owner).await?;
    println!("   left: {}", verify(api, &left).await?);
    api.call(Method::DELETE, &at(&format!("api-keys/{}", text(&key, "id")?)), Some(owner), Value::Null).await?;
    let left = api.get(&at(&format!("members/{id}/access")), owner).await?;
    println!("   once the key is gone: {}", verify(api, &left).await?);
    Ok(())
}

/// What `tenantry-api audit statement` says, without the server.
async fn verify(api: &Api, answer: &Value) -> Result<String> {
    let keys = api.call(Method::GET, "/.well-known/audit-keys.json", None, Value::Null).await?;
    let folder = tempfile::tempdir()?;
    let (statement, trusted) = (folder.path().join("answer.json"), folder.path().join("keys.json"));
    std::fs::write(&statement, answer.to_string())?;
    std::fs::write(&trusted, keys.to_string())?;
    let run = Command::new(program("tenantry-api")?)
        .args(["audit", "statement"])
        .arg(&statement)
        .arg("--keys")
        .arg(&trusted)
        .output()?;
    let said = String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).trim().to_owned();
    if run.status.success() { Ok(said) } else { Err(format!("the statement is not believed: {said}").into()) }
}

/// Looks until there is something, for at most 20 seconds.
async fn wait<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    for _ in 0..400 {
        if let Some(found) = look() {
            return Some(found);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    None
}

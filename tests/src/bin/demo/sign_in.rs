//! The third part: somebody signs in at a SaaS application with two organizations, each with an identity provider of its own, both on this machine. What
//! a browser would do is done without one.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Browser, Client, Landed, OpenIdProvider, RelyingParty, SamlProvider};
use totp_rs::{Builder, Secret};

use crate::{Api, PASSWORD, Result, mailbox::Mailbox, program, say, text};

const CALLBACK: &str = "https://ledgerline.example/callback";
const ROLES: &str = "https://ledgerline.example/roles";

/// The organizations, and how people come in.
struct Organizations {
    north: String,
    south: String,
    keys: OpenIdProvider,
    saml: SamlProvider,
    /// Their founder's token.
    nora: String,
}

/// Plays on. `data` is the server's data folder.
pub(crate) async fn play(api: &Api, mailbox: &Mailbox, data: &str, run: i64) -> Result<()> {
    let server = Client::of(&api.base);
    let application = application(&api.base, data)?;
    let organizations = founded(api, mailbox, run).await?;
    let Organizations { north, south, nora, .. } = &organizations;
    let mia = joined(api, mailbox, &organizations, run).await?;

    say("Mia signs in at the application, through North's OpenID provider");
    let browser = Browser::new(&server);
    let asked = application.ask(&[("organization", north)]);
    let landed = browser.open(&asked.path).await;
    let landed = choose(&browser, landed, "okta").await?;
    let claims = json!({"sub": "mia", "email": mia, "email_verified": true, "groups": ["Finance"]});
    let landed = organizations.keys.signs_in(&browser, landed, now(), &claims).await;
    let landed = prove(&browser, landed).await?;
    let there = application.exchange(&server, &code(landed)?, &asked.verifier).await.ok();
    told(&there)?;

    say("South wants people to come through its SAML provider: what she gave does not open it");
    let refused = application.switch(&server, &text(&there, "access_token")?, south, &[]).await;
    println!("   {} {}", refused.status, text(&refused.json(), "error_description")?);
    let asked = application.ask(&[("organization", south)]);
    let landed = browser.open(&asked.path).await;
    let landed = choose(&browser, landed, "okta").await?;
    let landed = organizations.saml.signs_in(&browser, landed, now(), &mia).await;
    let landed = prove(&browser, landed).await?;
    let elsewhere = application.exchange(&server, &code(landed)?, &asked.verifier).await.ok();
    told(&elsewhere)?;

    say("Now an exchange is enough, in both directions");
    let back = application.switch(&server, &text(&elsewhere, "access_token")?, north, &[]).await.ok();
    told(&back)?;

    say("Nora removes her from North: out at once there, and still in at South");
    let id = format!("usr_{}", text(&claims_of(&there)?, "sub")?.trim_start_matches("auth0|"));
    api.call(Method::DELETE, &format!("/api/organizations/{north}/members/{id}"), Some(nora), Value::Null).await?;
    for (name, tokens, expected) in [("North", &there, 401), ("North", &back, 401), ("South", &elsewhere, 200)] {
        let answer = server.bearer(&text(tokens, "access_token")?).get("/userinfo").await;
        println!("   GET /userinfo with the token for {name} -> {}", answer.status);
        if answer.status != expected {
            return Err(format!("{expected} was expected").into());
        }
    }

    say("Mia signs out: nothing of hers renews anything any more");
    if let Landed::Away(url) = browser.send("/oidc/logout", &[("state", "demo")]).await {
        println!("   and her browser goes on to sign out at {}", url.host_str().unwrap_or_default());
    }
    let renewed = application.refresh(&server, &text(&elsewhere, "refresh_token")?).await;
    println!("   POST /oauth/token -> {} {}", renewed.status, renewed.json()["error"]);
    if renewed.status == 400 { Ok(()) } else { Err("a refresh token outlived its session".into()) }
}

/// A client of the platform, made on the command line.
fn application(base: &str, data: &str) -> Result<RelyingParty> {
    say("An operator registers the application: `tenantry-api client create`");
    let claim = format!("{ROLES}=org_roles");
    let arguments = ["--name", "Ledgerline", "--redirect-uri", CALLBACK, "--organizations", "require", "--claim", &claim];
    let mut command = std::process::Command::new(program("tenantry-api")?);
    command.args(["client", "create"]).args(arguments).env("TENANTRY__DATA__DIR", data).env("TENANTRY__SERVER__PUBLIC_URL", base);
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        return Err(format!("{said}{}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let find = |name: &str| {
        let rest = said.lines().find_map(|line| line.trim().strip_prefix(name))?;
        rest.split_whitespace().next().map(str::to_owned)
    };
    let client_id = find("client_id").ok_or("no client_id was printed")?;
    println!("   {client_id}");
    Ok(RelyingParty { id: String::new(), client_id, secret: find("client_secret"), redirect_uri: CALLBACK.to_owned() })
}

/// Nora founds both, and gives each a provider of its own.
async fn founded(api: &Api, mailbox: &Mailbox, run: i64) -> Result<Organizations> {
    let nora = format!("nora.{run}@example.com");
    say(&format!("{nora} founds two organizations: one with an OpenID provider, one with a SAML provider"));
    let token = api.join(mailbox, &nora).await?;
    let keys = OpenIdProvider::start().await;
    let organizations = Organizations {
        north: format!("north-{run}"),
        south: format!("south-{run}"),
        keys,
        saml: SamlProvider::default(),
        nora: token,
    };
    let Organizations { north, south, keys, saml, nora: by } = &organizations;
    let auditors = json!({"role_mapping": [{"group": "Finance", "role": "auditor"}]});
    for (slug, connection) in [(north, keys.connection(auditors)), (south, saml.connection(json!({})))] {
        api.post("/api/organizations", Some(by), json!({"slug": slug, "name": slug})).await?;
        let role = json!({"slug": "auditor", "name": "Auditor", "permissions": ["audit_logs.view"]});
        api.post(&format!("/api/organizations/{slug}/roles"), Some(by), role).await?;
        let made = api.post(&format!("/api/organizations/{slug}/upstream-providers"), Some(by), connection).await?;
        println!("   {} is {}", made["name"], if made["ready"] == true { "ready" } else { "not ready" });
    }
    // Whoever lets nobody in without the provider keeps a way in for the day on which that fails.
    let app = api.post("/api/user/mfa/setup", Some(by), json!({})).await?;
    let code = Builder::new()
        .with_secret(Secret::try_from_base32(&text(&app, "secret")?)?)
        .build()?
        .generate(now().timestamp().try_into()?);
    api.post("/api/user/mfa/verify", Some(by), json!({"code": code.to_string()})).await?;
    let me = text(&api.get("/api/user", by).await?, "id")?;
    let policy = json!({"sso": "required", "break_glass": [me]});
    api.call(Method::PATCH, &format!("/api/organizations/{south}/sign-in/policy"), Some(by), policy).await?;
    Ok(organizations)
}

/// Mia is invited to both; her address.
async fn joined(
    api: &Api,
    mailbox: &Mailbox,
    Organizations { north, south, nora, .. }: &Organizations,
    run: i64,
) -> Result<String> {
    let mia = format!("mia.{run}@example.com");
    say(&format!("{mia} joins both"));
    let token = api.join(mailbox, &mia).await?;
    for slug in [north, south] {
        let invitation = json!({"email": mia, "role": "member"});
        api.post(&format!("/api/organizations/{slug}/invitations"), Some(nora), invitation).await?;
    }
    for invitation in api.get("/api/invitations", &token).await?.as_array().into_iter().flatten() {
        api.post(&format!("/api/invitations/{}/accept", text(invitation, "id")?), Some(&token), Value::Null).await?;
    }
    Ok(mia)
}

/// Presses the button of a provider, where there is a page.
async fn choose(browser: &Browser, landed: Landed, connection: &str) -> Result<Landed> {
    let Landed::Page(at, page) = landed else { return Ok(landed) };
    println!("   GET {at} -> {}", page.status);
    Ok(browser.send(&at, &[("step", "connection"), ("connection", connection)]).await)
}

/// Shows once that the account which is there is hers, where she is asked.
async fn prove(browser: &Browser, landed: Landed) -> Result<Landed> {
    let Landed::Page(at, _) = landed else { return Ok(landed) };
    println!("   she proves with her password that the account is hers, this once");
    Ok(browser.send(&at, &[("step", "prove"), ("password", PASSWORD)]).await)
}

fn code(landed: Landed) -> Result<String> {
    let Landed::Away(url) = landed else { return Err(format!("the browser stayed: {landed:?}").into()) };
    let code = url.query_pairs().find(|(name, _)| name == "code");
    Ok(code.ok_or_else(|| format!("no code: {url}"))?.1.into_owned())
}

/// What an ID token says. Whoever is not a demo verifies it first.
fn claims_of(tokens: &Value) -> Result<Value> {
    let token = text(tokens, "id_token")?;
    let claims = token.split('.').nth(1).ok_or("no token")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims)?)?)
}

fn told(tokens: &Value) -> Result<()> {
    let claims = claims_of(tokens)?;
    println!("   the tokens: {} in {}, as {}, by {}", claims["email"], claims["org_id"], claims[ROLES], claims["amr"]);
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program of its own: identity providers and authenticator apps go by this machine's clock"
)]
fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

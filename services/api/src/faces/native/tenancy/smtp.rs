//! An organization's own mail server. Trying it out is in the file beside this one.

mod trial;

use actix_web::{delete, get, post, web};
use app::{App, tenancy::smtp::NewSmtp};
use domain::{
    all,
    authorization::resource::Smtp,
    core::value::{Email, HostName, SenderName},
    tenancy::smtp::{Port, Security, Sender, Server, SmtpPassword, SmtpSettings, SmtpUser},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faces::native::core::views::{MessageResponse, message};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::OrgPath,
    wire::{Body, Field, time},
};

const SMTP: Tag = Tag { name: "smtp", about: "An organization's own mail server." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(SMTP)
        .of_org(set, writing::<Smtp>())
        .of_org(get, reading::<Smtp>())
        .of_org(delete, writing::<Smtp>())
        .of_org(trial::test, writing::<Smtp>());
}

/// What failed last at the mail server, since it last took a mail.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"at": "2026-11-23T09:00:00.000000Z", "step": "auth", "reason": "refused", "message": "The server refused this step; its reply code says why.", "reply": "535 5.7.8"}))]
struct SmtpFailureResponse {
    at: String,
    /// `resolve`, `connect`, `greeting`, `tls`, `certificate`, `auth`, `sender`, `recipient` or `data`.
    step: &'static str,
    /// Stable, for programs.
    reason: &'static str,
    /// The same for people, and what to do.
    message: &'static str,
    /// The code of the server's reply, and the enhanced one if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<String>,
}

/// The settings, without the password.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"host": "smtp.example.com", "port": 587, "username": "acme", "from_email": "no-reply@acme.example", "from_name": "Acme", "configured": true, "security": "starttls", "status": "working", "last_sent_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T08:00:00.000000Z"}))]
struct SmtpResponse {
    host: String,
    port: u16,
    username: String,
    from_email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_name: Option<String>,
    /// False: there are none, and mails leave through the platform's server.
    configured: bool,
    /// `starttls`, `tls` or `none`.
    security: &'static str,
    /// `untried`, `working`, `unsteady` (it failed just now; mails wait for it) or `failing` (mails leave through the platform's server).
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// Since when it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<String>,
    /// From when on a mail tries it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_try_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<SmtpFailureResponse>,
    /// When it last took a mail, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sent_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
}

/// What is answered where nothing is set, as the contract wants it.
const USUAL_PORT: u16 = 587;

impl From<Option<SmtpSettings>> for SmtpResponse {
    fn from(settings: Option<SmtpSettings>) -> Self {
        let Some(SmtpSettings { server, sender, health, updated_at, .. }) = settings else {
            return Self {
                host: String::new(),
                port: USUAL_PORT,
                username: String::new(),
                from_email: String::new(),
                from_name: None,
                configured: false,
                security: Security::usual(USUAL_PORT).as_str(),
                status: None,
                failing_since: None,
                next_try_at: None,
                last_failure: None,
                last_sent_at: None,
                updated_at: None,
            };
        };
        let last_failure = health.last_failure.map(|(failure, at)| SmtpFailureResponse {
            at: time(at),
            step: failure.step.as_str(),
            reason: failure.reason.as_str(),
            message: failure.reason.hint(),
            reply: failure.reply.map(|reply| reply.to_string()),
        });
        Self {
            host: server.host.into_string(),
            port: server.port.0,
            username: server.username.as_str().to_owned(),
            from_email: sender.email.into_string(),
            from_name: sender.name.map(SenderName::into_string),
            configured: true,
            security: server.security.as_str(),
            status: Some(health.state().as_str()),
            failing_since: health.down_since.map(time),
            next_try_at: health.retry_at.map(time),
            last_failure,
            last_sent_at: health.last_sent_at.map(time),
            updated_at: Some(time(updated_at)),
        }
    }
}

/// A mail server.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"host": "smtp.example.com", "port": 587, "username": "acme", "password": "correct horse battery staple", "from_email": "no-reply@acme.example", "from_name": "Acme"}))]
struct SetSmtpRequest {
    /// Its name or address.
    #[serde(default)]
    #[schema(value_type = String, max_length = 253, required)]
    host: Field<HostName>,
    #[serde(default)]
    #[schema(value_type = u16, minimum = 1, maximum = 65535, required)]
    port: Field<Port>,
    /// Empty: nobody signs in.
    #[serde(default)]
    #[schema(value_type = String, max_length = 320, required)]
    username: Field<SmtpUser>,
    /// Left out: the one that is known, as long as host, port, security and username stay as they are.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 1024)]
    password: Field<SmtpPassword>,
    /// Who mails are from.
    #[serde(default)]
    #[schema(value_type = String, format = "email", required)]
    from_email: Field<Email>,
    /// The name beside it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    from_name: Field<SenderName>,
    /// `starttls`, `tls`, or `none` for servers in networks that the operator named; default: what is usual at the port.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    security: Field<Security>,
}

impl SetSmtpRequest {
    fn parsed(self) -> domain::Result<NewSmtp> {
        let (host, port, username, password, email, name, security) = all((
            self.host.required("host"),
            self.port.required("port"),
            self.username.required("username"),
            self.password.optional("password"),
            self.from_email.required("from_email"),
            self.from_name.optional("from_name"),
            self.security.optional("security"),
        ))?;
        let security = security.unwrap_or_else(|| Security::usual(port.0));
        let name = name.filter(|name| !name.as_str().is_empty());
        let server = Server { host, port, security, username };
        Ok(NewSmtp { server, password, sender: Sender { email, name } })
    }
}

/// Let the organization's mails leave through a server of its own. What fails there leaves through the platform's, which the settings
/// and the audit log tell. Mails with a link into an account that holds more than you do keep leaving through the platform's.
#[utoipa::path(
    operation_id = "organizations.setSmtp",
    request_body = SetSmtpRequest,
    responses((status = 200, body = MessageResponse)),
)]
#[post("/smtp")]
async fn set(app: web::Data<App>, who: SignedIn<OrgPath>, body: Body<SetSmtpRequest>) -> ApiResult<web::Json<MessageResponse>> {
    app.set_smtp(&who.caller, &who.path.org, &body.value.parsed()?).await?;
    Ok(message("The organization's mails leave through this server from now on."))
}

/// The mail server, and how it has been doing.
#[utoipa::path(
    operation_id = "organizations.getSmtp",
    responses((status = 200, body = SmtpResponse)),
)]
#[get("/smtp")]
async fn get(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<SmtpResponse>> {
    Ok(web::Json(app.get_smtp(&who.caller, &who.path.org).await?.into()))
}

/// Let the organization's mails leave through the platform's server again.
#[utoipa::path(
    operation_id = "organizations.deleteSmtp",
    responses((status = 200, body = MessageResponse)),
)]
#[delete("/smtp")]
async fn delete(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<MessageResponse>> {
    app.delete_smtp(&who.caller, &who.path.org).await?;
    Ok(message("The organization's mails leave through the platform's server."))
}

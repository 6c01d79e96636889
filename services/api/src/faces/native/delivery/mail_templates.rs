//! Texts of an organization's own for its mails. What changes them is in the file beside this one.

mod changes;

use actix_web::{delete, get, patch, web};
use app::{App, delivery::mail_templates::Texts};
use domain::{
    Error,
    authorization::resource::MailTemplates,
    delivery::{
        mail_templates::{HtmlBody, Language, MailTemplateId, OwnText, Shown},
        mails::Template,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faces::native::core::views::Done;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::{OrgPath, PathId},
    wire::{Body, Field, time},
};

const MAIL_TEMPLATES: Tag = Tag { name: "mail-templates", about: "An organization's own texts for its mails." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(MAIL_TEMPLATES)
        .of_org(changes::create, writing::<MailTemplates>().idempotent())
        .of_org(list, reading::<MailTemplates>())
        .of_org(prefer, writing::<MailTemplates>())
        .of_org(changes::preview, reading::<MailTemplates>())
        .of_org(get, reading::<MailTemplates>())
        .of_org(changes::update, writing::<MailTemplates>())
        .of_org(delete, writing::<MailTemplates>());
}

impl PathId for MailTemplateId {
    const NOUN: &'static str = "mail template";
}

/// A text.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "mtp_019ab2c3d4e57f008000000000000009", "template": "invitation", "language": "de", "subject": "Einladung zu {{ organization }}", "text": "Hier annehmen: {{ link }}", "html": null, "updated_at": "2026-11-23T09:00:00.000000Z"}))]
struct MailTemplateResponse {
    id: String,
    /// Which mail: `invitation`, `reset_password`, …
    template: &'static str,
    /// `de`, `en`, …
    language: &'static str,
    subject: String,
    text: String,
    /// Null: readers with HTML get the same.
    html: Option<String>,
    updated_at: String,
}

impl From<OwnText> for MailTemplateResponse {
    fn from(own: OwnText) -> Self {
        Self {
            id: own.id.to_string(),
            template: own.template.name(),
            language: own.language.as_str(),
            subject: own.says.subject.as_str().to_owned(),
            text: own.says.text.as_str().to_owned(),
            html: own.says.html.as_ref().map(|html: &HtmlBody| html.as_str().to_owned()),
            updated_at: time(own.updated_at),
        }
    }
}

/// What a text looks like with values. Show `html` in a sandboxed frame only.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"subject": "Einladung zu Acme Inc.", "text": "Hier annehmen: https://sso.example.com/link?token=0000", "html": "<pre>…</pre>"}))]
struct ShownMailResponse {
    subject: String,
    text: String,
    html: String,
}

impl From<Shown> for ShownMailResponse {
    fn from(Shown { subject, text, html }: Shown) -> Self {
        Self { subject, text, html }
    }
}

/// A mail whose text can be replaced.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"template": "invitation", "variables": ["link", "organization", "inviter", "days"], "own": [{"id": "mtp_019ab2c3d4e57f008000000000000009", "language": "de", "updated_at": "2026-11-23T09:00:00.000000Z"}]}))]
struct ReplaceableResponse {
    template: &'static str,
    /// What a text can name: `{{ link }}`.
    variables: Vec<&'static str>,
    /// The organization's own texts.
    own: Vec<ListedResponse>,
}

/// A text without its content.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "mtp_019ab2c3d4e57f008000000000000009", "language": "de", "updated_at": "2026-11-23T09:00:00.000000Z"}))]
struct ListedResponse {
    id: String,
    language: &'static str,
    updated_at: String,
}

/// The mails whose texts can be replaced, and the language of those whose reader did not ask for one.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"language": "en", "templates": [{"template": "smtp_test", "variables": ["organization"], "own": []}]}))]
struct MailTemplatesResponse {
    language: &'static str,
    templates: Vec<ReplaceableResponse>,
}

impl From<Texts> for MailTemplatesResponse {
    fn from(texts: Texts) -> Self {
        let own = |template: Template| {
            let of_it = texts.own.iter().filter(move |listed| listed.template == template);
            of_it.map(|listed| ListedResponse {
                id: listed.id.to_string(),
                language: listed.language.as_str(),
                updated_at: time(listed.updated_at),
            })
        };
        let templates = Template::OWN.map(|template| ReplaceableResponse {
            template: template.name(),
            variables: template.variables().to_vec(),
            own: own(template).collect(),
        });
        Self { language: texts.language.as_str(), templates: templates.into() }
    }
}

/// The mails whose texts can be replaced, and which are.
#[utoipa::path(
    operation_id = "organizations.mailTemplates.list",
    responses((status = 200, body = MailTemplatesResponse)),
)]
#[get("/mail-templates")]
async fn list(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<MailTemplatesResponse>> {
    Ok(web::Json(app.list_mail_templates(&who.caller, &who.path.org).await?.into()))
}

/// A language.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"language": "de"}))]
struct PreferRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    language: Field<Language>,
}

/// Choose the language of mails whose reader did not ask for one.
#[utoipa::path(
    operation_id = "organizations.mailTemplates.setLanguage",
    request_body = PreferRequest,
    responses(Done),
)]
#[patch("/mail-templates")]
async fn prefer(app: web::Data<App>, who: SignedIn<OrgPath>, body: Body<PreferRequest>) -> ApiResult<Done> {
    let language = body.value.language.required("language").map_err(|violation| Error::invalid(vec![violation]))?;
    app.set_mail_language(&who.caller, &who.path.org, language).await?;
    Ok(Done)
}

/// One text.
#[utoipa::path(
    operation_id = "organizations.mailTemplates.get",
    responses((status = 200, body = MailTemplateResponse)),
)]
#[get("/mail-templates/{mail_template_id}")]
async fn get(app: web::Data<App>, who: SignedIn<OrgPath<MailTemplateId>>) -> ApiResult<web::Json<MailTemplateResponse>> {
    Ok(web::Json(app.get_mail_template(&who.caller, &who.path.org, who.path.id).await?.into()))
}

/// Delete a text: the mail says in that language what ours says.
#[utoipa::path(operation_id = "organizations.mailTemplates.delete", responses(Done))]
#[delete("/mail-templates/{mail_template_id}")]
async fn delete(app: web::Data<App>, who: SignedIn<OrgPath<MailTemplateId>>) -> ApiResult<Done> {
    app.delete_mail_template(&who.caller, &who.path.org, who.path.id).await?;
    Ok(Done)
}

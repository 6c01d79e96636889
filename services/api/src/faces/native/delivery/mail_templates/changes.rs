//! Making a text, changing it, and looking at it before.

use actix_web::{post, put, web};
use app::App;
use domain::{
    all,
    delivery::{
        mail_templates::{HtmlBody, Language, MailTemplateId, MailText, PlainBody, Subject},
        mails::Template,
    },
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{MailTemplateResponse, ShownMailResponse};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    path::OrgPath,
    wire::{Body, Field},
};

/// A new text.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"template": "invitation", "language": "de", "subject": "Einladung zu {{ organization }}", "text": "Hier annehmen: {{ link }}", "html": "<p><a href=\"{{ link }}\">Hier annehmen</a></p>"}))]
struct CreateMailTemplateRequest {
    /// Which mail.
    #[serde(default)]
    #[schema(value_type = String, required)]
    template: Field<Template>,
    /// `de`, `en`, …
    #[serde(default)]
    #[schema(value_type = String, required)]
    language: Field<Language>,
    /// One line.
    #[serde(default)]
    #[schema(value_type = String, max_length = 200, required)]
    subject: Field<Subject>,
    /// Everything stands for itself but `{{ variables }}`.
    #[serde(default)]
    #[schema(value_type = String, max_length = 20_000, required)]
    text: Field<PlainBody>,
    /// The same with HTML, where values are escaped; default: made of `text`.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 60_000)]
    html: Field<HtmlBody>,
}

/// Make a text for a mail in a language. Mails leave with it through the organization's own mail server only: what leaves through the
/// platform's says what ours says.
#[utoipa::path(
    operation_id = "organizations.mailTemplates.create",
    request_body = CreateMailTemplateRequest,
    responses((status = 200, body = MailTemplateResponse)),
)]
#[post("/mail-templates")]
pub(super) async fn create(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath>,
    body: Body<CreateMailTemplateRequest>,
) -> ApiResult<web::Json<MailTemplateResponse>> {
    let b = body.value;
    let (template, language, subject, text, html) = all((
        b.template.required("template"),
        b.language.required("language"),
        b.subject.required("subject"),
        b.text.required("text"),
        b.html.optional("html"),
    ))?;
    who.once("mailTemplates.create", &body.raw);
    let says = MailText { subject, text, html };
    Ok(web::Json(app.create_mail_template(&who.caller, &who.path.org, (template, language), &says).await?.into()))
}

/// What a text says from now on.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"subject": "Einladung zu {{ organization }}", "text": "Hier annehmen: {{ link }}"}))]
struct UpdateMailTemplateRequest {
    /// One line.
    #[serde(default)]
    #[schema(value_type = String, max_length = 200, required)]
    subject: Field<Subject>,
    #[serde(default)]
    #[schema(value_type = String, max_length = 20_000, required)]
    text: Field<PlainBody>,
    /// Default: made of `text`.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 60_000)]
    html: Field<HtmlBody>,
}

/// Change what a text says, all of it.
#[utoipa::path(
    operation_id = "organizations.mailTemplates.update",
    request_body = UpdateMailTemplateRequest,
    responses((status = 200, body = MailTemplateResponse)),
)]
#[put("/mail-templates/{mail_template_id}")]
pub(super) async fn update(
    app: web::Data<App>,
    who: SignedIn<OrgPath<MailTemplateId>>,
    body: Body<UpdateMailTemplateRequest>,
) -> ApiResult<web::Json<MailTemplateResponse>> {
    let b = body.value;
    let (subject, text, html) = all((b.subject.required("subject"), b.text.required("text"), b.html.optional("html")))?;
    let says = MailText { subject, text, html };
    Ok(web::Json(app.update_mail_template(&who.caller, &who.path.org, who.path.id, &says).await?.into()))
}

/// A text to look at.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"template": "invitation", "subject": "Einladung zu {{ organization }}", "text": "Hier annehmen: {{ link }}"}))]
struct PreviewRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    template: Field<Template>,
    #[serde(default)]
    #[schema(value_type = String, max_length = 200, required)]
    subject: Field<Subject>,
    #[serde(default)]
    #[schema(value_type = String, max_length = 20_000, required)]
    text: Field<PlainBody>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 60_000)]
    html: Field<HtmlBody>,
}

/// See what a text looks like with values that look like real ones. Nothing is kept.
#[utoipa::path(
    operation_id = "organizations.mailTemplates.preview",
    request_body = PreviewRequest,
    responses((status = 200, body = ShownMailResponse)),
)]
#[post("/mail-templates/preview")]
pub(super) async fn preview(
    app: web::Data<App>,
    who: SignedIn<OrgPath>,
    body: Body<PreviewRequest>,
) -> ApiResult<web::Json<ShownMailResponse>> {
    let b = body.value;
    let (template, subject, text, html) =
        all((b.template.required("template"), b.subject.required("subject"), b.text.required("text"), b.html.optional("html")))?;
    let says = MailText { subject, text, html };
    app.judge_mail_text(&who.caller, &who.path.org, template, &says).await?;
    Ok(web::Json(says.preview(template).into()))
}

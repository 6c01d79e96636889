//! Texts of an organization's own for its mails.

use domain::{
    Error, Event, Result,
    authorization::{
        policy::{OrgScope, Read, decide},
        resource::MailTemplates,
    },
    core::value::Slug,
    delivery::{
        mail_templates::{Language, MailTemplateId, MailText, OwnText},
        mails::Template,
    },
    tenancy::smtp::Ceiling,
};
use store::{Change, NoEvent, delivery::mail_templates::Listed};

use crate::{App, Caller};

/// Which texts there are, and in which language mails are written whose reader did not ask for one.
#[derive(Clone, Debug)]
pub struct Texts {
    /// The language that is preferred.
    pub language: Language,
    /// The organization's own.
    pub own: Vec<Listed>,
}

impl App {
    /// Which texts the organization has.
    pub async fn list_mail_templates(&self, c: &Caller, slug: &Slug) -> Result<Texts> {
        let standing = self.standing(c, slug).await?;
        let scope = decide(&standing)?;
        Ok(Texts { language: self.store.mail_language(scope).await?, own: self.store.list_mail_templates(scope).await? })
    }

    /// One of its texts.
    pub async fn get_mail_template(&self, c: &Caller, slug: &Slug, id: MailTemplateId) -> Result<OwnText> {
        let standing = self.standing(c, slug).await?;
        self.store.get_mail_template(decide(&standing)?, id).await
    }

    /// Whether the caller may see texts, and whether one is fine: for what it would look like.
    pub async fn judge_mail_text(&self, c: &Caller, slug: &Slug, template: Template, says: &MailText) -> Result<()> {
        let standing = self.standing(c, slug).await?;
        let _: OrgScope<'_, MailTemplates, Read> = decide(&standing)?;
        check(template, says)
    }

    /// Makes a text. `Invalid` for variables that the mail does not have, or a link that is missing; `AlreadyExists`
    /// (`mail_template_exists`).
    pub async fn create_mail_template(
        &self,
        c: &Caller,
        slug: &Slug,
        (template, language): (Template, Language),
        says: &MailText,
    ) -> Result<OwnText> {
        self.in_org::<MailTemplates, _>(c, slug, async |tx, scope| {
            check(template, says)?;
            let (id, ceiling) = (MailTemplateId::new(tx.uuid()), Ceiling::of(scope.authority()));
            let text = OwnText { id, template, language, says: says.clone(), ceiling, updated_at: tx.now() };
            tx.insert_mail_template(scope, &text).await?;
            let (template, language) = (template.name().to_owned(), language.to_string());
            Ok(Change::new(text, scope.org(), Event::MailTemplateCreated { mail_template_id: id, template, language }))
        })
        .await
    }

    /// Changes what a text says, all of it.
    pub async fn update_mail_template(&self, c: &Caller, slug: &Slug, id: MailTemplateId, says: &MailText) -> Result<OwnText> {
        self.in_org::<MailTemplates, _>(c, slug, async |tx, scope| {
            let before = tx.lock_mail_template(scope, id).await?;
            check(before.template, says)?;
            let ceiling = Ceiling::of(scope.authority());
            if (&before.says, &before.ceiling) == (says, &ceiling) {
                return Ok(Change::silent(before, NoEvent::Unchanged));
            }
            let text = OwnText { says: says.clone(), ceiling, updated_at: tx.now(), ..before };
            tx.save_mail_template(scope, &text).await?;
            let (template, language) = (text.template.name().to_owned(), text.language.to_string());
            Ok(Change::new(text, scope.org(), Event::MailTemplateUpdated { mail_template_id: id, template, language }))
        })
        .await
    }

    /// Lets a mail say in a language what we say.
    pub async fn delete_mail_template(&self, c: &Caller, slug: &Slug, id: MailTemplateId) -> Result<()> {
        self.in_org::<MailTemplates, _>(c, slug, async |tx, scope| {
            let text = tx.lock_mail_template(scope, id).await?;
            tx.delete_mail_template(scope, id).await?;
            let (template, language) = (text.template.name().to_owned(), text.language.to_string());
            Ok(Change::new((), scope.org(), Event::MailTemplateDeleted { mail_template_id: id, template, language }))
        })
        .await
    }

    /// Sets the language of mails whose reader did not ask for one.
    pub async fn set_mail_language(&self, c: &Caller, slug: &Slug, language: Language) -> Result<()> {
        self.in_org::<MailTemplates, _>(c, slug, async |tx, scope| {
            if !tx.set_mail_language(scope, language).await? {
                return Ok(Change::silent((), NoEvent::Unchanged));
            }
            let event = Event::MailLanguageUpdated { organization_id: scope.org(), language: language.to_string() };
            Ok(Change::new((), scope.org(), event))
        })
        .await
    }
}

/// Everything that is wrong with a text, and with giving this mail one.
fn check(template: Template, says: &MailText) -> Result<()> {
    if !Template::OWN.contains(&template) {
        return Err(Error::field("template", "not_own", "This mail is the platform's; its text cannot be replaced."));
    }
    match says.check(template) {
        none if none.is_empty() => Ok(()),
        violations => Err(Error::invalid(violations)),
    }
}

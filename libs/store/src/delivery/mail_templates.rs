//! Organizations' own texts for their mails, and the language that they prefer.

use domain::{
    Error, OrgId, Result, Time,
    authorization::{
        policy::{OrgScope, Read, SystemScope, Write},
        resource::MailTemplates,
    },
    delivery::{
        mail_templates::{HtmlBody, Language, MailTemplateId, MailText, OwnText, PlainBody, Subject},
        mails::Template,
    },
    tenancy::smtp::Ceiling,
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};

use crate::{
    Store, WriteTx,
    core::{
        error::{Constraint, from_db, on},
        sql::{self, Columns, Sql, sql},
        table::{Table, WhenOld, WithOrganization, own_rows},
    },
};

/// One for each mail and language, which are few: that is the table's bound.
const MAIL_TEMPLATES_LANGUAGE: Constraint = Constraint {
    name: "mail_templates_language",
    columns: "mail_templates.org_id, mail_templates.template, mail_templates.language",
};

/// Only written as SQL.
pub(crate) const MAIL_TEMPLATES: Table = Table {
    name: "mail_templates",
    unique: &[&MAIL_TEMPLATES_LANGUAGE],
    sealed: &[],
    when_old: WhenOld::Stays("until the organization deletes it"),
    with_organization: WithOrganization::Deleted(own_rows!("mail_templates")),
};

/// Only written as SQL.
pub(crate) const MAIL_LANGUAGES: Table = Table {
    name: "mail_languages",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Stays("one row for each organization"),
    with_organization: WithOrganization::GoesWith("organizations"),
};

const TEXT: &str = "t.id, t.template, t.language, t.subject, t.body, t.html, t.ceiling, t.updated_at";

/// Reads what [`TEXT`] selects.
fn read_text(columns: &mut Columns<'_>) -> Result<OwnText, DbErr> {
    let unknown = |e: domain::BadValue| DbErr::Type(e.to_string());
    Ok(OwnText {
        id: MailTemplateId::new(columns.next()?),
        template: columns.next::<String>()?.parse().map_err(unknown)?,
        language: columns.next::<String>()?.parse().map_err(unknown)?,
        says: MailText {
            subject: Subject::stored(columns.next()?),
            text: PlainBody::stored(columns.next()?),
            html: columns.next::<Option<String>>()?.map(HtmlBody::stored),
        },
        ceiling: Ceiling::stored(&columns.next::<String>()?),
        updated_at: columns.next()?,
    })
}

const LIST: Sql =
    sql!("select id, template, language, updated_at from mail_templates where org_id = $1 order by template, language");
const GET: Sql = sql!("select {text} from mail_templates t where t.org_id = $1 and t.id = $2", text = TEXT);
const LOCK: Sql = sql!("select {text} from mail_templates t where t.org_id = $1 and t.id = $2 {for update}", text = TEXT);

async fn get(db: &impl ConnectionTrait, text: Sql, org: OrgId, id: MailTemplateId) -> Result<OwnText> {
    let row = sql::one(db, text, vec![org.uuid().into(), id.uuid().into()]).await?;
    let row = row.ok_or_else(|| Error::not_found("mail template"))?;
    read_text(&mut Columns::of(&row)).map_err(from_db)
}

/// A text without its content.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// Identifier.
    pub id: MailTemplateId,
    /// Of which mail.
    pub template: Template,
    /// In which language.
    pub language: Language,
    /// When it was last changed.
    pub updated_at: Time,
}

fn read_listed(row: &QueryResult) -> Result<Listed, DbErr> {
    let unknown = |e: domain::BadValue| DbErr::Type(e.to_string());
    Ok(Listed {
        id: MailTemplateId::new(row.try_get("", "id")?),
        template: row.try_get::<String>("", "template")?.parse().map_err(unknown)?,
        language: row.try_get::<String>("", "language")?.parse().map_err(unknown)?,
        updated_at: row.try_get("", "updated_at")?,
    })
}

const LANGUAGE: Sql = sql!("select language from mail_languages where org_id = $1");

/// In the language that was asked for, else in the one that the organization prefers.
const FOR_MAIL: Sql = sql!(
    "select {text}
    from mail_templates t
    left join mail_languages l on l.org_id = t.org_id
    where t.org_id = $1 and t.template = $2 and t.language in ($3, coalesce(l.language, $4))
    order by case when t.language = $3 then 0 else 1 end
    limit 1",
    text = TEXT
);

impl Store {
    /// Which texts the organization has.
    pub async fn list_mail_templates(&self, scope: OrgScope<'_, MailTemplates, Read>) -> Result<Vec<Listed>> {
        sql::read_all(&sql::all(&self.db, LIST, vec![scope.org().uuid().into()]).await?, read_listed)
    }

    /// One of them.
    pub async fn get_mail_template(&self, scope: OrgScope<'_, MailTemplates, Read>, id: MailTemplateId) -> Result<OwnText> {
        get(&self.db, GET, scope.org(), id).await
    }

    /// The language that the organization prefers.
    pub async fn mail_language(&self, scope: OrgScope<'_, MailTemplates, Read>) -> Result<Language> {
        let row = sql::one(&self.db, LANGUAGE, vec![scope.org().uuid().into()]).await?;
        let text: Option<String> = row.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)?;
        Ok(text.and_then(|text| text.parse().ok()).unwrap_or(Language::ENGLISH))
    }

    /// The text for a mail of the organization to somebody who reads `language`; `None`: our own.
    pub async fn mail_text(
        &self,
        _: SystemScope,
        org: OrgId,
        template: Template,
        language: Option<Language>,
    ) -> Result<Option<OwnText>> {
        let wanted = language.map_or("", Language::as_str);
        let values = vec![org.uuid().into(), template.name().into(), wanted.into(), Language::ENGLISH.as_str().into()];
        let row = sql::one(&self.db, FOR_MAIL, values).await?;
        row.map(|row| read_text(&mut Columns::of(&row))).transpose().map_err(from_db)
    }
}

const INSERT: Sql = sql!(
    "insert into mail_templates (org_id, id, subject, body, html, ceiling, updated_at, template, language)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
);
const SAVE: Sql = sql!(
    "update mail_templates
    set subject = $3, body = $4, html = $5, ceiling = $6, updated_at = $7
    where org_id = $1 and id = $2"
);
const DELETE: Sql = sql!("delete from mail_templates where org_id = $1 and id = $2");
const SET_LANGUAGE: Sql = sql!(
    "insert into mail_languages (org_id, language)
    values ($1, $2)
    on conflict (org_id) do update set language = excluded.language where mail_languages.language <> excluded.language"
);

/// The first seven values of [`INSERT`] and [`SAVE`].
fn content(org: OrgId, text: &OwnText) -> Vec<Value> {
    vec![
        org.uuid().into(),
        text.id.uuid().into(),
        text.says.subject.as_str().into(),
        text.says.text.as_str().into(),
        text.says.html.as_ref().map(|html| html.as_str().to_owned()).into(),
        text.ceiling.text().into(),
        text.updated_at.into(),
    ]
}

impl WriteTx {
    /// A text, locked until the transaction ends.
    pub async fn lock_mail_template(&self, scope: OrgScope<'_, MailTemplates, Write>, id: MailTemplateId) -> Result<OwnText> {
        get(&self.tx, LOCK, scope.org(), id).await
    }

    /// Keeps a new text. `AlreadyExists` (`mail_template_exists`).
    pub async fn insert_mail_template(&self, scope: OrgScope<'_, MailTemplates, Write>, text: &OwnText) -> Result<()> {
        let mut values = content(scope.org(), text);
        values.extend([text.template.name().into(), text.language.as_str().into()]);
        sql::try_execute(&self.tx, INSERT, values).await.map_err(on(&MAIL_TEMPLATES_LANGUAGE, || {
            Error::exists("mail_template_exists", "There is a text for this mail in this language. Change that one.")
        }))?;
        Ok(())
    }

    /// Saves what a text says.
    pub async fn save_mail_template(&self, scope: OrgScope<'_, MailTemplates, Write>, text: &OwnText) -> Result<()> {
        sql::execute(&self.tx, SAVE, content(scope.org(), text)).await?;
        Ok(())
    }

    /// Forgets a text.
    pub async fn delete_mail_template(&self, scope: OrgScope<'_, MailTemplates, Write>, id: MailTemplateId) -> Result<()> {
        sql::execute(&self.tx, DELETE, vec![scope.org().uuid().into(), id.uuid().into()]).await?;
        Ok(())
    }

    /// Prefers a language. Answers whether that is new.
    pub async fn set_mail_language(&self, scope: OrgScope<'_, MailTemplates, Write>, language: Language) -> Result<bool> {
        let values = vec![scope.org().uuid().into(), language.as_str().into()];
        Ok(sql::execute(&self.tx, SET_LANGUAGE, values).await? == 1)
    }
}

#[cfg(test)]
mod tests;

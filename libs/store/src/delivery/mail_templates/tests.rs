use super::*;
use crate::core::testing::{SCOPE, at, everywhere, organization};

const INSERT: &str = "insert into mail_templates (org_id, id, template, language, subject, body, html, ceiling, updated_at)
    values ($1, $4, 'invitation', $2, 'the subject', 'the body', 'the html', 'webhooks.manage', $3)";

async fn text(store: &Store, org: OrgId, language: Option<&str>) -> Option<OwnText> {
    let language = language.map(|language| language.parse().unwrap());
    store.mail_text(SCOPE, org, Template::Invitation, language).await.unwrap()
}

#[tokio::test]
async fn a_mail_is_written_in_the_language_asked_for_or_preferred() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        assert_eq!(text(store, org, None).await, None);
        for language in ["de", "en", "fr"] {
            sql::execute(&store.db, INSERT, vec![org.uuid().into(), language.into(), at(3).into(), store.ids.uuid(at(3)).into()])
                .await
                .unwrap();
        }
        let found = text(store, org, Some("de")).await.unwrap();
        let says = MailText {
            subject: Subject::stored("the subject".to_owned()),
            text: PlainBody::stored("the body".to_owned()),
            html: Some(HtmlBody::stored("the html".to_owned())),
        };
        let language = "de".parse().unwrap();
        let ceiling = Ceiling::stored("webhooks.manage");
        assert_eq!(found, OwnText { id: found.id, template: Template::Invitation, language, says, ceiling, updated_at: at(3) });
        let language = async |asked: Option<&str>| text(store, org, asked).await.unwrap().language.to_string();
        assert_eq!((language(None).await, language(Some("es")).await), ("en".to_owned(), "en".to_owned()));
        let prefer = "insert into mail_languages (org_id, language) values ($1, 'fr')";
        sql::execute(&store.db, prefer, vec![org.uuid().into()]).await.unwrap();
        assert_eq!((language(None).await, language(Some("de")).await), ("fr".to_owned(), "de".to_owned()));
        assert_eq!(store.mail_text(SCOPE, org, Template::ResetPassword, None).await.unwrap(), None);
    })
    .await;
}

use domain::{
    PLATFORM,
    delivery::mails::{Mail, Template},
};
use sea_orm::EntityTrait;

use super::{ClaimedMail, MailClaim, MailOutcome, MailVerdict};
use crate::{
    Change, NoEvent, Store,
    core::{
        entity::mails,
        testing::{SCOPE, at, everywhere, stamp},
    },
};

async fn take(store: &Store, second: i64) -> Vec<ClaimedMail> {
    let claim = MailClaim {
        now: at(second),
        lease: store.ids.uuid(at(second)),
        lease_until: at(second + 60),
        max_attempts: 2,
        max_rows: 10,
    };
    store.claim_mails(SCOPE, claim).await.unwrap()
}

async fn queue(store: &Store) -> Mail {
    let mail = Mail {
        template: Template::ResetPassword,
        to: "ann@example.com".parse().unwrap(),
        context: serde_json::json!({ "link": "x" }),
        language: None,
    };
    let write = async |tx: &crate::WriteTx| {
        tx.queue_mail(PLATFORM, &mail).await?;
        Ok(Change::silent((), NoEvent::LinkMailed))
    };
    store.write(&stamp(), write).await.unwrap();
    mail
}

async fn row(store: &Store) -> mails::Model {
    mails::Entity::find().one(&store.db).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_mail_is_sealed_sent_once_and_blanked() {
    everywhere(async |store: &Store| {
        let mail = queue(store).await;
        assert!(row(store).await.message.starts_with("v1."));
        let jobs = take(store, 1).await;
        assert_eq!(jobs[0].mail.as_ref(), Some(&mail));
        assert!(take(store, 2).await.is_empty());
        let retry = MailVerdict::Retry { error: "busy".to_owned(), next_at: at(30) };
        store.settle_mails(SCOPE, at(3), &[MailOutcome { ticket: jobs[0].ticket, verdict: retry }]).await.unwrap();
        assert!(take(store, 29).await.is_empty());
        let again = take(store, 30).await;
        let stale = MailOutcome { ticket: jobs[0].ticket, verdict: MailVerdict::Sent };
        store.settle_mails(SCOPE, at(31), &[stale]).await.unwrap();
        assert_eq!(row(store).await.state, 1);
        store.settle_mails(SCOPE, at(31), &[MailOutcome { ticket: again[0].ticket, verdict: MailVerdict::Sent }]).await.unwrap();
        assert_eq!((row(store).await.state, row(store).await.message.as_str()), (2, ""));
    })
    .await;
}

#[tokio::test]
async fn a_mail_whose_workers_vanish_is_given_up_and_a_released_one_comes_back() {
    everywhere(async |store: &Store| {
        queue(store).await;
        let jobs = take(store, 1).await;
        store.release_mails(SCOPE, at(2), &[jobs[0].ticket]).await.unwrap();
        let jobs = take(store, 3).await;
        assert_eq!(jobs[0].ticket.number, 1);
        let postponed = MailOutcome { ticket: jobs[0].ticket, verdict: MailVerdict::Postponed { next_at: at(5) } };
        store.settle_mails(SCOPE, at(4), &[postponed]).await.unwrap();
        assert!(take(store, 4).await.is_empty());
        assert_eq!(take(store, 5).await[0].ticket.number, 1, "it was no attempt");
        assert_eq!(take(store, 100).await[0].ticket.number, 2);
        assert!(take(store, 200).await.is_empty());
        assert_eq!((row(store).await.state, row(store).await.message.as_str()), (3, ""));
    })
    .await;
}

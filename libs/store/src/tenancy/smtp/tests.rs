use domain::{
    core::value::HostName,
    tenancy::smtp::{Ceiling, Failure, Port, Reason, Security, Sender, Server, SmtpUser, Step},
};

use super::*;
use crate::core::testing::{SCOPE, at, everywhere, now, organization};

const INSERT: &str = "insert into smtp_settings
      (org_id, host, port, security, username, password, from_email, from_name, ceiling, revision, created_at, updated_at)
    values ($1, 'mail.example', 2525, 'tls', 'user', $2, 'from@example.com', 'From', 'webhooks.manage', $3, $4, $5)";

/// Settings of an organization with the password `secret`, and what is to be read back of them.
async fn stored(store: &Store, org: OrgId) -> SmtpSettings {
    let revision = store.ids.uuid(now());
    let sealed = store.keyring.seal(&PASSWORD.place(org, &org.to_string()), b"secret").unwrap();
    let values = vec![org.uuid().into(), sealed.as_str().into(), revision.into(), at(1).into(), at(2).into()];
    sql::execute(&store.db, INSERT, values).await.unwrap();
    SmtpSettings {
        org_id: org,
        server: Server {
            host: HostName::stored("mail.example".to_owned()),
            port: Port(2525),
            security: Security::Tls,
            username: SmtpUser::stored("user".to_owned()),
        },
        sender: Sender { email: "from@example.com".parse().unwrap(), name: Some("From".parse().unwrap()) },
        ceiling: Ceiling::stored("webhooks.manage"),
        revision,
        health: Health::default(),
        updated_at: at(2),
    }
}

#[tokio::test]
async fn what_is_kept_of_a_server_is_read_back() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        assert!(store.smtp_relay(SCOPE, org).await.unwrap().is_none());
        let mut settings = stored(store, org).await;
        settings.health = Health {
            down_since: Some(at(3)),
            retry_at: Some(at(4)),
            last_failure: Some((Failure::refused(Step::Auth, 535, "5.7.8 no"), at(5))),
            last_sent_at: Some(at(6)),
        };
        store.note_smtp_success(SCOPE, &settings, &settings.health).await.unwrap();
        let relay = store.smtp_relay(SCOPE, org).await.unwrap().unwrap();
        assert_eq!(relay.settings, settings);
        assert_eq!(relay.password.unwrap().expose(), "secret");
        let dump = format!("{:?}", store.smtp_relay(SCOPE, org).await.unwrap());
        assert!(!dump.contains("secret"), "{dump}");
    })
    .await;
}

#[tokio::test]
async fn what_comes_of_an_attempt_is_not_taken_for_another_servers() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        let settings = stored(store, org).await;
        let before = SmtpSettings { revision: store.ids.uuid(now()), ..settings.clone() };
        let failed = Health::default().after_failure(&Failure::at(Step::Connect, Reason::Unreachable), at(9)).unwrap();
        store.note_smtp_success(SCOPE, &before, &failed).await.unwrap();
        assert_eq!(store.smtp_relay(SCOPE, org).await.unwrap().unwrap().settings, settings);
    })
    .await;
}

#[tokio::test]
async fn its_password_is_sealed_anew_and_bound_to_its_organization() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        stored(store, org).await;
        assert!(store.rotate_data_keys(at(9)).await.unwrap() >= 1);
        assert_eq!(store.smtp_relay(SCOPE, org).await.unwrap().unwrap().password.unwrap().expose(), "secret");
        let elsewhere = PASSWORD.place(OrgId::new(store.ids.uuid(now())), "row");
        let row = sql::one(&store.db, "select password from smtp_settings", vec![]).await.unwrap().unwrap();
        let sealed: String = row.try_get_by_index(0).unwrap();
        assert!(store.open_sealed(&elsewhere, &sealed.into()).await.is_err());
    })
    .await;
}

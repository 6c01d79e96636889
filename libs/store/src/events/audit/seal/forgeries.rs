//! What somebody does who can write to the database, reads everything in it, computes every hash, and does not have the master key.

use crypto::{
    SigningKey,
    audit::{chain, checkpoint::PublicKeys, statement::Rotation},
};
use domain::{EventId, OrgId};
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::Value as Json;

use super::*;
use crate::core::{
    entity::{audit_keys, events, feed, heads},
    testing::{SCOPE, at, commit, everywhere, now, organization, sequence},
};

async fn run(store: &Store, text: &str) {
    sql::execute(&store.db, text, vec![]).await.unwrap();
}

async fn seal(store: &Store) -> u64 {
    store.seal(SCOPE, now(), Seal::All).await.unwrap()
}

async fn signed(store: &Store) -> Vec<String> {
    let rows = checkpoints::Entity::find().order_by_asc(checkpoints::Column::OrgId).order_by_asc(checkpoints::Column::FirstSeq);
    rows.all(&store.db).await.unwrap().into_iter().map(|row| row.signed).collect()
}

/// Six sealed records of one organization and two of another, and two that are not sealed.
async fn logs(store: &Store) -> (OrgId, OrgId) {
    let (victim, other) = (organization(store).await, organization(store).await);
    for n in [3, 3] {
        commit(store, victim, n).await;
        commit(store, other, 1).await;
        sequence(store).await;
        seal(store).await;
    }
    commit(store, victim, 2).await;
    sequence(store).await;
    (victim, other)
}

/// Rewrites a sealed record, and all leaves and links after it so that they fit.
async fn rewrite(store: &Store, org: OrgId) {
    let id = |n: &feed::Model| EventId::new(n.event_id);
    let rows = feed::Entity::find().order_by_asc(feed::Column::Seq).all(&store.db).await.unwrap();
    let mut hash = chain::genesis(org);
    for row in rows.iter().filter(|row| row.org_id == org.uuid()) {
        let mut leaf = row.leaf.clone().unwrap();
        if row.seq == 2 {
            let forge = "update events set ip_address = '203.0.113.9' where org_id = $1 and id = $2";
            sql::execute(&store.db, forge, vec![org.uuid().into(), row.event_id.into()]).await.unwrap();
            let find = concat!("select ", record_columns!(), " from events e where e.org_id = $1 and e.id = $2");
            let found = sql::one(&store.db, find, vec![org.uuid().into(), row.event_id.into()]).await.unwrap().unwrap();
            leaf = StoredRecord::read(&found).unwrap().leaf(org).unwrap();
        }
        hash = chain::link(&hash, row.seq, id(row), &leaf);
        let values = vec![org.uuid().into(), row.seq.into(), leaf.into(), hash.as_str().into()];
        sql::execute(&store.db, "update feed set leaf = $3, hash = $4 where org_id = $1 and seq = $2", values).await.unwrap();
    }
    sql::execute(&store.db, "update heads set hash = $2 where org_id = $1", vec![org.uuid().into(), hash.into()]).await.unwrap();
}

/// A process that remembers nothing, on the same database.
fn restarted(store: &Store) -> Store {
    Store { watermarks: std::sync::Arc::default(), ..store.clone() }
}

#[tokio::test]
async fn a_forged_history_is_not_signed_whatever_is_done_to_the_tables_around_it() {
    for (forgery, texts) in [
        ("records and chain", &[][..]),
        ("and the checkpoints gone", &["delete from checkpoints", "update heads set sealed = 0"]),
        (
            "and the entry gone",
            &["delete from checkpoints", "update heads set sealed = 0", "delete from audit_register where {victim}"],
        ),
        ("and everything gone", &["delete from checkpoints", "update heads set sealed = 0", "delete from audit_register"]),
        (
            "and another's entry put there",
            &[
                "delete from checkpoints",
                "update heads set sealed = 0",
                "update audit_register set entry = (select r.entry from audit_register r where not ({victim}) and r.org_id > $1)
                 where {victim}",
            ],
        ),
        (
            "and nonsense",
            &["delete from checkpoints", "update heads set sealed = 0", "update audit_register set entry = 'v1.1.AA'"],
        ),
    ] {
        everywhere(async |store: &Store| {
            let (victim, _) = logs(store).await;
            rewrite(store, victim).await;
            for text in texts {
                let text = text.replace("{victim}", "org_id = $2");
                let values = vec![Uuid::nil().into(), victim.uuid().into()];
                // SQLite and PostgreSQL both take parameters that a text does not name only if they are all named.
                let text = match (text.contains("$1"), text.contains("$2")) {
                    (true, _) => (text, values),
                    (false, true) => (text.replace("$2", "$1"), vec![victim.uuid().into()]),
                    _ => (text, vec![]),
                };
                sql::execute(&store.db, text.0, text.1).await.unwrap();
            }
            let before = signed(store).await;
            assert_eq!(seal(&restarted(store)).await, 0, "{forgery}");
            assert_eq!(signed(store).await, before, "{forgery}: nothing was signed");
        })
        .await;
    }
}

#[tokio::test]
async fn an_organization_that_is_forged_stops_no_other() {
    everywhere(async |store: &Store| {
        let (victim, other) = logs(store).await;
        rewrite(store, victim).await;
        run(store, "update heads set sealed = 0").await;
        let new = organization(store).await;
        for org in [other, new] {
            commit(store, org, 2).await;
        }
        sequence(store).await;
        assert_eq!(seal(store).await, 4);
        let heads = heads::Entity::find().all(&store.db).await.unwrap();
        let sealed = |org: OrgId| heads.iter().find(|row| row.org_id == org.uuid()).unwrap().sealed;
        assert_eq!((sealed(victim), sealed(other), sealed(new)), (0, 4, 2));
    })
    .await;
}

#[tokio::test]
async fn a_watermark_or_checkpoint_that_was_changed_changes_nothing_of_what_is_signed() {
    everywhere(async |store: &Store| {
        let (victim, _) = logs(store).await;
        let before = signed(store).await;
        run(store, "update heads set sealed = 0").await;
        run(store, "delete from checkpoints").await;
        assert_eq!(seal(store).await, 2, "what is new, and nothing twice");
        let keys = store.audit_public_keys().await.unwrap().unwrap();
        let claims = keys.open(&signed(store).await[0]).unwrap();
        let last = before.iter().find(|jws| keys.open(jws).is_ok_and(|c| c.organization_id == victim && c.last_seq == 6));
        assert_eq!((claims.first_seq, claims.previous), (7, last.map(|jws| fingerprint(jws))));
        // One that is put behind the last is not followed.
        commit(store, victim, 1).await;
        sequence(store).await;
        run(store, "update checkpoints set first_seq = 9, last_seq = 9").await;
        assert_eq!(seal(store).await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_older_state_of_the_register_is_noticed_while_the_process_lives() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        commit(store, org, 1).await;
        sequence(store).await;
        seal(store).await;
        run(store, "create table kept as select * from audit_register").await;
        commit(store, org, 1).await;
        sequence(store).await;
        seal(store).await;
        run(store, "delete from audit_register").await;
        run(store, "insert into audit_register select * from kept").await;
        run(store, "delete from checkpoints where first_seq = 2").await;
        run(store, "update heads set sealed = 1").await;
        assert_eq!(seal(store).await, 0);
        // As docs/behaviour/events.md says: a new process takes it for a restored backup.
        assert_eq!(seal(&restarted(store)).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_foreign_key_is_neither_published_nor_used() {
    everywhere(async |store: &Store| {
        let (victim, _) = logs(store).await;
        let (foreign, private) = SigningKey::generate(crypto::Alg::EdDsa).unwrap();
        let honest = store.audit_jwks().await.unwrap();
        let insert = "insert into audit_keys (id, kid, alg, public_jwk, private_key, created_at)
             select 99, $1, alg, $2, $3, created_at from audit_keys where id = 1";
        let row = audit_keys::Entity::find().one(&store.db).await.unwrap().unwrap();
        for sealed in [hex::encode(&private), row.private_key] {
            let values = vec![foreign.kid().into(), foreign.jwk().to_string().into(), sealed.into()];
            sql::execute(&store.db, insert, values).await.unwrap();
            sql::execute(&store.db, "update audit_keys set public_jwk = $1", vec![foreign.jwk().to_string().into()])
                .await
                .unwrap();
            assert_eq!(store.audit_jwks().await.unwrap(), honest);
            commit(store, victim, 1).await;
            sequence(store).await;
            assert!(seal(store).await > 0, "the real one signs on");
            run(store, "delete from audit_keys where id = 99").await;
        }
        let keys = PublicKeys::from_jwks(&honest).unwrap();
        assert!(signed(store).await.iter().all(|jws| keys.open(jws).is_ok()));
    })
    .await;
}

#[tokio::test]
async fn without_its_keys_the_register_gets_no_new_ones() {
    everywhere(async |store: &Store| {
        logs(store).await;
        run(store, "delete from audit_keys").await;
        assert!(store.seal(SCOPE, now(), Seal::All).await.is_err());
        assert_eq!(audit_keys::Entity::find().all(&store.db).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn who_trusts_a_key_trusts_those_that_it_vouched_for() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        store.add_audit_key(at(0)).await.unwrap();
        let old = store.audit_jwks().await.unwrap();
        assert_eq!(old["rotations"].as_array().map(Vec::len), Some(1), "the first is made, and the second follows it");
        for n in 1..3 {
            store.add_audit_key(at(n)).await.unwrap();
        }
        commit(store, org, 1).await;
        sequence(store).await;
        seal(store).await;
        let new = store.audit_jwks().await.unwrap();
        let rotations: Vec<String> = serde_json::from_value(new["rotations"].clone()).unwrap();
        let mut keys = PublicKeys::from_jwks(&old).unwrap();
        assert!(keys.open(&signed(store).await[0]).is_err());
        keys.follow(&rotations);
        assert!(keys.open(&signed(store).await[0]).is_ok());
        assert!(rotations.iter().all(|jws| keys.open_statement::<Rotation>(jws).is_ok()));
        let kids = |set: &Json| set["keys"].as_array().unwrap().len();
        assert_eq!((kids(&old), kids(&new)), (2, 4));
    })
    .await;
}

/// Makes the database look as the version before left it: no register, and keys that do not ask for one.
async fn of_the_version_before(store: &Store) {
    for row in audit_keys::Entity::find().all(&store.db).await.unwrap() {
        let place = crate::events::audit::table::PRIVATE_KEY.place(domain::PLATFORM, &row.kid);
        let opened = store.open_sealed(&place, &row.private_key.into()).await.unwrap();
        let bare = store.keyring.seal(&place, &opened[b"registered:".len()..]).unwrap();
        let values = vec![row.id.into(), bare.as_str().into()];
        sql::execute(&store.db, "update audit_keys set private_key = $2, rotation = null where id = $1", values).await.unwrap();
    }
    run(store, "delete from audit_register").await;
    run(store, "update events set erasure = null").await;
}

#[tokio::test]
async fn logs_from_before_the_register_are_entered_once() {
    everywhere(async |store: &Store| {
        let (victim, _) = logs(store).await;
        store.add_audit_key(at(1)).await.unwrap();
        of_the_version_before(store).await;
        let store = &restarted(store);
        assert_eq!(store.audit_key(now()).await.err().map(|e| e.kind), Some(Kind::Unavailable), "until the worker has done it");
        assert_eq!(seal(store).await, 2);
        assert_eq!(store.audit_jwks().await.unwrap()["rotations"].as_array().map(Vec::len), Some(1));
        super::tests::exported(store, victim).await;
        // A second time there is nothing old to believe.
        run(store, "delete from audit_register").await;
        commit(store, victim, 1).await;
        sequence(store).await;
        assert_eq!(seal(&restarted(store)).await, 0);
        assert_eq!(events::Entity::find().all(&store.db).await.unwrap().len(), 11);
    })
    .await;
}

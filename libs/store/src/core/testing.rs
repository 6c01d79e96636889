//! Databases for this crate's own tests: a SQLite file, and a database of PostgreSQL where `TENANTRY_TEST_POSTGRES` names a server.

use std::sync::Arc;

use chrono::TimeDelta;
use crypto::{Keyring, MasterKeys, OsRandom};
use domain::{
    Actor, Event, GrantId, OrgId, Origin, SessionId, Stamp, Time, UserId, WebhookId,
    authorization::{
        policy::{Access, Standing, SystemScope},
        principal::Principal,
    },
    delivery::webhooks::{DeliveryState, quota::Quotas},
    identity::{accounts::Person, authentications::Authentications, entry::SignInPolicy, sessions::SessionCredential},
    tenancy::roles::{Caps, Role, RoleName},
};
use sea_orm::{ConnectionTrait, Database, EntityTrait, Set};
use uuid::Uuid;

use crate::{
    Change, Session, Settings, Store,
    core::entity::{deliveries, destinations, org_counters, organizations, users, webhooks},
    delivery::{deliveries::Making, webhooks::table::SECRET},
};

/// The authority of a test.
#[expect(clippy::disallowed_methods, reason = "a test is its own job")]
pub(crate) const SCOPE: SystemScope = SystemScope::job("test");

/// How a test's deliveries are made.
pub(crate) const MAKING: Making =
    Making { max_attempts: 3, quotas: Quotas { endpoint: 10_000, organization: 50_000, unverified: 100 } };

/// One database, and how to get rid of it.
pub(crate) struct TestDb {
    pub(crate) store: Store,
    _dir: Option<tempfile::TempDir>,
    server: Option<(String, String)>,
}

/// A moment; tests count on from it.
pub(crate) fn now() -> Time {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

pub(crate) fn at(seconds: i64) -> Time {
    now() + TimeDelta::seconds(seconds)
}

/// Runs a test on every database there is.
pub(crate) async fn everywhere(test: impl AsyncFn(&Store)) {
    let mut all = vec![sqlite().await];
    #[allow(clippy::disallowed_methods, reason = "how the tests are told of a server")]
    if let Ok(server) = std::env::var("TENANTRY_TEST_POSTGRES") {
        all.push(postgres(&server).await);
    }
    for db in all {
        Box::pin(test(&db.store)).await;
        db.drop_database().await;
    }
}

/// Runs a test on SQLite alone: one that asks its catalogue.
pub(crate) async fn on_sqlite(test: impl AsyncFn(&Store)) {
    let db = sqlite().await;
    Box::pin(test(&db.store)).await;
    db.drop_database().await;
}

/// Runs a test on every database there is, each still empty.
pub(crate) async fn on_empty(test: impl AsyncFn(&Settings)) {
    let dir = tempfile::tempdir().unwrap();
    Box::pin(test(&settings(format!("sqlite://{}", dir.path().join("test.db").display())))).await;
    #[allow(clippy::disallowed_methods, reason = "how the tests are told of a server")]
    if let Ok(server) = std::env::var("TENANTRY_TEST_POSTGRES") {
        let (url, name) = database(&server).await;
        Box::pin(test(&settings(url))).await;
        drop_database(&server, &name).await;
    }
}

/// Those of a test's database.
pub(crate) fn settings(url: String) -> Settings {
    Settings { url, max_connections: 12, application_name: "test".to_owned(), create: true, session: Session::default() }
}

async fn open(url: String) -> Store {
    let ids = Arc::new(OsRandom::new());
    let (_, masters) = MasterKeys::generate(ids.as_ref());
    let store = Store::open(&settings(url), Keyring::new(masters), ids).await.unwrap();
    store.migrate().await.unwrap();
    store.load_data_keys(now()).await.unwrap();
    store
}

async fn sqlite() -> TestDb {
    let dir = tempfile::tempdir().unwrap();
    let store = open(format!("sqlite://{}?mode=rwc", dir.path().join("test.db").display())).await;
    TestDb { store, _dir: Some(dir), server: None }
}

/// A new database on the server: its URL and its name.
async fn database(server: &str) -> (String, String) {
    let name = format!("store_{}", domain::IdGen::uuid(&OsRandom::new(), now()).simple());
    Database::connect(server).await.unwrap().execute_unprepared(&format!("create database {name}")).await.unwrap();
    (format!("{}/{name}", server.rsplit_once('/').unwrap().0), name)
}

async fn drop_database(server: &str, name: &str) {
    let drop = format!("drop database {name} with (force)");
    Database::connect(server).await.unwrap().execute_unprepared(&drop).await.unwrap();
}

async fn postgres(server: &str) -> TestDb {
    let (url, name) = database(server).await;
    TestDb { store: open(url).await, _dir: None, server: Some((server.to_owned(), name)) }
}

impl TestDb {
    async fn drop_database(self) {
        self.store.close().await;
        if let Some((server, name)) = self.server {
            drop_database(&server, &name).await;
        }
    }
}

pub(crate) fn stamp() -> Stamp {
    Stamp { actor: Actor::System("test"), origin: Origin::default(), now: now() }
}

/// An active organization with an owner.
pub(crate) async fn organization(store: &Store) -> OrgId {
    let (org, user) = (OrgId::new(store.ids.uuid(now())), store.ids.uuid(now()));
    let owner = users::ActiveModel {
        id: Set(user),
        realm: Set(Uuid::nil()),
        email: Set(format!("{}@example.com", user.simple())),
        password_hash: Set(None),
        is_platform_owner: Set(false),
        email_verified_at: Set(None),
        created_at: Set(now()),
        updated_at: Set(now()),
        deleted_at: Set(None),
    };
    users::Entity::insert(owner).exec_without_returning(&store.db).await.unwrap();
    let row = organizations::ActiveModel {
        id: Set(org.uuid()),
        slug: Set(org.to_string()),
        name: Set("Test".to_owned()),
        owner_user_id: Set(user),
        status: Set("active".to_owned()),
        tier_id: Set("tier_free".to_owned()),
        version: Set(1),
        created_at: Set(now()),
        updated_at: Set(now()),
        ..Default::default()
    };
    organizations::Entity::insert(row).exec_without_returning(&store.db).await.unwrap();
    let counters = org_counters::ActiveModel { org_id: Set(org.uuid()), members: Set(1), owners: Set(1), services: Set(0) };
    org_counters::Entity::insert(counters).exec_without_returning(&store.db).await.unwrap();
    org
}

/// What an owner of `org` may be proven with.
#[expect(clippy::disallowed_methods, reason = "a test makes up facts")]
pub(crate) async fn standing<A: Access>(store: &Store, org: OrgId) -> Standing<'static, A> {
    let nil = Uuid::nil();
    let who = SessionCredential { user: UserId::new(nil), session: SessionId::new(nil), grant: GrantId::new(nil), from: None };
    let person =
        Person::signed_in(&who, "ann@example.com".parse().unwrap(), domain::PLATFORM, true, false, Authentications::stored(None));
    let tx = store.begin(&stamp()).await.unwrap();
    let view = crate::tenancy::organizations::view(&tx, org).await.unwrap().unwrap();
    let role = Role { name: RoleName::Owner, caps: Caps::ALL };
    Standing::assembled(Principal::Person(person), view, Some(role), &SignInPolicy::default(), now())
}

/// An active endpoint with the secret `whsec_eHh4`, which has answered 2xx before.
pub(crate) async fn webhook(store: &Store, org: OrgId, events: &str) -> WebhookId {
    let id = WebhookId::new(store.ids.uuid(now()));
    let sealed = store.keyring().seal(&SECRET.place(org, &id.to_string()), b"whsec_eHh4").unwrap();
    let row = webhooks::ActiveModel {
        org_id: Set(org.uuid()),
        id: Set(id.uuid()),
        name: Set(id.to_string()),
        url: Set("https://example.com/hook".to_owned()),
        events: Set(events.to_owned()),
        secret: Set(sealed.as_str().to_owned()),
        is_active: Set(true),
        created_at: Set(now()),
        updated_at: Set(now()),
        ..Default::default()
    };
    webhooks::Entity::insert(row).exec_without_returning(&store.db).await.unwrap();
    let row = destinations::ActiveModel {
        org_id: Set(org.uuid()),
        webhook_id: Set(id.uuid()),
        due_at: Set(None),
        failures: Set(0),
        verified_at: Set(Some(now())),
        ..Default::default()
    };
    destinations::Entity::insert(row).exec_without_returning(&store.db).await.unwrap();
    id
}

/// Something that happens in `org`.
pub(crate) fn joined(store: &Store) -> Event {
    Event::UserJoined {
        user_id: UserId::new(store.ids.uuid(now())),
        email: "ann@example.com".to_owned(),
        role: "member".to_owned(),
    }
}

/// Commits `count` events of one organization in one transaction.
pub(crate) async fn commit(store: &Store, org: OrgId, count: usize) {
    let write = async |_: &crate::WriteTx| {
        let change = Change::new((), org, joined(store));
        Ok((1..count).fold(change, |change, _| change.and(org, joined(store))))
    };
    store.write(&stamp(), write).await.unwrap();
}

/// Sequences everything.
pub(crate) async fn sequence(store: &Store) -> usize {
    let mut moved = 0;
    loop {
        match store.sequence(SCOPE, now(), 1000, MAKING).await.unwrap().moved {
            0 => return moved,
            some => moved += some,
        }
    }
}

/// How many deliveries are in a state.
pub(crate) async fn count(store: &Store, state: DeliveryState) -> usize {
    let rows = deliveries::Entity::find().all(&store.db).await.unwrap();
    rows.iter().filter(|row| row.state == state as i16).count()
}

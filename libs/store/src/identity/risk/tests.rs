//! What is read by position, codes, and velocity.

use domain::{
    Result,
    authorization::policy::SystemScope,
    events::audit::RetentionDays,
    identity::risk::{Attempts, Device, EnforcementMode, Inputs, Judgement, Location, Observed},
};
use sea_orm::{EntityTrait, Set};

use super::*;
use crate::{
    Change, NoEvent,
    core::{
        entity::memberships,
        retention::Retention,
        testing::{SCOPE, at, everywhere, now, organization, stamp},
    },
    identity::accounts::tests::distinguishable,
};

const KEEP: Retention = Retention {
    events: RetentionDays { default: 100, least: 30, most: 1000 },
    deliveries_days: 10,
    idempotency_days: 1,
    sessions_days: 30,
    sign_ins_days: 30,
    refresh_days: 20,
};

/// Of which every field says something else.
fn distinguishable_settings() -> RiskSettings {
    let score = |n: i64| Score::try_from(n).unwrap();
    RiskSettings {
        enforcement_mode: EnforcementMode::Block,
        low_threshold: score(1),
        medium_threshold: score(2),
        new_device_score: score(3),
        impossible_travel_score: score(4),
        velocity_score: score(5),
        velocity_threshold: Attempts::try_from(6).unwrap(),
    }
}

async fn put(store: &Store, org: OrgId) {
    let values = vec![
        org.uuid().into(),
        "block".into(),
        1_i64.into(),
        2_i64.into(),
        3_i64.into(),
        4_i64.into(),
        5_i64.into(),
        6_i64.into(),
        now().into(),
    ];
    sql::execute(&store.db, PUT, values).await.unwrap();
}

async fn join(store: &Store, org: OrgId, user: UserId) {
    let row = memberships::ActiveModel {
        org_id: Set(org.uuid()),
        id: Set(store.ids.uuid(now())),
        user_id: Set(user.uuid()),
        role: Set("member".to_owned()),
        created_at: Set(now()),
        more_roles: Set(false),
    };
    memberships::Entity::insert(row).exec_without_returning(&store.db).await.unwrap();
}

async fn done<T>(store: &Store, at: Time, work: impl AsyncFn(&WriteTx) -> Result<T>) -> T {
    let stamp = domain::Stamp { now: at, ..stamp() };
    store.write(&stamp, async |tx| Ok(Change::silent(work(tx).await?, NoEvent::Housekeeping))).await.unwrap()
}

#[tokio::test]
async fn a_judge_read_by_position_is_the_judge() {
    everywhere(async |store: &Store| {
        let (named, other, user) = (organization(store).await, organization(store).await, distinguishable(store).await.id);
        let plain = Judge { org: named, settings: RiskSettings::default(), attempts: 0, last: None };
        let judges = async |named| done(store, now(), async |tx| tx.risk_judges(named, user, "network").await).await;
        assert_eq!(judges(Some(named)).await, [plain]);
        assert_eq!(judges(None).await, []);
        put(store, other).await;
        assert_eq!(judges(None).await, [], "whom the person does not belong to has no say");
        join(store, other, user).await;
        done(store, now(), async |tx| tx.count_sign_in_attempt("network").await).await;
        done(store, now(), async |tx| tx.count_sign_in_attempt("network").await).await;
        done(store, now(), async |tx| tx.count_sign_in_attempt("elsewhere").await).await;
        let strict = Judge { org: other, settings: distinguishable_settings(), attempts: 2, last: None };
        assert_eq!(judges(Some(named)).await, [Judge { attempts: 2, ..plain }, strict]);
        assert_eq!(judges(None).await, [strict]);
        // Four minutes later they count, another minute later they do not.
        let later = async |seconds| done(store, at(seconds), async |tx| tx.risk_judges(None, user, "network").await).await;
        assert_eq!((later(4 * 60).await[0].attempts, later(5 * 60).await[0].attempts), (2, 0));

        let place = Location {
            at: Some(Coordinates { latitude: 7, longitude: 8 }),
            country: Some("DE".to_owned()),
            city: Some("Berlin".to_owned()),
        };
        let inputs = Inputs { settings: strict.settings, observed: Observed { device: Device::New, attempts: 3, travel: None } };
        let judgement = Judgement::of(other, true, inputs);
        let session = domain::SessionId::new(store.ids.uuid(now()));
        let record = async |at, came| {
            done(store, at, async |tx| tx.record_judgement(&judgement, (user, "password"), &place, came).await).await;
        };
        record(at(1), Judged::Refused).await;
        assert_eq!(judges(None).await[0].last, None, "who was refused has not been there");
        record(at(2), Judged::Entered(session)).await;
        assert_eq!(judges(None).await[0].last, Some((Coordinates { latitude: 7, longitude: 8 }, at(2))));

        let rows: Vec<domain::identity::risk::RiskEvent> = sql::read_all(
            &sql::all(&store.db, events::LIST, vec![other.uuid().into(), 0_i64.into(), 10_i64.into(), 0_i64.into()])
                .await
                .unwrap(),
            events::read,
        )
        .unwrap();
        let newest = &rows[0];
        assert_eq!((rows.len(), newest.user_id, newest.session_id, newest.created_at), (2, user, Some(session), at(2)));
        assert_eq!((newest.score, &newest.factors[..]), (3, &["new_device".to_owned()][..]));
        assert_eq!((newest.verdict, newest.action), (judgement.assessment.verdict, judgement.assessment.action));
        assert_eq!((newest.inputs, &newest.location, newest.provider.as_str()), (inputs, &place, "password"));
    })
    .await;
}

#[tokio::test]
async fn one_code_at_a_time_a_few_tries_and_once() {
    everywhere(async |store: &Store| {
        let user = distinguishable(store).await.id;
        let put = async |now, code: &str, proven: &str| {
            done(store, now, async |tx| tx.put_sign_in_code(user, code, proven, 2, now + chrono::TimeDelta::seconds(60)).await)
                .await
        };
        let tried = async |now, code: &str, proven: &str| {
            done(store, now, async |tx| tx.try_sign_in_code(user, code, proven).await).await
        };
        assert_eq!(tried(now(), "123456", "p").await, Tried::Wrong, "there is none");
        assert!(put(now(), "123456", "p").await);
        assert!(!put(at(59), "654321", "p").await, "the first one is still good");
        assert_eq!(tried(at(1), "123456", "other password").await, Tried::Wrong);
        assert_eq!(tried(at(1), "123456", "p").await, Tried::Right);
        assert_eq!(tried(at(1), "123456", "p").await, Tried::Wrong, "used up");
        assert!(put(at(1), "111111", "p").await);
        assert!(put(at(2), "222222", "q").await, "another password, another code");
        assert_eq!((tried(at(2), "1", "q").await, tried(at(2), "2", "q").await), (Tried::Wrong, Tried::Wrong));
        assert_eq!(tried(at(2), "222222", "q").await, Tried::TooOften(at(62)));
        assert!(!put(at(61), "333333", "q").await, "no new tries by asking again");
        assert!(put(at(62), "333333", "q").await);
        assert_eq!(tried(at(122), "333333", "q").await, Tried::Wrong, "it has run out");
        let text: String = sql::one(&store.db, "select code_tag from sign_in_challenges", vec![])
            .await
            .unwrap()
            .unwrap()
            .try_get_by_index(0)
            .unwrap();
        assert!(!text.contains("333333"));
    })
    .await;
}

#[tokio::test]
async fn codes_and_tries_are_forgotten() {
    everywhere(async |store: &Store| {
        let user = distinguishable(store).await.id;
        done(store, now(), async |tx| {
            tx.count_sign_in_attempt("network").await?;
            tx.put_sign_in_code(user, "123456", "p", 2, at(60)).await
        })
        .await;
        let left = async || {
            let of = async |table| sql::count(&store.db, table, vec![]).await.unwrap();
            (of("select count(*) from sign_in_attempts").await, of("select count(*) from sign_in_challenges").await)
        };
        let scope: SystemScope = SCOPE;
        store.purge(scope, at(30), &KEEP, 10).await;
        assert_eq!(left().await, (1, 1));
        store.purge(scope, at(3600), &KEEP, 10).await;
        assert_eq!(left().await, (0, 0));
    })
    .await;
}

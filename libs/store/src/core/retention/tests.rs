use domain::{OrgId, delivery::webhooks::DeliveryState, events::audit::RetentionDays};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, Set, sea_query::Expr};

use super::Retention;
use crate::{
    Store,
    core::{
        entity::{deliveries, events, feed, heads, memberships, organizations, outbox, webhooks},
        sql,
        testing::{SCOPE, at, commit, count, everywhere, now, organization, sequence, webhook},
    },
    delivery::deliveries::{DeliveryClaim, Outcome, Verdict},
    events::audit::Seal,
};

const KEEP: Retention = Retention {
    events: RetentionDays { default: 100, least: 30, most: 1000 },
    deliveries_days: 10,
    idempotency_days: 1,
    sessions_days: 30,
    sign_ins_days: 30,
    refresh_days: 20,
};
const DAY: i64 = 86_400;

async fn purge(store: &Store, second: i64) {
    loop {
        let purged = store.purge(SCOPE, at(second), &KEEP, 2).await;
        assert!(purged.error.is_none(), "{purged:?}");
        if !purged.more {
            return;
        }
    }
}

async fn owner(store: &Store, org: OrgId) -> uuid::Uuid {
    organizations::Entity::find_by_id(org.uuid()).one(&store.db).await.unwrap().unwrap().owner_user_id
}

async fn deliver_all(store: &Store, second: i64) {
    let claim = DeliveryClaim {
        now: at(second),
        lease: store.ids.uuid(at(second)),
        lease_until: at(second + 60),
        destinations: 64,
        per_destination: 100,
        max_rows: 100,
        max_slow: 100,
    };
    let jobs = store.claim_deliveries(SCOPE, claim).await.unwrap();
    let breaker = domain::delivery::webhooks::circuit::Breaker { after_failures: 0, first: chrono::TimeDelta::zero() };
    let verdict = Verdict::Delivered { status: 200, body: String::new() };
    let outcomes: Vec<_> = jobs
        .iter()
        .map(|job| Outcome { ticket: job.ticket, at: at(second), duration_ms: 1, not_before: None, verdict: verdict.clone() })
        .collect();
    store.settle_deliveries(SCOPE, at(second), breaker, &outcomes).await.unwrap();
}

async fn soft_delete(store: &Store, org: OrgId) {
    let update = organizations::Entity::update_many().col_expr(organizations::Column::DeletedAt, Expr::value(now()));
    update.filter(organizations::Column::Id.eq(org.uuid())).exec(&store.db).await.unwrap();
}

#[tokio::test]
async fn a_deleted_organization_goes_after_its_last_delivery_and_its_events_go_with_their_age() {
    everywhere(async |store: &Store| {
        let (gone, stays) = (organization(store).await, organization(store).await);
        for org in [gone, stays] {
            webhook(store, org, "user.joined").await;
            let row = memberships::ActiveModel {
                org_id: Set(org.uuid()),
                id: Set(store.ids.uuid(now())),
                user_id: Set(owner(store, org).await),
                role: Set("owner".to_owned()),
                created_at: Set(now()),
                more_roles: Set(false),
            };
            memberships::Entity::insert(row).exec_without_returning(&store.db).await.unwrap();
            commit(store, org, 5).await;
        }
        soft_delete(store, gone).await;
        purge(store, 1).await;
        assert_eq!(outbox::Entity::find().count(&store.db).await.unwrap(), 10);
        sequence(store).await;
        purge(store, 2).await;
        assert_eq!(count(store, DeliveryState::Waiting).await, 10);
        deliver_all(store, 3).await;
        purge(store, 4).await;
        assert_eq!(
            organizations::Entity::find().all(&store.db).await.unwrap().iter().map(|row| row.id).collect::<Vec<_>>(),
            [stays.uuid()]
        );
        assert_eq!(webhooks::Entity::find().count(&store.db).await.unwrap(), 1);
        assert_eq!(memberships::Entity::find().count(&store.db).await.unwrap(), 1);
        assert_eq!(events::Entity::find().count(&store.db).await.unwrap(), 10);
        // Long after, nothing of it is left; the other's chain keeps its anchor. But nothing goes that is not sealed.
        purge(store, 101 * DAY).await;
        assert_eq!(events::Entity::find().count(&store.db).await.unwrap(), 10);
        assert_eq!(store.seal(SCOPE, at(101 * DAY), Seal::All).await.unwrap(), 10);
        purge(store, 202 * DAY).await;
        assert_eq!(deliveries::Entity::find().count(&store.db).await.unwrap(), 0);
        assert_eq!(events::Entity::find().count(&store.db).await.unwrap(), 0);
        let rest = feed::Entity::find().all(&store.db).await.unwrap();
        assert_eq!(rest.iter().map(|row| (row.org_id, row.seq)).collect::<Vec<_>>(), [(stays.uuid(), 5)]);
        assert_eq!(heads::Entity::find().count(&store.db).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_deleted_keeps_nothing_else_from_going() {
    everywhere(async |store: &Store| {
        let gone = organization(store).await;
        soft_delete(store, gone).await;
        sql::execute(&store.db, "alter table idempotency rename to elsewhere", vec![]).await.unwrap();
        let purged = store.purge(SCOPE, at(1), &KEEP, 2).await;
        assert!(purged.error.is_some());
        assert_eq!((purged.organizations, organizations::Entity::find().count(&store.db).await.unwrap()), (1, 0));
    })
    .await;
}

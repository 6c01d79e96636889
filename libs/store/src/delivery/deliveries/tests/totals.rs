use domain::{Total, WebhookId};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait};

use super::super::DeliveryFilter;
use crate::{
    Store,
    core::{
        entity::webhooks,
        testing::{at, everywhere},
    },
};

/// Makes `count` deliveries like the one there is.
async fn many(store: &Store, count: i64) {
    let id = match store.db.get_database_backend() {
        DbBackend::Sqlite => "unhex(printf('%032x', n.i))",
        _ => "lpad(to_hex(n.i), 32, '0')::uuid",
    };
    let same = "webhook_id, event_id, event_type, state, attempts, max_attempts, next_at, created_at, updated_at";
    let text = format!(
        "insert into deliveries (org_id, id, {same})
         select d.org_id, {id}, {same}
         from (with recursive n(i) as (select 1 union all select i + 1 from n where i < {count}) select i from n) as n
         cross join (select * from deliveries limit 1) as d"
    );
    store.db.execute_unprepared(&text).await.unwrap();
}

#[tokio::test]
async fn totals_are_exact_to_ten_thousand_and_those_of_long_histories_are_believed_for_seconds() {
    everywhere(async |store: &Store| {
        super::queued(store, 1).await;
        let hook = webhooks::Entity::find().one(&store.db).await.unwrap().unwrap();
        let (org, hook) = (domain::OrgId::new(hook.org_id), WebhookId::new(hook.id));
        let waiting = DeliveryFilter { delivered: Some(false), event_type: None };
        let arrived = DeliveryFilter { delivered: Some(true), event_type: None };
        let total = async |filter: &DeliveryFilter, second| store.delivery_total(org, hook, filter, at(second)).await.unwrap();
        assert_eq!(total(&DeliveryFilter::default(), 0).await, Total::exact(1));
        many(store, 1999).await;
        for filter in [DeliveryFilter::default(), waiting.clone()] {
            assert_eq!(total(&filter, 0).await, Total::exact(2000), "the total of a short history is not kept");
        }
        store.db.execute_unprepared("delete from deliveries").await.unwrap();
        for (filter, then) in [(DeliveryFilter::default(), 0), (waiting.clone(), 0), (arrived, 0)] {
            let long = if filter.delivered == Some(true) { 0 } else { 2000 };
            assert_eq!(total(&filter, 4).await, Total::exact(long), "nobody counts again within seconds");
            assert_eq!(total(&filter, 10).await, Total::exact(then));
        }
        super::queued(store, 1).await;
        let hook = webhooks::Entity::find().all(&store.db).await.unwrap().into_iter().find(|row| row.id != hook.uuid()).unwrap();
        let (org, hook) = (domain::OrgId::new(hook.org_id), WebhookId::new(hook.id));
        many(store, 10_004).await;
        // The one there was before them is the newest.
        store.db.execute_unprepared("update deliveries set event_type = 'user.left', state = 2").await.unwrap();
        for (n, what, row) in [(1, "rare", 6), (0, "older", 5)] {
            let id = match store.db.get_database_backend() {
                DbBackend::Sqlite => format!("unhex(printf('%032x', {row}))"),
                _ => format!("lpad(to_hex({row}), 32, '0')::uuid"),
            };
            store
                .db
                .execute_unprepared(&format!("update deliveries set event_type = '{what}', state = 3 where id = {id}"))
                .await
                .unwrap();
            let rare = DeliveryFilter { event_type: Some(what.to_owned()), delivered: None };
            let total = store.delivery_total(org, hook, &rare, at(0)).await.unwrap();
            assert_eq!(total, Total { n, is_minimum: true }, "only the newest are looked at: {what}");
        }
        let arrived = DeliveryFilter { delivered: Some(true), event_type: None };
        for (filter, n) in [(DeliveryFilter::default(), 10_000), (arrived, 9_999), (waiting, 1)] {
            let total = store.delivery_total(org, hook, &filter, at(0)).await.unwrap();
            assert_eq!(total, Total { n, is_minimum: true });
        }
    })
    .await;
}

use domain::{Kind, applications::clients::AuthMethod};
use futures::future::join_all;

use crate::{
    Change, NoEvent,
    core::testing::{everywhere, now, stamp},
};

use super::*;

fn client(store: &Store) -> PlatformClient {
    let id = store.ids.uuid(now());
    PlatformClient {
        id: ClientId::new(id),
        client_id: id.simple().to_string(),
        name: "Billing".parse().unwrap(),
        auth_method: AuthMethod::ClientSecret,
        keys: None,
        old_secret_until: None,
        created_at: now(),
        updated_at: now(),
    }
}

async fn add(store: &Store, count: i64) -> Result<()> {
    let all: Vec<_> = (0..count).map(|_| client(store)).collect();
    store
        .write(&stamp(), async |tx| {
            for client in &all {
                tx.insert_platform_client(client).await?;
            }
            Ok(Change::silent((), NoEvent::Housekeeping))
        })
        .await
}

#[tokio::test]
async fn the_limit_holds_however_many_come_at_once() {
    everywhere(async |store: &Store| {
        add(store, MAX_CLIENTS - 1).await.unwrap();
        let added = join_all((0..8).map(|_| add(store, 1))).await;
        assert_eq!(added.iter().filter(|added| added.is_ok()).count(), 1, "{added:?}");
        for refused in added.into_iter().filter_map(Result::err) {
            assert_eq!((refused.kind, refused.code), (Kind::Conflict, "client_limit"));
        }
        let count = sql::count(&store.db, COUNT, vec![PLATFORM.uuid().into()]).await.unwrap();
        assert_eq!(count, MAX_CLIENTS);
    })
    .await;
}

use std::{pin::pin, time::Duration};

use domain::{Kind, applications::clients::AuthMethod};
use futures::future::join;
use tokio::{sync::Notify, time::timeout};

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
        sign_in: domain::applications::clients::SignInSettings::default(),
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
        let (one, is_written, may_commit) = (client(store), Notify::new(), Notify::new());
        let stamp = stamp();
        let last = store.write(&stamp, async |tx| {
            tx.insert_platform_client(&one).await?;
            is_written.notify_one();
            may_commit.notified().await;
            Ok(Change::silent((), NoEvent::Housekeeping))
        });
        let more = async {
            is_written.notified().await;
            // It waits for the last, which is not committed yet: who only counted would see room.
            let mut more = pin!(add(store, 1));
            let early = timeout(Duration::from_secs(1), &mut more).await;
            assert!(early.is_err(), "{early:?}");
            may_commit.notify_one();
            more.await
        };
        let (last, more) = join(last, more).await;
        last.unwrap();
        let refused = more.unwrap_err();
        assert_eq!((refused.kind, refused.code), (Kind::Conflict, "client_limit"));
        let count = sql::count(&store.db, COUNT, vec![PLATFORM.uuid().into()]).await.unwrap();
        assert_eq!(count, MAX_CLIENTS);
    })
    .await;
}

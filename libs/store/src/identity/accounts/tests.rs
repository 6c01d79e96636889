use chrono::TimeDelta;
use domain::PLATFORM;

use super::*;
use crate::core::testing::{at, everywhere, now};

/// An account of which every column says something else.
pub(crate) async fn distinguishable(store: &Store) -> User {
    let id = store.ids.uuid(now());
    let row = users::ActiveModel {
        id: Set(id),
        realm: Set(PLATFORM.uuid()),
        email: Set(format!("{}@example.com", id.simple())),
        password_hash: Set(Some("hash".to_owned())),
        is_platform_owner: Set(true),
        email_verified_at: Set(Some(at(1))),
        created_at: Set(at(2)),
        updated_at: Set(at(3)),
        deleted_at: Set(None),
    };
    users::Entity::insert(row).exec_without_returning(&store.db).await.unwrap();
    user(users::Entity::find_by_id(id).one(&store.db).await.unwrap().unwrap())
}

#[tokio::test]
async fn an_account_read_by_position_is_the_account() {
    const ONE: Sql = sql!("select {user} from users u where u.id = $1", user = USER_COLUMNS);
    everywhere(async |store: &Store| {
        let open = distinguishable(store).await;
        assert_eq!((open.created_at, open.updated_at), (at(2), at(3)));
        for deleted_at in [None, Some(now() - TimeDelta::days(1))] {
            let row = users::ActiveModel { id: Set(open.id.uuid()), deleted_at: Set(deleted_at), ..Default::default() };
            users::Entity::update(row).exec(&store.db).await.unwrap();
            let row = sql::one(&store.db, ONE, vec![open.id.uuid().into()]).await.unwrap().unwrap();
            let read = next_user(open.id, &mut Columns::of(&row)).unwrap();
            assert_eq!(read, User { deleted_at, ..open.clone() });
        }
    })
    .await;
}

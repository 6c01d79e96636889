use super::*;
use crate::{
    core::testing::{at, everywhere, now, organization},
    identity::accounts::tests::distinguishable,
};

#[tokio::test]
async fn a_member_read_by_position_is_the_member() {
    everywhere(async |store: &Store| {
        let (org, user) = (organization(store).await, distinguishable(store).await);
        let made = Membership {
            id: MembershipId::new(store.ids.uuid(now())),
            org_id: org,
            user_id: user.id,
            role: RoleName::Admin,
            created_at: at(9),
        };
        let row = memberships::ActiveModel {
            org_id: Set(org.uuid()),
            id: Set(made.id.uuid()),
            user_id: Set(user.id.uuid()),
            role: Set(made.role.to_string()),
            created_at: Set(made.created_at),
            more_roles: Set(false),
        };
        memberships::Entity::insert(row).exec_without_returning(&store.db).await.unwrap();
        let page = || vec![org.uuid().into(), 10_i64.into(), 0_i64.into()];
        let of_role = page().into_iter().chain(["admin".into()]).collect();
        for (text, values) in [(PAGE, page()), (PAGE_OF_ROLE, of_role)] {
            let rows = sql::all(&store.db, text, values).await.unwrap();
            let read: Vec<Member> = sql::read_all(&rows, |row| read_member(org, row)).unwrap();
            assert_eq!(read, [Member { membership: made.clone(), user: user.clone() }]);
        }
    })
    .await;
}

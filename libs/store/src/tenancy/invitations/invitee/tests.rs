use super::*;
use crate::{
    Store,
    core::{
        entity::memberships,
        testing::{at, everywhere, now, organization},
    },
    identity::accounts::tests::distinguishable,
};

async fn invite(store: &Store, org: OrgId, by: UserId, email: &str, expires: i64) {
    let row = invitations::ActiveModel {
        org_id: Set(org.uuid()),
        id: Set(store.ids.uuid(now())),
        email: Set(email.to_owned()),
        pending_email: Set(Some(email.to_owned())),
        role: Set("member".to_owned()),
        invited_by: Set(by.uuid()),
        status: Set(InvitationStatus::Pending.as_str().to_owned()),
        token_hash: Set(email.to_owned()),
        expires_at: Set(at(expires)),
        created_at: Set(now()),
        updated_at: Set(now()),
    };
    invitations::Entity::insert(row).exec_without_returning(&store.db).await.unwrap();
}

#[tokio::test]
async fn an_invitees_state_is_read_as_it_was_selected() {
    everywhere(async |store: &Store| {
        let (org, inviter) = (organization(store).await, distinguishable(store).await);
        let member = distinguishable(store).await;
        let row = memberships::ActiveModel {
            org_id: Set(org.uuid()),
            id: Set(store.ids.uuid(now())),
            user_id: Set(member.id.uuid()),
            role: Set("member".to_owned()),
            created_at: Set(now()),
            more_roles: Set(false),
        };
        memberships::Entity::insert(row).exec_without_returning(&store.db).await.unwrap();
        for (email, expires) in [("ann@example.com", 60), ("bob@example.com", 60), ("cy@example.com", -60)] {
            invite(store, org, inviter.id, email, expires).await;
        }
        for (email, is_member, ran_out) in
            [(member.email.as_str(), true, false), ("cy@example.com", false, true), ("ann@example.com", false, false)]
        {
            let values = vec![org.uuid().into(), email.into(), now().into(), inviter.id.uuid().into(), PLATFORM.uuid().into()];
            let row = sql::one(&store.db, INVITEE_STATE, values).await.unwrap().unwrap();
            let state = invitee_state(inviter.id, &row).unwrap();
            assert_eq!((state.is_member, state.ran_out), (is_member, ran_out), "{email}");
            assert_eq!(state.inviter, inviter);
        }
    })
    .await;
}

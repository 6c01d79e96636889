use std::sync::Arc;

use domain::{Event, InvitationId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use crate::{
    Change, NoEvent, Store, WriteTx,
    core::{
        entity::{events, invitations, organizations},
        testing::{SCOPE, at, everywhere, now, organization},
    },
};

async fn expire(store: &Store, second: i64) -> usize {
    let work = async |tx: Arc<WriteTx>| {
        let ran_out = tx.expire_invitations(SCOPE, 10).await?;
        let change = Change::silent(ran_out.len(), NoEvent::Housekeeping);
        Ok(ran_out.into_iter().fold(change, |change, invitation| {
            change.and(invitation.org, Event::InvitationExpired { invitation_id: invitation.id, email: invitation.email })
        }))
    };
    store.write_as_job(SCOPE, at(second), work).await.unwrap()
}

#[tokio::test]
async fn invitations_that_ran_out_are_closed_with_an_event_each() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        let owner = organizations::Entity::find_by_id(org.uuid()).one(&store.db).await.unwrap().unwrap().owner_user_id;
        for n in 0..3_i64 {
            let id = InvitationId::new(store.ids.uuid(now()));
            let row = invitations::ActiveModel {
                org_id: Set(org.uuid()),
                id: Set(id.uuid()),
                email: Set(format!("a{n}@example.com")),
                pending_email: Set(Some(format!("a{n}@example.com"))),
                role: Set("member".to_owned()),
                invited_by: Set(owner),
                status: Set("pending".to_owned()),
                token_hash: Set(id.to_string()),
                expires_at: Set(at(n * 10)),
                created_at: Set(now()),
                updated_at: Set(now()),
            };
            invitations::Entity::insert(row).exec_without_returning(&store.db).await.unwrap();
        }
        assert!(store.any_invitation_ran_out(SCOPE, at(15)).await.unwrap());
        assert_eq!(expire(store, 15).await, 2);
        assert!(!store.any_invitation_ran_out(SCOPE, at(15)).await.unwrap());
        assert_eq!(expire(store, 15).await, 0);
        let closed = invitations::Entity::find().filter(invitations::Column::Status.eq("expired")).all(&store.db).await.unwrap();
        assert!(closed.len() == 2 && closed.iter().all(|row| row.pending_email.is_none()));
        let logged = events::Entity::find().filter(events::Column::Name.eq("invitation.expired")).all(&store.db).await.unwrap();
        assert!(logged.len() == 2 && logged.iter().all(|row| row.actor_kind == "system"));
    })
    .await;
}

use domain::{
    GrantId, OrgId, SessionId, UserId,
    identity::entry::{Requirement, SignInPolicy},
    tenancy::{organizations::OrgStatus, roles::RoleName},
};

use crate::{
    Store,
    core::{
        entity::{memberships, organizations, sessions},
        testing::{at, everywhere, now, organization, stamp},
    },
    identity::accounts::tests::distinguishable,
};

use super::*;

const AUTHN: &str = r#"[{"m":"pwd","t":1764000000},{"m":"totp","t":1764000001}]"#;

async fn session(store: &Store, user: UserId) -> SessionId {
    let id = store.ids.uuid(now());
    let row = sessions::ActiveModel {
        id: Set(id),
        user_id: Set(user.uuid()),
        method: Set("password".to_owned()),
        created_at: Set(now()),
        last_seen_at: Set(now()),
        expires_at: Set(at(60)),
        authn: Set(Some(AUTHN.to_owned())),
        ..Default::default()
    };
    sessions::Entity::insert(row).exec_without_returning(&store.db).await.unwrap();
    SessionId::new(id)
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

#[tokio::test]
async fn a_grant_read_by_position_is_the_grant() {
    everywhere(async |store: &Store| {
        let (org, user) = (organization(store).await, distinguishable(store).await);
        let policy = SignInPolicy { mfa: Requirement::Required, ..SignInPolicy::default() };
        let slug = organizations::ActiveModel {
            id: Set(org.uuid()),
            slug: Set("acme".to_owned()),
            sign_in_policy: Set(policy.to_text()),
            ..Default::default()
        };
        organizations::Entity::update(slug).exec(&store.db).await.unwrap();
        let made = GrantRow {
            id: GrantId::new(store.ids.uuid(now())),
            session_id: session(store, user.id).await,
            user_id: user.id,
            org_id: org,
        };
        let row = grants::ActiveModel {
            id: Set(made.id.uuid()),
            session_id: Set(made.session_id.uuid()),
            user_id: Set(user.id.uuid()),
            org_id: Set(org.uuid()),
            refresh_hash: Set("hash".to_owned()),
            refresh_expires_at: Set(at(60)),
            created_at: Set(now()),
            revoked_at: Set(None),
            ..Default::default()
        };
        grants::Entity::insert(row).exec_without_returning(&store.db).await.unwrap();
        for belongs in [false, true] {
            if belongs {
                join(store, org, user.id).await;
            }
            let tx = store.begin(&stamp()).await.unwrap();
            let row = sql::one(&tx.tx, PRESENTED, vec!["hash".into(), now().into(), at(-1).into()]).await.unwrap().unwrap();
            let found = refreshable(&tx, &row).unwrap();
            tx.rollback().await.unwrap();
            assert_eq!(found.at, now(), "both clocks are this machine's");
            assert_eq!((found.grant, found.user, found.signed_in_at), (made.clone(), user.clone(), now()));
            let role = belongs.then_some(RoleName::Member);
            let entrance = Entrance { status: OrgStatus::Active, role, policy: policy.clone(), guest: false };
            assert_eq!(found.organization, Some((Slug::stored("acme".to_owned()), entrance)));
            assert_eq!(found.did, Authentications::stored(Some(AUTHN)));
        }
    })
    .await;
}

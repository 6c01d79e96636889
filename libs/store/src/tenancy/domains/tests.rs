use domain::tenancy::domains::{DomainKind, LoginPolicy};

use super::*;
use crate::{
    Store,
    core::testing::{SCOPE, at, everywhere, now, organization},
};

/// A domain with another value in every column.
fn distinguishable(store: &Store, org: OrgId) -> Domain {
    Domain {
        org_id: org,
        id: DomainId::new(store.ids.uuid(now())),
        kind: DomainKind::SignIn,
        name: DomainName::stored("acme.example".to_owned()),
        token: store.ids.uuid(now()),
        route: Route { connection: None, login_policy: LoginPolicy::UpstreamOnly, announce: false },
        proven: Some((Proof::Http, at(1))),
        checked_at: Some(at(2)),
        failing: Some(Failing { since: at(3), checks: 4 }),
        next_check_at: Some(at(5)),
        created_at: at(6),
        updated_at: at(7),
    }
}

#[tokio::test]
async fn a_domain_read_by_position_is_the_domain() {
    everywhere(async |store: &Store| {
        let org = organization(store).await;
        let is = distinguishable(store, org);
        sql::execute(&store.db, INSERT, values(&is)).await.unwrap();
        let claimed = store.claim_due_domains(SCOPE, at(5), at(9), 10).await.unwrap();
        let expected = Domain { next_check_at: Some(at(9)), ..is };
        assert_eq!(claimed, [expected]);
        assert_eq!(store.claim_due_domains(SCOPE, at(8), at(9), 10).await.unwrap(), [], "somebody has it");
        let unproven = Domain { proven: None, checked_at: None, failing: None, next_check_at: None, ..claimed[0].clone() };
        save_state(&store.db, &unproven).await.unwrap();
        let row = sql::one(&store.db, "select * from domains", vec![]).await.unwrap().unwrap();
        assert_eq!(row.try_get::<Option<String>>("", "proof").unwrap(), None);
    })
    .await;
}

use domain::authorization::policy::decide;

use super::*;
use crate::{
    Change, NoEvent,
    core::testing::{everywhere, organization, stamp, standing},
};

#[tokio::test]
async fn what_is_sealed_is_the_secret_and_bound_to_organization_and_provider() {
    everywhere(async |store: &Store| {
        let (org, other) = (organization(store).await, organization(store).await);
        let write = standing::<Write>(store, org).await;
        // The second takes the place of the first.
        for secret in ["another-secret", "the-secret"] {
            let put = async |tx: &WriteTx| {
                let (id, secret) = ("the-id".parse().unwrap(), secret.parse().unwrap());
                tx.put_oauth_credentials(decide(&write)?, SocialProvider::Github, &id, &secret).await?;
                Ok(Change::silent((), NoEvent::Housekeeping))
            };
            store.write(&stamp(), put).await.unwrap();
        }
        let row = sql::one(&store.db, "select client_id, client_secret from oauth_credentials", vec![]).await.unwrap().unwrap();
        let (id, sealed): (String, String) = (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap());
        let open = async |org, provider| store.open_sealed(&CLIENT_SECRET.place(org, provider), &sealed.clone().into()).await;
        assert_eq!((id.as_str(), open(org, "github").await.unwrap().as_slice()), ("the-id", b"the-secret".as_slice()));
        assert!(open(org, "google").await.is_err() && open(other, "github").await.is_err());
    })
    .await;
}

use domain::{
    applications::{
        billing::platform::{BillingAccount, Bought},
        subscriptions::SubscriptionStatus,
    },
    authorization::policy::decide,
};

use super::*;
use crate::{
    Change, NoEvent,
    core::testing::{SCOPE, at, everywhere, organization, stamp, standing},
};

#[tokio::test]
async fn what_is_sealed_are_the_secrets_and_each_is_bound_to_its_place() {
    everywhere(async |store: &Store| {
        let (org, other) = (organization(store).await, organization(store).await);
        let write = standing::<Write>(store, org).await;
        // The second takes the place of the first.
        for [key, secret] in [["another-key", "another-secret"], ["the-key", "the-secret"]] {
            let put = async |tx: &WriteTx| {
                let secrets = BillingSecrets { api_key: key.parse().unwrap(), webhook_secret: secret.parse().unwrap() };
                tx.put_billing_credentials(decide(&write)?, PaymentProvider::Stripe, PaymentMode::Test, &secrets).await?;
                Ok(Change::silent((), NoEvent::Housekeeping))
            };
            store.write(&stamp(), put).await.unwrap();
        }
        let row = sql::one(&store.db, "select api_key, webhook_secret from billing_credentials", vec![]).await.unwrap().unwrap();
        let [key, secret] = [0, 1].map(|n| row.try_get_by_index::<String>(n).unwrap());
        let open = async |column: &SealedColumn, org, provider, sealed: &String| {
            store.open_sealed(&column.place(org, provider), &sealed.clone().into()).await
        };
        assert_eq!(open(&API_KEY, org, "stripe", &key).await.unwrap().as_slice(), b"the-key");
        assert_eq!(open(&WEBHOOK_SECRET, org, "stripe", &secret).await.unwrap().as_slice(), b"the-secret");
        assert!(open(&API_KEY, org, "polar", &key).await.is_err() && open(&API_KEY, other, "stripe", &key).await.is_err());
        assert!(open(&API_KEY, org, "stripe", &secret).await.is_err(), "one is not the other");
        for (caller, listener) in [(org, true), (other, false)] {
            let found = store.billing_caller(SCOPE, caller, PaymentProvider::Stripe).await.unwrap();
            assert_eq!(found.map(|account| account.secret.expose().to_owned()), listener.then(|| "the-key".to_owned()));
        }
    })
    .await;
}

#[tokio::test]
async fn what_an_organization_is_at_the_provider_is_read_back() {
    everywhere(async |store: &Store| {
        let (org, other) = (organization(store).await, organization(store).await);
        let (ours, theirs) = (standing::<Write>(store, org).await, standing::<Write>(store, other).await);
        let put = async |whose, customer: &'static str| {
            let work = async |tx: &WriteTx| {
                let new = tx.put_billing_customer(decide(whose)?, PaymentProvider::Stripe, customer).await?;
                Ok(Change::silent(new, NoEvent::Housekeeping))
            };
            store.write(&stamp(), work).await
        };
        assert!(put(&ours, "cus_1").await.unwrap());
        assert!(!put(&ours, "cus_2").await.unwrap(), "it is one already");
        assert_eq!(put(&theirs, "cus_1").await.unwrap_err().code, "payment_answer", "somebody else's");
        let locked = async |customer: &'static str| {
            let work = async |tx: &WriteTx| {
                let found = tx.lock_billing_account(SCOPE, PaymentProvider::Stripe, customer).await?;
                Ok(Change::silent(found, NoEvent::Housekeeping))
            };
            store.write(&stamp(), work).await.unwrap()
        };
        let found = locked("cus_1").await.unwrap();
        assert_eq!(found, BillingAccount { org, customer: Some("cus_1".to_owned()), customers: 1, bought: None });
        let bought = Bought {
            subscription: "sub_1".to_owned(),
            status: SubscriptionStatus::PastDue,
            until: Some(at(7)),
            told_at: at(5),
            tier: Some("tier_pro".to_owned()),
        };
        let account = BillingAccount { bought: Some(bought), ..found };
        let save = async |account: &BillingAccount| {
            let work = async |tx: &WriteTx| {
                tx.save_billing_account(SCOPE, PaymentProvider::Stripe, account).await?;
                Ok(Change::silent((), NoEvent::Housekeeping))
            };
            store.write(&stamp(), work).await.unwrap();
        };
        save(&account).await;
        assert_eq!(locked("cus_1").await, Some(account.clone()));
        save(&BillingAccount { customer: None, bought: None, ..account }).await;
        assert_eq!(locked("cus_1").await, None);
        assert!(put(&ours, "cus_3").await.unwrap());
        assert_eq!(locked("cus_3").await.unwrap().customers, 2, "another one");
    })
    .await;
}

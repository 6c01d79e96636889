use domain::identity::login_throttling::FROM_ONE_NETWORK;

use super::*;
use crate::{
    core::testing::{at, everywhere, now, stamp},
    identity::accounts::tests::distinguishable,
};

#[tokio::test]
async fn each_step_works_once_and_none_before_it() {
    everywhere(async |store: &Store| {
        let user = distinguishable(store).await.id;
        let tx = store.begin(&stamp()).await.unwrap();
        let secret = TotpSecret::stored(b"12345678901234567890");
        tx.put_totp(user, &secret).await.unwrap();
        assert!(!tx.use_totp_step(user, 5).await.unwrap(), "it is not confirmed");
        assert!(tx.confirm_totp(user, 7).await.unwrap() && !tx.confirm_totp(user, 8).await.unwrap());
        for (step, used) in [(7, false), (6, false), (8, true), (8, false), (10, true), (9, false)] {
            assert_eq!(tx.use_totp_step(user, step).await.unwrap(), used, "{step}");
        }
        let found = tx.totp(user).await.unwrap().unwrap();
        assert_eq!((found.secret, found.confirmed_at), (secret, Some(now())));
        tx.rollback().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_budget_read_in_a_transaction_is_what_was_charged_in_it() {
    everywhere(async |store: &Store| {
        let tx = store.begin(&stamp()).await.unwrap();
        assert_eq!(tx.guess_budget("one").await.unwrap(), Budget::default());
        tx.charge_factor([("one", FROM_ONE_NETWORK), ("two", FROM_ONE_NETWORK)]).await.unwrap();
        assert_eq!(tx.guess_budget("one").await.unwrap().full_at, at(10).timestamp_micros());
        tx.rollback().await.unwrap();
    })
    .await;
}

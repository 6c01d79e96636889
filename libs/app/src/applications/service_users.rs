//! Users of a service, as the service's own program manages them with its key.

use domain::{
    Event, Result, UserId,
    applications::subscriptions::ServiceUser,
    authorization::{in_service::decide_in_service, resource::ServiceUsers},
    core::value::Email,
};
use store::{Change, NoEvent};

use crate::{App, Caller};

/// Rows to skip up to here cost no more than the page does.
const NEAR: u64 = domain::Page::NEAR;

impl App {
    /// Users of the key's service, newest first, so many after so many; and how many there are.
    pub async fn list_service_users(&self, c: &Caller, window: (u64, u64)) -> Result<(Vec<ServiceUser>, i64)> {
        let (standing, service) = self.service_key_standing(c).await?;
        let scope = decide_in_service(&standing, Some(&service))?;
        self.list(scope.org(), window.1 > NEAR, self.store.list_service_users(scope, window)).await
    }

    /// One of them.
    pub async fn get_service_user(&self, c: &Caller, id: UserId) -> Result<ServiceUser> {
        let (standing, service) = self.service_key_standing(c).await?;
        self.store.get_service_user(decide_in_service(&standing, Some(&service))?, id).await
    }

    /// Adds the account of an address, which is made in the organization if it has none. It takes no seat and belongs to no organization's
    /// members. `AlreadyExists` (`already_user`), `Conflict` (`service_user_limit`, `account_closed`).
    pub async fn create_service_user(&self, c: &Caller, email: &Email) -> Result<ServiceUser> {
        self.by_service_key::<ServiceUsers, _>(c, async |tx, scope| {
            let made = tx.insert_service_user(scope, email).await?;
            let event = Event::EndUserCreated { user_id: made.user.id, email: email.to_string(), service_id: scope.service() };
            Ok(Change::new(made, scope.org(), event))
        })
        .await
    }

    /// Gives a user another address, which nobody has proven. `Forbidden` (`account_of_others`), `AlreadyExists` (`email_taken`).
    pub async fn update_service_user(&self, c: &Caller, id: UserId, email: Option<&Email>) -> Result<ServiceUser> {
        self.by_service_key::<ServiceUsers, _>(c, async |tx, scope| {
            let mut who = tx.lock_service_user(scope, id).await?;
            let Some(email) = email.filter(|email| **email != who.user.email) else {
                return Ok(Change::silent(who, NoEvent::Unchanged));
            };
            let previous_email = who.user.email.to_string();
            who.user = tx.move_service_user(scope, &who, email).await?;
            let event =
                Event::EndUserUpdated { user_id: id, previous_email, email: email.to_string(), service_id: scope.service() };
            Ok(Change::new(who, scope.org(), event))
        })
        .await
    }

    /// Removes a user from the service, with their subscription. An account that nobody else uses goes with them.
    pub async fn delete_service_user(&self, c: &Caller, id: UserId) -> Result<()> {
        self.by_service_key::<ServiceUsers, _>(c, async |tx, scope| {
            let who = tx.lock_service_user(scope, id).await?;
            tx.delete_service_user(scope, &who).await?;
            let event = Event::EndUserRemoved { user_id: id, email: who.user.email.to_string(), service_id: scope.service() };
            Ok(Change::new((), scope.org(), event))
        })
        .await
    }
}

//! Passwords: forgotten, reset, changed. A new password ends sessions, and every link that somebody who had the account could have asked
//! for with it.

use crypto::{Purpose, Verdict, opaque};
use domain::{
    Actor, Error, Event, Result,
    authorization::policy,
    core::value::{Email, Password, Slug},
    delivery::mails::Template,
    identity::accounts::{LinkPurpose, Person, User},
};
use serde_json::json;
use store::{Change, NoEvent, WriteTx, identity::accounts::Link};

use crate::{
    App, Call, Caller,
    identity::{
        accounts::{bad_link, take},
        login_throttling,
    },
    mail,
};

impl App {
    /// Mails a link to set a new password, if there is such an account; of the organization's realm if one is named.
    pub async fn forgot_password(&self, call: &Call, email: &Email, org_slug: Option<&Slug>) -> Result<()> {
        self.admit_mail(email).await?;
        let account = self.mailable(self.account_for_sign_in(org_slug, email).await?).await?;
        self.anonymously(call, async |tx| {
            let Some(account) = &account else { return self.pretend(tx, LinkPurpose::ResetPassword, email).await };
            let user = &account.user;
            let link = Link {
                purpose: LinkPurpose::ResetPassword,
                user: Some(user.id),
                email: user.email.clone(),
                password_hash: None,
                org: None,
            };
            self.mail_link(tx, &link, Template::ResetPassword, "/auth/reset-password", (user.realm, call.language)).await?;
            Ok(Change::silent((), NoEvent::LinkMailed))
        })
        .await
    }

    /// Uses up a reset link: sets the password and ends every session. The mailbox counts as proven, for the link came through it.
    pub async fn reset_password(&self, call: &Call, token: &str, password: &Password) -> Result<()> {
        if !opaque::recognises(Purpose::ResetPassword, token) {
            return Err(bad_link());
        }
        refuse_guessable("new_password", password, None)?;
        let hash = self.hasher_for(call, None).hash(password.expose()).await?;
        self.anonymously(call, async |tx| {
            let link = take(tx, LinkPurpose::ResetPassword, token).await?;
            refuse_guessable("new_password", password, Some(&link.email))?;
            let mut account = tx.lock_account(link.user.ok_or_else(bad_link)?).await?;
            // The address was changed after the link was sent: the old mailbox has no say any more.
            if account.user.email != link.email || account.user.deleted_at.is_some() {
                return Err(bad_link());
            }
            account.user.email_verified_at.get_or_insert(tx.now());
            self.set_password(tx, &account.user, hash.clone()).await?;
            tx.revoke_sessions(account.user.id, None).await?;
            // Whoever reads the person's mails is the person: no wait, whatever strangers guess meanwhile.
            tx.remember_network(&login_throttling::pair(account.user.id, call)).await?;
            tx.acts(Actor::User { id: account.user.id, email: account.user.email.clone() });
            Ok(password_changed(&account.user, "reset"))
        })
        .await
    }

    /// Changes the caller's password, which they must know; ends their other sessions.
    pub async fn change_password(&self, c: &Caller, current: &str, new: &Password) -> Result<()> {
        let person = self.person(c).await?;
        person.require_unconfined()?;
        refuse_guessable("new_password", new, Some(&person.email))?;
        let wrong = || Error::field("current_password", "wrong", "The current password is wrong.");
        let known = self.check_own_password(c, &person, current, wrong).await?;
        let hash = self.hasher_for(&c.call, Some(person.id)).hash(new.expose()).await?;
        self.as_person(c, async |tx, person| {
            let account = tx.lock_account(person.id).await?;
            if account.password_hash != known {
                return Err(Error::conflict("password_changed_meanwhile", "The password was changed meanwhile. Sign in again."));
            }
            self.set_password(tx, &account.user, hash.clone()).await?;
            tx.revoke_sessions(person.id, Some(person.session)).await?;
            Ok(password_changed(&account.user, "change"))
        })
        .await
    }

    /// Demands the caller's own password, `wrong` otherwise; guesses are counted. The hash that it was checked against.
    pub(crate) async fn check_own_password(
        &self,
        c: &Caller,
        person: &Person,
        password: &str,
        wrong: impl FnOnce() -> Error,
    ) -> Result<Option<String>> {
        let look = async {
            let budget = self.admit_password_check(person.session, c.call.now).await?;
            let known = self.store.own_account(policy::own(person)).await?.password_hash;
            let verdict = self.hasher_for(&c.call, Some(person.id)).verify(password, known.as_deref()).await?;
            if verdict == Verdict::Wrong {
                self.charge_password_check(&c.call, &budget).await?;
            }
            Ok((verdict, known))
        };
        match self.guess("password", &person.id.to_string(), look).await? {
            (Verdict::Wrong, _) => Err(wrong()),
            (_, known) => Ok(known),
        }
    }

    async fn set_password(&self, tx: &WriteTx, user: &User, hash: String) -> Result<()> {
        tx.save_account(user, Some(hash)).await?;
        // Whoever had the account before could have asked for another address with it.
        tx.drop_user_links(LinkPurpose::ResetPassword, user.id).await?;
        tx.drop_user_links(LinkPurpose::ChangeEmail, user.id).await?;
        tx.queue_mail(user.realm, &mail(Template::PasswordChanged, &user.email, json!({ "link": self.settings.public_url })))
            .await
    }
}

/// Refuses a new password that is tried first, by whoever knows the address.
pub(crate) fn refuse_guessable(field: &str, password: &Password, email: Option<&Email>) -> Result<()> {
    let about: Vec<&str> = email.map_or_else(Vec::new, |email| {
        let parts = email.as_str().split(['@', '.', '-', '_', '+']);
        [email.as_str()].into_iter().chain(email.as_str().split('@')).chain(parts).collect()
    });
    crypto::password::refuse_guessable(field, password, &about).map_err(|violation| Error::invalid(vec![violation]))
}

fn password_changed(user: &User, method: &str) -> Change<()> {
    Change::new((), user.realm, Event::PasswordChanged { user_id: user.id, method: method.to_owned() })
}

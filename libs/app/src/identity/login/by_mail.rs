//! Whom a mail opens an account to, and what becomes of who showed that they read it: the same for the code of a browser's sign-in and for the link of our
//! own API.

use domain::{
    Actor, OrgId, PLATFORM, Result,
    core::value::Slug,
    identity::authentications::{Authentication, Authentications, Method},
};
use store::{Change, WriteTx, identity::accounts::Account};

use super::{
    doors::{Arrived, Door},
    entering::{Arriving, shown_by},
};
use crate::{
    App, Call,
    identity::{login_throttling, risk::device::Shown},
};

/// Whether an account is an organization's own that nobody ever entered by a password or a mail. No mail opens it, and it
/// gets no password by one, while a provider knows it: whoever left there would come back here.
fn only_came_through_a_provider(account: &Account) -> bool {
    account.user.realm != PLATFORM && account.password_hash.is_none() && account.user.email_verified_at.is_none()
}

impl App {
    /// The account, if a mail may open it, or give it a new password: one that nobody came to but through a provider is opened by that alone.
    pub(crate) async fn mailable(&self, account: Option<Account>) -> Result<Option<Account>> {
        match account {
            Some(account)
                if only_came_through_a_provider(&account) && self.store.public_has_identity(account.user.id).await? =>
            {
                Ok(None)
            }
            account => Ok(account),
        }
    }

    /// Lets somebody in who reads the account's mail, as far as its organization's policy goes. The account is locked.
    pub(crate) async fn enter_by_mail(
        &self,
        tx: &WriteTx,
        account: Account,
        to: Option<&(OrgId, Slug)>,
        (shown, door, call): (&Shown, Door<'_>, &Call),
    ) -> Result<Change<Result<Arrived>>> {
        let Account { mut user, mut password_hash } = account;
        if user.email_verified_at.is_none() {
            // The mailbox is proven by this, and whoever made the account may have left something in it (T24).
            user.email_verified_at = Some(tx.now());
            tx.strip_account(&user).await?;
            password_hash = None;
        }
        tx.acts(Actor::User { id: user.id, email: user.email.clone() });
        let mut did = Authentications::one(Authentication::own(Method::Mail, tx.now()));
        let proven = shown_by(&did, password_hash.as_deref());
        if let Door::Browser { proof: Some(proof), .. } = door {
            did = did.and(proof.done);
        }
        let judged = door.judged(&user, &did);
        let arriving = Arriving { user: &user, proven: &proven, did: &did, judged: &judged, to, shown, door, call };
        let change = self.as_judged(tx, &arriving).await?;
        tx.count_sign_in_attempt(&login_throttling::network(tx.origin())).await?;
        Ok(change)
    }
}

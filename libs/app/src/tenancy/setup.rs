//! The first platform owner: from configuration, or by a one-time link that the server prints while there is none.

use crypto::{Purpose, opaque};
use domain::{
    Actor, Error, Event, PLATFORM, Result,
    core::value::{Email, Password},
    identity::accounts::LinkPurpose,
};
use store::{Change, NoEvent, identity::accounts::Link};

use crate::{
    App, Call,
    identity::{accounts, passwords::refuse_guessable},
};

/// The link's row names this address until somebody uses it.
const NOBODY: &str = "first-owner@setup.invalid";

impl App {
    /// Makes the configured platform owner, if there is no owner yet. The operator vouches for the address.
    pub async fn bootstrap_owner(&self, email: &Email, password: &Password) -> Result<bool> {
        if self.store.has_platform_owner().await? {
            return Ok(false);
        }
        let call = Call { origin: domain::Origin::default(), now: self.clock.now(), language: None };
        match self.become_owner(&call, None, email, password).await {
            // Another process of the same configuration was first.
            Err(e) if e.code == "platform_owned" => Ok(false),
            outcome => outcome.map(|()| true),
        }
    }

    /// A link to become the first platform owner; `None` once there is one. Links made before, by this process or another, end: there is one
    /// at a time.
    pub async fn owner_link(&self) -> Result<Option<String>> {
        if self.store.has_platform_owner().await? {
            return Ok(None);
        }
        let token = opaque::mint(Purpose::PlatformOwner, self.ids.as_ref());
        let call = Call { origin: domain::Origin::default(), now: self.clock.now(), language: None };
        let link = Link {
            purpose: LinkPurpose::PlatformOwner,
            user: None,
            email: Email::stored(NOBODY.to_owned()),
            password_hash: None,
            org: None,
        };
        let made = self
            .anonymously(&call, async |tx| {
                tx.lock_setup().await?;
                // Somebody may just have used the link before this one.
                if tx.any_platform_owner().await? {
                    return Ok(Change::silent(false, NoEvent::Unchanged));
                }
                tx.drop_address_links(LinkPurpose::PlatformOwner, &link.email).await?;
                tx.insert_link(&link, token.hash.clone()).await?;
                Ok(Change::silent(true, NoEvent::Housekeeping))
            })
            .await?;
        Ok(made.then(|| self.link("/setup", &token.text)))
    }

    /// A link to set a new password, for a platform owner who lost theirs, on the word of whoever runs the server. It ends what was mailed
    /// or made before; the account's sessions end when it is used.
    pub async fn reset_platform_owner(&self, email: &Email) -> Result<String> {
        let token = opaque::mint(Purpose::ResetPassword, self.ids.as_ref());
        let call = Call { origin: domain::Origin::default(), now: self.clock.now(), language: None };
        self.anonymously(&call, async |tx| {
            let nobody = || Error::conflict("no_platform_owner", "No platform owner has this address.");
            let found = tx.find_account(PLATFORM, email).await?.ok_or_else(nobody)?;
            let user = tx.lock_account(found.user.id).await?.user;
            if !user.is_platform_owner || user.deleted_at.is_some() || user.email != *email {
                return Err(nobody());
            }
            tx.drop_user_links(LinkPurpose::ResetPassword, user.id).await?;
            let link = Link {
                purpose: LinkPurpose::ResetPassword,
                user: Some(user.id),
                email: user.email.clone(),
                password_hash: None,
                org: None,
            };
            tx.insert_link(&link, token.hash.clone()).await?;
            tx.acts(Actor::System("command line"));
            Ok(Change::new((), PLATFORM, Event::PlatformOwnerReset { user_id: user.id, email: email.to_string() }))
        })
        .await?;
        Ok(self.link("/auth/reset-password", &token.text))
    }

    /// Uses up the printed link: makes the account and the first platform owner of it.
    pub async fn claim_platform(&self, call: &Call, token: &str, email: &Email, password: &Password) -> Result<()> {
        self.become_owner(call, Some(token), email, password).await
    }

    async fn become_owner(&self, call: &Call, token: Option<&str>, email: &Email, password: &Password) -> Result<()> {
        // Hashing costs; a link that cannot work is refused before it.
        if let Some(token) = token {
            let known = opaque::recognises(Purpose::PlatformOwner, token)
                && self.store.public_link(LinkPurpose::PlatformOwner, &opaque::hash(token), call.now).await?.is_some();
            if !known {
                return Err(accounts::bad_link());
            }
        }
        refuse_guessable("password", password, Some(email))?;
        let hash = self.hasher.hash(password.expose()).await?;
        self.anonymously(call, async |tx| {
            if let Some(token) = token {
                accounts::take(tx, LinkPurpose::PlatformOwner, token).await?;
            }
            tx.lock_setup().await?;
            if tx.any_platform_owner().await? {
                return Err(Error::conflict("platform_owned", "The platform has an owner already. Ask them to promote you."));
            }
            let mut user = accounts::new_user(tx, PLATFORM, email, true);
            match tx.find_account(PLATFORM, email).await? {
                Some(account) => {
                    user = domain::identity::accounts::User { is_platform_owner: true, ..account.user };
                    user.email_verified_at.get_or_insert(tx.now());
                    tx.save_account(&user, Some(hash.clone())).await?;
                    tx.revoke_sessions(user.id, None).await?;
                }
                None => {
                    user.is_platform_owner = true;
                    tx.insert_account(&user, Some(hash.clone())).await?;
                }
            }
            tx.drop_address_links(LinkPurpose::PlatformOwner, &Email::stored(NOBODY.to_owned())).await?;
            tx.acts(Actor::System("setup"));
            Ok(Change::new((), PLATFORM, Event::PlatformOwnerPromoted { user_id: user.id, email: email.to_string() }))
        })
        .await
    }
}

//! Links that sign somebody in who asked our own API for one, in place of a password. The mail leads to a page of ours that changes nothing, and that to the web
//! client, which exchanges the token; so a mail scanner opens nothing (T38). An address that nobody has is answered alike (T40).

use crypto::{Purpose, opaque};
use domain::{
    Error, Event, PLATFORM, Result,
    core::value::{Email, Slug},
    delivery::mails::Template,
    identity::accounts::LinkPurpose,
};
use store::{
    Change, NoEvent, WriteTx,
    identity::{
        accounts::{Account, Link},
        flows::Named,
    },
};

use crate::{
    App, Call,
    identity::{
        login::{
            SignedIn,
            doors::{Arrived, Door},
        },
        login_throttling,
    },
};

/// One answer for all that does not fit.
fn bad_link() -> Error {
    Error::unauthenticated("invalid_link", "This link is wrong, was used or has run out. Ask for a new one.")
}

fn no_access() -> Error {
    Error::forbidden("no_access", "This account has no access to that organization.")
}

/// Uses a link up, and locks the account that it opens; `None`: somebody was faster, the account was closed, or has another address meanwhile.
async fn opened(tx: &WriteTx, known: &Link, hash: &str) -> Result<Option<Account>> {
    let Some(user) = known.user else { return Ok(None) };
    let account = tx.lock_account(user).await?;
    let taken = tx.take_link(LinkPurpose::MagicLink, hash).await?;
    let opens = taken.is_some_and(|link| link.email == account.user.email) && account.user.deleted_at.is_none();
    Ok(opens.then_some(account))
}

async fn refused(tx: &WriteTx, known: &Link) -> Result<Change<Result<Arrived>>> {
    tx.count_sign_in_attempt(&login_throttling::network(tx.origin())).await?;
    let event = Event::LoginFailed { email: known.email.to_string(), reason: "invalid_link".to_owned() };
    Ok(Change::new(Err(bad_link()), known.org.unwrap_or(PLATFORM), event))
}

impl App {
    /// Mails a link to sign in, if somebody has the address and a mail counts where they want to. Says nothing about it.
    pub async fn request_magic_link(&self, call: &Call, email: &Email, org_slug: Option<&Slug>) -> Result<()> {
        self.admit_mail(email).await?;
        let (org, counts) = match org_slug {
            Some(slug) => match self.store.public_organization(slug).await? {
                Some(org) => (Some(org), self.store.public_sign_in_policy(org).await?.takes_mail()),
                None => (None, false),
            },
            None => (None, true),
        };
        let account = self.mailable(self.account_for_sign_in(org_slug, email).await?).await?;
        self.anonymously(call, async |tx| {
            let Some(account) = account.as_ref().filter(|_| counts) else {
                return self.pretend(tx, LinkPurpose::MagicLink, email).await;
            };
            let (purpose, user) = (LinkPurpose::MagicLink, &account.user);
            // The newest counts alone: an older mail is no second key.
            tx.drop_user_links(purpose, user.id).await?;
            let link = Link { purpose, user: Some(user.id), email: user.email.clone(), password_hash: None, org };
            self.mail_link(tx, &link, Template::MagicLink, "/magic-link", (user.realm, call.language)).await?;
            Ok(Change::silent((), NoEvent::LinkMailed))
        })
        .await
    }

    /// Uses a link up and signs in. `Unauthenticated` for one that does not work, `Forbidden` without access to the organization.
    pub async fn magic_link_sign_in(&self, call: &Call, token: &str, device: Option<&str>) -> Result<SignedIn> {
        if !opaque::recognises(Purpose::MagicLink, token) {
            return Err(bad_link());
        }
        self.fresh_keys(call.now).await?;
        let shown = self.shown_device(device).await?;
        let hash = opaque::hash(token);
        // What is locked first is the account, as everywhere.
        let Some(known) = self.store.public_link(LinkPurpose::MagicLink, &hash, call.now).await? else { return Err(bad_link()) };
        let to = match known.org {
            Some(org) => self.store.public_organization_named(Named::Id(org)).await?.map(|org| (org.id, org.slug)),
            None => None,
        };
        self.anonymously(call, async |tx| {
            let Some(account) = opened(tx, &known, &hash).await? else {
                return refused(tx, &known).await;
            };
            // Its organization is gone.
            if known.org.is_some() && to.is_none() {
                return Ok(Change::silent(Err(no_access()), NoEvent::Housekeeping));
            }
            match self.enter_by_mail(tx, account, to.as_ref(), (&shown, Door::Api, call)).await {
                // The link is used up.
                Err(e) if e.code == "no_access" => Ok(Change::silent(Err(e), NoEvent::Housekeeping)),
                change => change,
            }
        })
        .await??
        .tokens()
    }
}

//! Accounts: sign-up, one-time links, the address. Passwords have a file of their own.
//!
//! A sign-up makes no account: it makes a link that carries the hashed password. The account comes to be when whoever got the mail uses
//! the link *and* gives that password: so nobody can prepare an account for somebody else's address by having them press a button, and an
//! address that has an account answers, and works, exactly like one that has none (T24, T40). Links are used up by POST only; a mail
//! scanner that follows them changes nothing (T38).

use std::time::Duration;

use crypto::{Purpose, Verdict, opaque};
use domain::{
    Actor, Error, Event, OrgId, PLATFORM, Result, UserId,
    authorization::policy,
    core::{
        ports::RateRequest,
        rate::Limit,
        value::{Email, Password, Slug},
    },
    delivery::{
        mail_templates::Language,
        mails::{Mail, Template},
    },
    identity::accounts::{LinkPurpose, Person, User},
};
use serde_json::json;
use store::{Change, NoEvent, WriteTx, identity::accounts::Link};

use crate::{
    App, Call, Caller,
    core::limits::rate_request,
    identity::{login_throttling, passwords::refuse_guessable},
    mail,
};

/// Mails to one address: three at once, then one each five minutes.
const MAIL_PER_ADDRESS: Limit = Limit { burst: 3, period: Duration::from_secs(300) };

/// A mail to be counted against whom it goes to, whoever asks for it.
pub(crate) fn mail_to(email: &Email) -> RateRequest {
    rate_request("mail", email.as_str(), MAIL_PER_ADDRESS)
}

pub(crate) fn bad_link() -> Error {
    Error::conflict("link_invalid", "This link is not valid any more. Ask for a new one.")
}

/// The purpose of the token behind a link.
fn token_purpose(purpose: LinkPurpose) -> Purpose {
    match purpose {
        LinkPurpose::VerifyEmail => Purpose::VerifyEmail,
        LinkPurpose::ResetPassword => Purpose::ResetPassword,
        LinkPurpose::ChangeEmail => Purpose::ChangeEmail,
        LinkPurpose::MagicLink => Purpose::MagicLink,
        LinkPurpose::PlatformOwner | LinkPurpose::Decoy => Purpose::PlatformOwner,
    }
}

impl App {
    pub(crate) async fn admit_mail(&self, email: &Email) -> Result<()> {
        self.admit("mails", &[mail_to(email)]).await
    }

    /// Stores a one-time link and queues the mail that carries it.
    pub(crate) async fn mail_link(
        &self,
        tx: &WriteTx,
        link: &Link,
        template: Template,
        path: &str,
        (realm, language): (OrgId, Option<Language>),
    ) -> Result<()> {
        let token = opaque::mint(token_purpose(link.purpose), self.ids.as_ref());
        tx.insert_link(link, token.hash).await?;
        // A decoy's mail leads to the front page.
        let shown =
            if link.purpose == LinkPurpose::Decoy { self.settings.public_url.clone() } else { self.link(path, &token.text) };
        let lifetime = link.purpose.lifetime();
        let context = json!({ "link": shown, "hours": lifetime.num_hours(), "minutes": lifetime.num_minutes() });
        tx.queue_mail(realm, &Mail { language, ..mail(template, &link.email, context) }).await
    }

    /// Does the work of [`App::mail_link`] without a mail, so that an address without an account takes as long as one with one.
    pub(crate) async fn pretend(&self, tx: &WriteTx, purpose: LinkPurpose, email: &Email) -> Result<Change<()>> {
        let token = opaque::mint(token_purpose(purpose), self.ids.as_ref());
        tx.insert_link(
            &Link { purpose: LinkPurpose::Decoy, user: None, email: email.clone(), password_hash: None, org: None },
            token.hash,
        )
        .await?;
        tx.queue_nothing(PLATFORM, &mail(Template::ResetPassword, email, json!({ "link": self.link("/", &token.text) }))).await?;
        Ok(Change::silent((), NoEvent::LinkMailed))
    }

    /// Starts a sign-up: mails a link to confirm the address. Answers and works alike whether or not the address has an account.
    pub async fn register(&self, call: &Call, email: &Email, password: &Password) -> Result<()> {
        refuse_guessable("password", password, Some(email))?;
        self.admit_mail(email).await?;
        let hash = self.hasher_for(call, None).hash(password.expose()).await?;
        self.anonymously(call, async |tx| {
            let taken = tx.find_account(PLATFORM, email).await?.is_some();
            let purpose = if taken { LinkPurpose::Decoy } else { LinkPurpose::VerifyEmail };
            let link = Link { purpose, user: None, email: email.clone(), password_hash: Some(hash.clone()), org: None };
            let (template, path) =
                if taken { (Template::AccountExists, "") } else { (Template::VerifyEmail, "/auth/verify-email") };
            self.mail_link(tx, &link, template, path, (PLATFORM, call.language)).await?;
            Ok(Change::silent((), NoEvent::LinkMailed))
        })
        .await
    }

    /// Mails the link of the latest waiting sign-up again. Says nothing about whether there is one.
    pub async fn resend_verification(&self, call: &Call, email: &Email) -> Result<()> {
        self.admit_mail(email).await?;
        self.anonymously(call, async |tx| {
            let Some(link) = tx.pending_signup(email).await? else {
                return self.pretend(tx, LinkPurpose::VerifyEmail, email).await;
            };
            self.mail_link(tx, &link, Template::VerifyEmail, "/auth/verify-email", (PLATFORM, call.language)).await?;
            Ok(Change::silent((), NoEvent::LinkMailed))
        })
        .await
    }

    /// Uses up a confirmation link with the password that the sign-up was made with: the account comes to be.
    pub async fn verify_email(&self, call: &Call, token: &str, password: &str) -> Result<()> {
        if !opaque::recognises(Purpose::VerifyEmail, token) {
            return Err(bad_link());
        }
        let look = async {
            let link = self.store.public_link(LinkPurpose::VerifyEmail, &opaque::hash(token), call.now).await?;
            let hash = link.ok_or_else(bad_link)?.password_hash;
            Ok((self.hasher_for(call, None).verify(password, hash.as_deref()).await?, ()))
        };
        if self.guess("confirm", token, look).await?.0 == Verdict::Wrong {
            return Err(Error::field(
                "password",
                "wrong",
                "That is not the password this sign-up was made with. If it was not you, sign up again.",
            ));
        }
        self.anonymously(call, async |tx| {
            let link = take(tx, LinkPurpose::VerifyEmail, token).await?;
            if tx.find_account(PLATFORM, &link.email).await?.is_some() {
                return Err(bad_link());
            }
            let user = new_user(tx, PLATFORM, &link.email, true);
            // Another link to the same address may have been used in this moment.
            tx.insert_account(&user, link.password_hash)
                .await
                .map_err(|e| if e.code == "email_taken" { bad_link() } else { e })?;
            tx.drop_address_links(LinkPurpose::VerifyEmail, &link.email).await?;
            tx.remember_network(&login_throttling::pair(user.id, call)).await?;
            tx.acts(Actor::User { id: user.id, email: user.email.clone() });
            Ok(Change::new((), PLATFORM, Event::SignupSucceeded { user_id: user.id, email: link.email.to_string() }))
        })
        .await
    }

    /// The caller's account, and the organization their token is for.
    pub async fn profile(&self, c: &Caller) -> Result<(User, Option<Slug>)> {
        let person = self.reader(c).await?;
        let own = policy::own(&person);
        Ok((self.store.own_account(own).await?.user, self.store.own_grant_slug(own).await?))
    }

    /// Asks for another address: it counts once its mailbox is proven. Says nothing about whether it has an account. Whoever has the
    /// address has the account, so a token that lies about is not enough: the sign-in must be fresh, or the password given with it.
    pub async fn request_email_change(&self, c: &Caller, email: &Email, password: Option<&str>) -> Result<()> {
        self.admit_mail(email).await?;
        let person = self.person(c).await?;
        person.require_unconfined()?;
        if person.realm != PLATFORM {
            return Err(Error::forbidden("managed_account", "Your organization manages this account; ask its administrator."));
        }
        if *email != person.email {
            self.demand_presence(c, &person, password).await?;
        }
        self.as_person(c, async |tx, person| {
            if *email == person.email {
                return Ok(Change::silent((), NoEvent::Unchanged));
            }
            // A password reset ends sessions and drops these links: under the lock, the session must still live.
            tx.lock_account(person.id).await?;
            tx.person(&c.who).await?;
            tx.drop_user_links(LinkPurpose::ChangeEmail, person.id).await?;
            let taken = tx.find_account(PLATFORM, email).await?.is_some();
            let purpose = if taken { LinkPurpose::Decoy } else { LinkPurpose::ChangeEmail };
            let link = Link { purpose, user: Some(person.id), email: email.clone(), password_hash: None, org: None };
            let (template, path) =
                if taken { (Template::AccountExists, "") } else { (Template::ChangeEmail, "/auth/change-email") };
            self.mail_link(tx, &link, template, path, (PLATFORM, c.call.language)).await?;
            tx.queue_mail(PLATFORM, &mail(Template::EmailChangeRequested, &person.email, json!({ "new_email": email.shown() })))
                .await?;
            Ok(Change::silent((), NoEvent::LinkMailed))
        })
        .await
    }

    /// Demands that it is the person who asks, and not only their session: `Forbidden` (`recent_sign_in_required`).
    pub(super) async fn demand_presence(&self, c: &Caller, person: &Person, password: Option<&str>) -> Result<()> {
        if let Some(password) = password {
            let wrong = || Error::field("password", "wrong", "The password is wrong.");
            return self.check_own_password(c, person, password, wrong).await.map(|_| ());
        }
        if person.is_fresh(c.call.now) {
            return Ok(());
        }
        Err(Error::forbidden("recent_sign_in_required", "Sign in again, or send your `password` with the change."))
    }

    /// Uses up a change-of-address link, and tells the old address.
    pub async fn confirm_email_change(&self, call: &Call, token: &str) -> Result<()> {
        self.anonymously(call, async |tx| {
            let link = take(tx, LinkPurpose::ChangeEmail, token).await?;
            let mut account = tx.lock_account(link.user.ok_or_else(bad_link)?).await?;
            if account.user.deleted_at.is_some() {
                return Err(bad_link());
            }
            let previous = std::mem::replace(&mut account.user.email, link.email.clone());
            account.user.email_verified_at = Some(tx.now());
            tx.save_account(&account.user, account.password_hash)
                .await
                .map_err(|e| if e.code == "email_taken" { bad_link() } else { e })?;
            tx.drop_user_links(LinkPurpose::ResetPassword, account.user.id).await?;
            tx.queue_mail(PLATFORM, &mail(Template::EmailChanged, &previous, json!({ "new_email": link.email.shown() }))).await?;
            tx.acts(Actor::User { id: account.user.id, email: link.email.clone() });
            let event = Event::EmailChanged {
                user_id: account.user.id,
                previous_email: previous.to_string(),
                email: link.email.to_string(),
            };
            Ok(Change::new((), PLATFORM, event))
        })
        .await
    }
}

/// Uses up a link of one purpose; the same answer for unknown, used, expired and foreign ones.
pub(crate) async fn take(tx: &WriteTx, purpose: LinkPurpose, token: &str) -> Result<Link> {
    if !opaque::recognises(token_purpose(purpose), token) {
        return Err(bad_link());
    }
    tx.take_link(purpose, &opaque::hash(token)).await?.ok_or_else(bad_link)
}

/// An account that does not exist yet.
pub(crate) fn new_user(tx: &WriteTx, realm: OrgId, email: &Email, proven: bool) -> User {
    User {
        id: UserId::new(tx.uuid()),
        realm,
        email: email.clone(),
        is_platform_owner: false,
        email_verified_at: proven.then(|| tx.now()),
        created_at: tx.now(),
        updated_at: tx.now(),
        deleted_at: None,
    }
}

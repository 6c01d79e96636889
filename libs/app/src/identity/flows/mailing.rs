//! Signing in by a mail in place of a password: a code to type on the page that asked for it, and a link that leads back there. Whether anybody has the
//! address makes no difference to what is answered, or to how much work that is: a code is made either way, and mailed or not (T40).
//!
//! The link is opened by a `GET` that changes nothing, for mail scanners open it first (T38). In the browser that asked it is a button away from the
//! code's form; in another one it shows the code, and where it was asked for: whoever gets a mail that they did not ask for sees that somebody else did.

use crypto::{Purpose, opaque};
use domain::{
    Error, Event, Kind, PLATFORM, Result, Time,
    delivery::mails::{Mail, Template},
    identity::{
        flows::{FlowId, Step},
        mail_codes,
    },
};
use serde_json::json;
use store::{
    Change, NoEvent, WriteTx,
    identity::{
        accounts::Account,
        flows::{Flow, Mine},
    },
};

use super::{Browser, Loaded, Turn, steps::is_named};
use crate::{
    App, Call,
    identity::{
        login::doors::{Arrived, Door, To},
        login_throttling,
        risk::device::Shown,
    },
    mail,
};

/// A code as somebody typed it, and the address that it was mailed to.
type Typed<'a> = (&'a str, &'a domain::core::value::Email);

/// What a page behind a mailed link shows.
#[derive(Debug)]
pub struct MailedSignIn {
    /// The sign-in that it was asked for in.
    pub flow: Flow,
    /// The client's name, for people.
    pub client: String,
    /// What is to be typed there.
    pub code: String,
    /// Whether it was asked for in this browser.
    pub here: bool,
    /// From where it was asked for.
    pub ip_address: Option<String>,
    /// What asked for it calls itself.
    pub user_agent: Option<String>,
    /// When.
    pub asked_at: Time,
}

/// The code in the mail that has the link of this token.
fn code_of(token: &str) -> Result<String> {
    let hash = opaque::hash(&format!("code {token}"));
    let random = hash.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok());
    random.map(mail_codes::code).ok_or_else(|| Error::internal("a hash that is not hexadecimal"))
}

fn wrong_code() -> Error {
    Error::unauthenticated(
        "invalid_code",
        "This code is wrong, was used, has run out, or was tried too often. Take the newest mail, or ask for another.",
    )
}

impl App {
    /// Whether a mail is offered in place of a password: wherever the organization's policy takes one, to everybody alike.
    pub(super) async fn offers_mail(&self, loaded: &Loaded) -> Result<bool> {
        match &loaded.flow.organization {
            Some(org) => Ok(self.store.public_sign_in_policy(org.id).await?.takes_mail()),
            None => Ok(true),
        }
    }

    /// Mails a code and a link, if somebody has the address; the flow misses the code next either way.
    pub(super) async fn ask_mail_in_flow(&self, call: &Call, loaded: Loaded, missing: Step) -> Result<Turn> {
        let Some(email) = loaded.flow.email.clone().filter(|_| matches!(missing, Step::Password | Step::Prove | Step::MailCode))
        else {
            return Ok(Turn::Continue(loaded.flow.id));
        };
        if !self.offers_mail(&loaded).await? {
            return Ok(Turn::Continue(loaded.flow.id));
        }
        match self.admit_mail(&email).await {
            Err(e) if e.kind == Kind::RateLimited => return self.show(loaded, missing, Some(e)).await,
            admitted => admitted?,
        }
        let org_slug = loaded.flow.organization.as_ref().map(|org| &org.slug);
        let account = self.mailable(self.account_for_sign_in(org_slug, &email).await?).await?;
        self.fresh_keys(call.now).await?;
        self.anonymously(call, async |tx| {
            if tx.flow_asks_mail(loaded.mine(), &email).await? {
                self.mail_sign_in(tx, (loaded.flow.id, account.as_ref(), &email), call).await?;
            }
            Ok(Change::silent((), NoEvent::LinkMailed))
        })
        .await?;
        Ok(Turn::Continue(loaded.flow.id))
    }

    async fn mail_sign_in(
        &self,
        tx: &WriteTx,
        (flow, account, email): (FlowId, Option<&Account>, &domain::core::value::Email),
        call: &Call,
    ) -> Result<()> {
        let token = opaque::mint(Purpose::MailedSignIn, self.ids.as_ref());
        let code = code_of(&token.text)?;
        let user = account.map(|account| account.user.id);
        tx.put_mail_code(flow, user, (&code, &token.hash), tx.now() + mail_codes::LASTS).await?;
        let link = self.link("/signin-link", &token.text);
        let context = json!({ "code": code, "minutes": mail_codes::LASTS.num_minutes(), "link": link });
        let mailed = Mail { language: call.language, ..mail(Template::MailedSignIn, email, context) };
        match account {
            Some(account) => tx.queue_mail(account.user.realm, &mailed).await,
            None => tx.queue_nothing(PLATFORM, &mailed).await,
        }
    }

    /// Does without a mailed code: the flow misses what it missed before.
    pub(super) async fn do_without_mail(&self, call: &Call, loaded: &Loaded) -> Result<Turn> {
        let work =
            async |tx: &WriteTx| Ok(Change::silent(tx.flow_does_without_mail(loaded.mine()).await?, NoEvent::Housekeeping));
        self.anonymously(call, work).await?;
        Ok(Turn::Continue(loaded.flow.id))
    }

    pub(super) async fn try_mail_code(&self, call: &Call, browser: &Browser, loaded: &Loaded, text: &str) -> Result<Arrived> {
        let Some(email) = &loaded.flow.email else { return Err(Error::internal("a code without an address")) };
        let shown = self.shown_device(browser.device.as_deref()).await?;
        let (to, door) = (loaded.flow.organization.as_ref().map(|org| (org.id, org.slug.clone())), loaded.door());
        let outcome = self.mail_code_at(call, (loaded.mine(), (text, email)), &to, (&shown, door)).await;
        match outcome {
            // A domain leads its people to its organization, and shuts nobody out of another, as with a password.
            Err(e)
                if e.kind == Kind::Forbidden
                    && e.step_up.is_none()
                    && to.is_some()
                    && loaded.proof.is_none()
                    && !is_named(loaded) =>
            {
                let leave =
                    async |tx: &WriteTx| Ok(Change::silent(tx.leave_organization(loaded.mine()).await?, NoEvent::Housekeeping));
                self.anonymously(call, leave).await?;
                match e.code {
                    // Nothing of it was written: the code is good for elsewhere.
                    "no_access" | "organization_not_active" => {
                        self.mail_code_at(call, (loaded.mine(), (text, email)), &None, (&shown, door)).await
                    }
                    // It was used up by the answer, and another mail does.
                    _ => Err(e),
                }
            }
            outcome => outcome,
        }
    }

    async fn mail_code_at(
        &self,
        call: &Call,
        (flow, typed): (Mine<'_>, Typed<'_>),
        to: &To,
        (shown, door): (&Shown, Door<'_>),
    ) -> Result<Arrived> {
        self.fresh_keys(call.now).await?;
        self.anonymously(call, async |tx| {
            // The account first, as everywhere.
            let account = match tx.mail_code_of(flow.id).await? {
                Some(user) => Some(tx.lock_account(user).await?),
                None => None,
            };
            let right = match mail_codes::typed(typed.0) {
                Some(code) => tx.try_mail_code(flow.id, &code).await?,
                None => None,
            };
            // The address is another one's meanwhile, or the account closed: that mailbox has no say any more.
            let fits = |account: &Account| {
                right == Some(account.user.id) && account.user.email == *typed.1 && account.user.deleted_at.is_none()
            };
            match account.filter(fits) {
                Some(account) => {
                    // The code is used up, whatever becomes of it.
                    tx.flow_does_without_mail(flow).await?;
                    self.enter_by_mail(tx, account, to.as_ref(), (shown, door, call)).await
                }
                None => self.refused_mail_code(tx, to, typed).await,
            }
        })
        .await?
    }

    async fn refused_mail_code(&self, tx: &WriteTx, to: &To, (_, email): Typed<'_>) -> Result<Change<Result<Arrived>>> {
        tx.count_sign_in_attempt(&login_throttling::network(tx.origin())).await?;
        let event = Event::LoginFailed { email: email.to_string(), reason: "invalid_code".to_owned() };
        Ok(Change::new(Err(wrong_code()), to.as_ref().map_or(PLATFORM, |(org, _)| *org), event))
    }

    /// What a page behind a mailed link shows; `None`: the link works no more, or never did. Nothing is used up.
    pub async fn look_at_mailed_sign_in(&self, call: &Call, browser: &Browser, token: &str) -> Result<Option<MailedSignIn>> {
        if !opaque::recognises(Purpose::MailedSignIn, token) {
            return Ok(None);
        }
        let Some(link) = self.store.public_mailed_link(&opaque::hash(token), call.now).await? else { return Ok(None) };
        let flow = self.store.public_flow(link.flow).await?;
        let waits = |flow: &Flow| flow.mail_asked_at.is_some() && flow.ended_at.is_none() && flow.expires_at > call.now;
        let Some(flow) = flow.filter(waits) else { return Ok(None) };
        let Some(client) = self.store.client_of_flow(flow.client).await? else { return Ok(None) };
        Ok(Some(MailedSignIn {
            here: browser.hash().is_some_and(|hash| flow.browser.as_ref() == Some(&hash)),
            client: client.name,
            code: code_of(token)?,
            ip_address: link.ip_address,
            user_agent: link.user_agent,
            asked_at: link.created_at,
            flow,
        }))
    }
}

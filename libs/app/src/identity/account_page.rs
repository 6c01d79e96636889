//! The page of a person's own account, in the browser in which they are signed in: what it shows, and who may send its forms. What they do there are the
//! use cases of everybody's own account, with the browser's session as the credential; what takes a sign-in of just now leads through one and back.
//!
//! Its sign-ins are flows of a client of our own, which is made when it is needed first.

use crypto::opaque;
use domain::{
    PLATFORM, Result, SessionId,
    authorization::principal::Credential,
    identity::{
        factors::Enrolled,
        flows::{FlowId, LASTS},
        passkeys::Passkey,
        sessions::{BrowserCredential, Session},
    },
};
use store::{
    Change, NoEvent, WriteTx,
    applications::browser_clients::{ACCOUNT, BrowserClient},
    identity::{
        flows::{Entered, Flow, Named},
        sessions::BrowserSession,
    },
};

use super::flows::{Browser, Cookies, begin};
use crate::{App, Call, Caller};

/// What somebody sees of their own account.
#[derive(Debug)]
pub struct AccountView {
    /// What a form of the page is sent with: it counts for this session in this browser.
    pub form: String,
    /// Their address.
    pub email: String,
    /// Whether what takes a sign-in of just now may be done without another one.
    pub is_fresh: bool,
    /// Their passkeys, the oldest first.
    pub passkeys: Vec<Passkey>,
    /// Their authenticator app and recovery codes.
    pub enrolled: Enrolled,
    /// Where they are signed in, the newest first.
    pub sessions: Vec<Session>,
    /// The session of this browser.
    pub here: SessionId,
}

/// Where somebody comes who opens the page.
#[derive(Debug)]
pub enum Visit {
    /// To their account.
    Shown(Box<AccountView>),
    /// To a sign-in, and back.
    SignIn(FlowId),
    /// To a page that says that an organization's word shows nothing of the account; with a form's token.
    Confined(String),
}

/// Who is signed in in a browser.
struct Here {
    session: BrowserSession,
    caller: Caller,
    /// What forms are sent with.
    form: String,
}

/// Acts as whoever is signed in in a browser whose cookie hashes to this.
pub(super) fn caller_of(call: &Call, session: &BrowserSession, hash: String) -> Caller {
    let from = call.origin.address();
    let who = Credential::Browser(BrowserCredential { user: session.user.id, session: session.id, hash, from });
    Caller { call: call.clone(), who, once: None }
}

impl App {
    /// Opens the page; `organization`: for an account that this organization manages.
    pub async fn visit_account(&self, call: &Call, browser: &Browser, organization: Option<&str>) -> Result<(Visit, Cookies)> {
        self.admit_browser("account", call).await?;
        let (bound, cookies) = self.browser_of(browser);
        let Some(Here { session, caller, form }) = self.here(call, browser, &bound).await? else {
            let organization = match organization {
                Some(named) => self.organization_named(named).await?,
                None => None,
            };
            return Ok((Visit::SignIn(self.begin_for_account(call, bound, (organization, false)).await?), cookies));
        };
        if session.did.is_confined(session.user.realm) {
            return Ok((Visit::Confined(form), cookies));
        }
        let person = self.person(&caller).await?;
        let enrolled = self.own_factors(&caller).await?;
        let (sessions, here) = self.list_sessions(&caller).await?;
        let is_fresh = person.is_fresh(call.now) && (enrolled.totp_since.is_none() || person.has_fresh_factor(call.now));
        let passkeys = self.own_passkeys(&caller).await?;
        let email = person.email.shown();
        Ok((Visit::Shown(Box::new(AccountView { form, email, is_fresh, passkeys, enrolled, sessions, here })), cookies))
    }

    /// Who sent a form of the page, if they are still who saw it.
    pub async fn sender_at_account(&self, call: &Call, browser: &Browser, form: &str) -> Result<Option<Caller>> {
        self.admit_browser("account", call).await?;
        let Some(bound) = browser.hash() else { return Ok(None) };
        let here = self.here(call, browser, &bound).await?;
        Ok(here.filter(|here| here.form == form).map(|here| here.caller))
    }

    /// Has somebody who is signed in say once more who they are, and come back.
    pub async fn confirm_for_account(&self, call: &Call, browser: &Browser) -> Result<(FlowId, Cookies)> {
        let (bound, cookies) = self.browser_of(browser);
        let realm = self.here(call, browser, &bound).await?.map(|here| here.session.user.realm);
        let organization = match realm.filter(|realm| *realm != PLATFORM) {
            Some(realm) => self.store.public_organization_named(Named::Id(realm)).await?,
            None => None,
        };
        Ok((self.begin_for_account(call, bound, (organization, true)).await?, cookies))
    }

    async fn here(&self, call: &Call, browser: &Browser, bound: &str) -> Result<Option<Here>> {
        let Some(hash) = browser.session_hash() else { return Ok(None) };
        let Some(session) = self.store.browser_session(&hash, call.now, self.settings.session_longest).await? else {
            return Ok(None);
        };
        let form = opaque::hash(&format!("account {bound} {}", session.id));
        Ok(Some(Here { caller: caller_of(call, &session, hash), session, form }))
    }

    async fn begin_for_account(
        &self,
        call: &Call,
        bound: String,
        (organization, again): (Option<Entered>, bool),
    ) -> Result<FlowId> {
        self.admit_browser("flows", call).await?;
        let client = BrowserClient::of_account(&self.settings.public_url);
        let asked = begin::Asked { request: Default::default(), organization, connection: None };
        let flow = begin::new_flow(FlowId::new(self.ids.uuid(call.now)), &client, asked, call.now + LASTS, call);
        let flow = Flow { browser: Some(bound), fresh_since: again.then_some(call.now), ..flow };
        let begun = async |tx: &WriteTx| {
            tx.put_account_client(&client).await?;
            tx.insert_flow(&flow, None).await?;
            Ok(Change::silent((), NoEvent::Housekeeping))
        };
        self.anonymously(call, begun).await?;
        Ok(flow.id)
    }
}

/// Whether a client is the page of people's own accounts.
pub(super) fn is_account(client: &BrowserClient) -> bool {
    client.id == ACCOUNT
}

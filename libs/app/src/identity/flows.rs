//! Sign-ins in a browser, from a client's request to its answer. Each request of the browser loads the flow, computes what is missing
//! ([`domain::identity::flows::next`]) and either shows that, or does what was sent for it.

mod begin;
mod consenting;
pub mod devices;
mod finish;
pub mod implicit;
pub mod leaving;
pub mod linking;
mod passkeys;
mod showing;
pub mod steps;

use std::collections::BTreeMap;

use crypto::opaque;
use domain::{
    Error, OrgId, PLATFORM, Result, ServiceId, UserId,
    applications::{authorization_requests::AnswersTo, consents::Guest},
    core::rate::Limit,
    identity::{
        accounts::User,
        entry::{Entry, counting},
        flows::{Dead, Facts, FlowId, SignedInHere, Step, next},
        saml::Dispatch,
    },
    tenancy::organizations::OrgStatus,
};
use store::{
    Change, NoEvent, WriteTx,
    applications::browser_clients::BrowserClient,
    identity::{
        flows::{Entered, Flow, Mine},
        sessions::BrowserSession,
        sign_in_policy::Entrance,
    },
};

pub use self::showing::View;
use crate::{
    App, Call,
    core::limits::by_network,
    identity::{
        federation::Proof,
        login::{doors::Door, entering::entry_of},
    },
};

/// What a browser shows of itself: its cookies.
#[derive(Clone, Debug, Default)]
pub struct Browser {
    /// Binds flows to it.
    pub browser: Option<String>,
    /// Names its session.
    pub session: Option<String>,
    /// What its device shows of itself ([`crate::identity::risk::device`]).
    pub device: Option<String>,
    /// Whether it asks in a frame, where nobody sees where it goes.
    pub framed: bool,
}

impl Browser {
    pub(crate) fn hash(&self) -> Option<String> {
        self.browser.as_deref().filter(|text| opaque::recognises(crypto::Purpose::Browser, text)).map(opaque::hash)
    }
    fn session_hash(&self) -> Option<String> {
        self.session.as_deref().filter(|text| opaque::recognises(crypto::Purpose::BrowserSession, text)).map(opaque::hash)
    }
}

/// Cookies that a browser is given; `None`: it keeps what it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cookies {
    /// What binds flows to it.
    pub browser: Option<String>,
    /// What names its session; empty: nothing any more.
    pub session: Option<String>,
    /// What its device shows of itself.
    pub device: Option<String>,
}

/// Where a browser is led.
#[derive(Debug)]
pub enum Turn {
    /// To the page of a flow.
    Continue(FlowId),
    /// It is shown what is missing.
    Show(Box<View>),
    /// To the client, with an answer.
    Answer(Answer),
    /// To an identity provider, or on from one.
    Away(Dispatch),
    /// It is asked about a device.
    Approve(Box<devices::Approval>),
    /// It is asked whether a provider is linked with the account.
    Link(Box<linking::LinkAsk>),
    /// It has answered that.
    Linked {
        /// Whether it said yes.
        linked: bool,
    },
    /// It has answered for a device.
    Answered {
        /// Whether it said yes.
        approved: bool,
    },
    /// Nowhere: a page says why.
    Stop(Stop),
}

/// An answer to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Where it belongs.
    pub to: AnswersTo,
    /// What it says.
    pub fields: Vec<(&'static str, String)>,
    /// Who asked, if the browser must not be sent there without having been asked: an organization's client registers what it likes, and nobody has
    /// signed in (RFC 9700, 4.11.2).
    pub confirm: Option<String>,
}

/// Why a browser is led nowhere.
#[derive(Clone, Debug)]
pub enum Stop {
    /// The request cannot be answered to anybody.
    BadRequest(&'static str),
    /// Where the answer belongs is missing, or not registered.
    BadRedirect,
    /// There is no such client.
    UnknownClient,
    /// The flow is over, or there is none.
    Over,
    /// It is another browser's.
    OtherBrowser,
    /// There is no way on.
    Dead(Dead, Option<Entered>),
    /// Something was refused that is nobody's fault here: limits, an organization that is not active, a risk.
    Refused(Error),
}

/// A flow that was loaded, with who is signed in in its browser.
pub(crate) struct Loaded {
    pub(crate) flow: Flow,
    client: BrowserClient,
    browser: String,
    pub(crate) cookie: Option<String>,
    framed: bool,
    pub(crate) session: Option<BrowserSession>,
    entrance: Option<Entrance>,
    /// What they are at the service, if they are no member of its organization.
    guest: Option<Guest>,
    /// What a provider said that has to be proven.
    proof: Option<Proof>,
    /// The passkey that is asked for.
    asked: Option<crypto::passkeys::Asked>,
}

impl Loaded {
    pub(crate) fn mine(&self) -> Mine<'_> {
        Mine { id: self.flow.id, browser: &self.browser, sign_ins: self.flow.sign_ins }
    }
    fn door(&self) -> Door<'_> {
        let service = self.service();
        Door::Browser { flow: self.mine(), cookie: self.cookie.as_deref(), proof: self.to_prove(), service }
    }
    /// What a provider said that is proven by signing in. What somebody links by their own choice they are asked about.
    fn to_prove(&self) -> Option<&Proof> {
        self.proof.as_ref().filter(|_| self.flow.request.link.is_none())
    }
    /// The organization whose providers people are sent to.
    pub(crate) fn org(&self) -> Option<OrgId> {
        let link = self.flow.request.link.map(|link| link.org);
        link.or_else(|| self.flow.organization.as_ref().map(|org| org.id))
    }
    /// The service that is signed in to, if the client is an organization's.
    pub(crate) fn service(&self) -> Option<ServiceId> {
        self.client.service_id()
    }
    /// Whether the person is asked what the client gets of their account.
    fn is_asked(&self) -> bool {
        let again = self.flow.request.prompt.consent.then_some(self.flow.created_at);
        self.guest.as_ref().is_some_and(|guest| guest.is_asked(&self.flow.request.scopes, again))
    }
    fn user(&self) -> Option<&User> {
        self.session.as_ref().map(|session| &session.user)
    }
}

/// What an organization's policy says about a session that enters it by an application: `None` for who is no member, and uses no service there,
/// whatever they operate.
pub(crate) fn member_entry(
    entrance: Option<&Entrance>,
    user: &User,
    (did, call): (&domain::identity::authentications::Authentications, &Call),
) -> Result<Option<Entry>> {
    let belongs = |entrance: &&Entrance| entrance.role.is_some() || entrance.guest || entrance.status != OrgStatus::Active;
    let Some(entrance) = entrance.filter(belongs) else {
        return Ok(None);
    };
    entry_of(entrance, user, (did, call), || Error::forbidden("no_access", "This account has no access to that organization."))
        .map(Some)
}

/// A sign-in takes several requests, and who is signed in makes one whenever they open an application: so many times what a network may do
/// at sign-in routes. Guesses have budgets of their own.
const PER_SIGN_IN: u32 = 10;

impl App {
    /// Counts a request of a browser against the network that it comes from: what begins sign-ins apart from what goes on with them. `RateLimited`.
    pub(crate) async fn admit_browser(&self, kind: &str, call: &Call) -> Result<()> {
        let one = self.settings.limits.sign_in;
        let limit = Limit { burst: one.burst.saturating_mul(PER_SIGN_IN), period: one.period / PER_SIGN_IN };
        self.admit("sign_in", &by_network(kind, call, limit)).await
    }

    /// Loads a flow for the browser that it belongs to.
    pub(crate) async fn load(&self, call: &Call, browser: &Browser, id: FlowId) -> Result<std::result::Result<Loaded, Stop>> {
        let Some(flow) = self.store.public_flow(id).await? else { return Ok(Err(Stop::Over)) };
        let Some(hash) = browser.hash().filter(|hash| flow.browser.as_ref() == Some(hash)) else {
            return Ok(Err(Stop::OtherBrowser));
        };
        if flow.ended_at.is_some() || flow.expires_at <= call.now {
            return Ok(Err(Stop::Over));
        }
        let Some(client) = self.store.client_of_flow(flow.client).await? else { return Ok(Err(Stop::UnknownClient)) };
        Ok(Ok(self.with_session(call, browser, (flow, client, hash)).await?))
    }

    /// Who is signed in, and what they are in the organization.
    async fn with_session(
        &self,
        call: &Call,
        browser: &Browser,
        (flow, client, hash): (Flow, BrowserClient, String),
    ) -> Result<Loaded> {
        let cookie = browser.session_hash();
        let session = match &cookie {
            Some(hash) => self.store.browser_session(hash, call.now, self.settings.session_longest).await?,
            None => None,
        };
        let entrance = match (&session, &flow.organization) {
            (Some(session), Some(org)) => self.store.public_entrance(org.id, session.user.id).await?,
            _ => None,
        };
        let stranger = session.as_ref().filter(|_| entrance.as_ref().is_some_and(|entrance| entrance.role.is_none()));
        let guest = match (stranger, client.service_id()) {
            (Some(session), Some(service)) => Some(self.store.public_guest((client.org(), service), &session.user).await?),
            _ => None,
        };
        let may_come = guest.as_ref().is_some_and(Guest::may_come);
        let entrance = entrance.map(|entrance| entrance.for_guest(may_come));
        let proof = match flow.upstream {
            Some(id) => self.store.public_upstream_login_of_flow(id, call.now).await?,
            None => None,
        };
        let proof = match proof {
            Some(login) => self.proof_of(login, call.now).await?,
            None => None,
        };
        let asked = match flow.passkey {
            Some(id) => self.store.public_passkey_challenge(id, call.now).await?,
            None => None,
        };
        Ok(Loaded { flow, client, browser: hash, cookie, framed: browser.framed, session, entrance, guest, proof, asked })
    }

    /// What is missing.
    fn missing(&self, call: &Call, loaded: &Loaded) -> Result<Step> {
        if loaded.flow.is_bereft {
            return Err(Error::forbidden("organization_not_active", "The organization is not there any more."));
        }
        let entry = self.entry_in(call, loaded)?;
        // What was done at other organizations says nothing here, not even that it was recent.
        let policy = loaded.entrance.as_ref().map(|entrance| &entrance.policy);
        let did = loaded.session.as_ref().map(|session| counting(policy, &session.did)).unwrap_or_default();
        let session = loaded.session.as_ref().map(|session| SignedInHere {
            did: &did,
            // An organization's own account is for that organization, as is who is known by an organization's word only.
            confined: session.did.is_confined(session.user.realm) || session.user.realm != PLATFORM,
            entry: entry.as_ref(),
            is_another: loaded.flow.request.link.is_some_and(|link| link.user != session.user.id),
            is_asked: loaded.is_asked(),
        });
        let flow = &loaded.flow;
        Ok(next(&Facts {
            request: &flow.request,
            usage: loaded.client.sign_in.organization_usage,
            has_organization: flow.organization.is_some(),
            has_email: flow.email.is_some(),
            wants_passkey: loaded.asked.is_some(),
            waits: flow.waiting.is_some(),
            chosen: flow.connection,
            proves: loaded.to_prove().is_some(),
            fresh_since: flow.fresh_since,
            session,
            began: flow.created_at,
            now: call.now,
        }))
    }

    /// What the organization's policy says about who is signed in; `None`: nobody is, or they do not belong there.
    pub(crate) fn entry_in(&self, call: &Call, loaded: &Loaded) -> Result<Option<Entry>> {
        match &loaded.session {
            Some(session) => member_entry(loaded.entrance.as_ref(), &session.user, (&session.did, call)),
            None => Ok(None),
        }
    }

    /// Goes on with a flow: shows what is missing, or answers the client if nothing is.
    pub async fn flow(&self, call: &Call, browser: &Browser, id: FlowId) -> Result<(Turn, Cookies)> {
        let loaded = match self.load(call, browser, id).await? {
            Ok(loaded) => loaded,
            Err(stop) => return Ok((Turn::Stop(stop), Cookies::default())),
        };
        let turn = self.go_on(call, loaded).await?;
        Ok((turn, Cookies::default()))
    }

    /// The address of who signs in, as far as it is known, for a page beside the flow; or why there is none.
    pub async fn look_at_flow(&self, call: &Call, browser: &Browser, id: FlowId) -> Result<std::result::Result<String, Stop>> {
        let loaded = self.load(call, browser, id).await?;
        Ok(loaded.map(|loaded| loaded.flow.email.as_ref().map(ToString::to_string).unwrap_or_default()))
    }

    async fn go_on(&self, call: &Call, loaded: Loaded) -> Result<Turn> {
        let step = match self.missing(call, &loaded) {
            Ok(step) => step,
            Err(e) if e.kind == domain::Kind::Forbidden => return Ok(Turn::Stop(Stop::Refused(e))),
            Err(e) => return Err(e),
        };
        match step {
            Step::Done => match (loaded.flow.request.device.clone(), loaded.flow.request.link) {
                (Some(device), _) => self.ask_about_device(call, (loaded, &device)).await,
                (None, Some(link)) => self.ask_about_link(call, loaded, link).await,
                (None, None) => self.issue(call, loaded, true).await,
            },
            // Where nobody named the organization, another one may do.
            Step::Refused(Dead::NoAccess | Dead::Network | Dead::OtherWay) if !steps::is_named(&loaded) => {
                let left =
                    async |tx: &WriteTx| Ok(Change::silent(tx.leave_organization(loaded.mine()).await?, NoEvent::Housekeeping));
                self.anonymously(call, left).await?;
                Ok(Turn::Continue(loaded.flow.id))
            }
            Step::Refused(Dead::NoAccess) => self.deny(call, &loaded).await,
            Step::Upstream(connection) => self.send_upstream(call, loaded, connection).await,
            Step::Refused(dead) => Ok(Turn::Stop(Stop::Dead(dead, loaded.flow.organization))),
            step => self.show(loaded, step, None).await,
        }
    }
}

/// What an application knows somebody by. It never becomes somebody else's.
pub(crate) fn subject(user: UserId) -> String {
    format!("auth0|{}", user.uuid().simple())
}

/// The parameters of a request, each once.
pub type Parameters = BTreeMap<String, String>;

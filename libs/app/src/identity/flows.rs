//! Sign-ins in a browser, from a client's request to its answer. Each request of the browser loads the flow, computes what is missing
//! ([`domain::identity::flows::next`]) and either shows that, or does what was sent for it.

mod asserting;
pub(crate) mod begin;
mod consenting;
pub mod devices;
mod enrolling;
mod finish;
pub mod implicit;
pub mod leaving;
pub mod linking;
mod loaded;
pub mod mailing;
mod own;
mod passkeys;
pub mod saml;
mod saml_leaving;
mod showing;
pub mod steps;

use std::collections::BTreeMap;

use crypto::opaque;
use domain::{
    Error, Result, UserId,
    applications::authorization_requests::AnswersTo,
    core::rate::Limit,
    identity::{
        flows::{Dead, FlowId, Step},
        saml::Dispatch,
    },
};
use store::{Change, NoEvent, WriteTx, identity::flows::Entered};

pub use self::{
    enrolling::{Asks, Enrolling, Enrols},
    showing::{ConfirmedBy, View},
};
pub(crate) use self::{
    loaded::{Loaded, member_entry},
    own::own_flow,
};
use crate::{App, Call, core::limits::by_network, identity::federation::Trial};

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
    pub(crate) fn session_hash(&self) -> Option<String> {
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
    /// It is shown how to set a second factor up.
    Enrol(Box<Enrolling>),
    /// To the page of the person's own account.
    Account,
    /// It is asked about a device.
    Approve(Box<devices::Approval>),
    /// It is asked whether a provider is linked with the account.
    Link(Box<linking::LinkAsk>),
    /// It is shown what became of a test sign-in.
    Try(Box<Trial>),
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
        if let Some(trial) = loaded.flow.request.trial {
            return Box::pin(self.go_on_trying(call, loaded, trial)).await;
        }
        let step = match self.missing(call, &loaded) {
            Ok(step) => step,
            Err(e) if e.kind == domain::Kind::Forbidden => return Ok(Turn::Stop(Stop::Refused(e))),
            Err(e) => return Err(e),
        };
        match step {
            Step::Done => match (loaded.flow.request.device.clone(), loaded.flow.request.link) {
                (Some(device), _) => self.ask_about_device(call, (loaded, &device)).await,
                (None, Some(link)) => Box::pin(self.ask_about_link(call, loaded, link)).await,
                (None, None) => Box::pin(self.issue(call, loaded, true)).await,
            },
            // Where nobody named the organization, another one may do.
            Step::Refused(Dead::NoAccess | Dead::Network | Dead::OtherWay) if !steps::is_named(&loaded) => {
                let left =
                    async |tx: &WriteTx| Ok(Change::silent(tx.leave_organization(loaded.mine()).await?, NoEvent::Housekeeping));
                self.anonymously(call, left).await?;
                Ok(Turn::Continue(loaded.flow.id))
            }
            Step::Refused(Dead::NoAccess) => self.deny(call, &loaded).await,
            Step::Upstream(connection) => Box::pin(self.send_upstream(call, loaded, connection)).await,
            Step::Enrol => Ok(self.ask_to_enrol(call, loaded)),
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

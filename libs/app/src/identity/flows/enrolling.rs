//! A second factor is set up in the middle of a flow: by somebody who has none on a device, where the organization that they enter wants one and takes no
//! mailed code for it. They said who they are in this flow, at most ten minutes ago ([`domain::identity::flows::next`]), and who came by a password or
//! a provider has read their mail as well, so that a stolen password alone does not choose the factor that is to guard it (T25).
//!
//! What is shown once (the app's secret, recovery codes) is the answer to the form that asked for it: nothing that is opened again shows it.

use domain::{
    Error, Kind, PasskeyChallengeId, Result,
    core::value::Name,
    identity::{authentications::Method, entry::Entry},
};
use serde_json::Value;
use store::identity::flows::Flow;

use super::{Loaded, Turn, View};
use crate::{
    App, Call, Caller,
    identity::{account_page::caller_of, factors::SetUp, passkeys::Challenge},
};

/// How a second factor is set up.
#[derive(Debug)]
pub struct Enrolling {
    /// The flow.
    pub flow: Flow,
    /// The client's name, for people.
    pub client: String,
    /// Whose it will be.
    pub email: String,
    /// What is asked.
    pub asks: Asks,
}

/// What is asked of who sets one up.
#[derive(Debug)]
pub enum Asks {
    /// Which.
    Which {
        /// Whether a passkey would do.
        passkey: bool,
        /// Whether one was to be made, and was not.
        failed: bool,
    },
    /// A code of the app that was set up, or why another one did not do.
    Code(SetUp, Option<Error>),
    /// The device, to make a passkey.
    Passkey(Challenge),
    /// To keep these.
    Codes(Vec<String>),
}

/// What was sent to set one up.
pub enum Enrols {
    /// The wish for an authenticator app.
    App,
    /// A code of it.
    Code(String),
    /// The wish for a passkey.
    Passkey,
    /// What the device made of it, and what it was asked.
    Made(String, String),
    /// The wish for the other one.
    Other,
}

impl Enrolling {
    fn of(loaded: Loaded, asks: Asks) -> Turn {
        let email = loaded.user().map(|user| user.email.to_string()).unwrap_or_default();
        let (flow, client) = (loaded.flow, loaded.client.name);
        Turn::Enrol(Box::new(Self { flow, client, email, asks }))
    }
    /// The page on which somebody else says who they are.
    pub fn of_somebody_else(self) -> View {
        View::of_somebody_else(self.flow, self.client)
    }
}

impl App {
    /// Asks which second factor it is to be.
    pub(super) fn ask_to_enrol(&self, call: &Call, loaded: Loaded) -> Turn {
        let passkey = self.takes_passkey(call, &loaded);
        Enrolling::of(loaded, Asks::Which { passkey, failed: false })
    }

    fn takes_passkey(&self, call: &Call, loaded: &Loaded) -> bool {
        let entry = self.entry_in(call, loaded).ok().flatten();
        self.offers_passkeys() && matches!(entry, Some(Entry::StepUp(step_up)) if step_up.methods.contains(&Method::Passkey))
    }

    /// Sets a second factor up, as far as what was sent goes.
    pub(super) async fn enrol(&self, call: &Call, loaded: Loaded, sent: Enrols) -> Result<Turn> {
        let Some(who) = caller(call, &loaded) else { return Ok(Turn::Continue(loaded.flow.id)) };
        let passkey = self.takes_passkey(call, &loaded);
        let asked = match sent {
            Enrols::App => self.set_up_totp(&who, None).await.map(|set_up| Asks::Code(set_up, None)),
            Enrols::Code(code) => self.confirm_in_flow(&who, &code).await,
            Enrols::Passkey if passkey => self.begin_passkey(&who).await.map(Asks::Passkey),
            Enrols::Made(challenge, made) if passkey => match self.made_in_flow(&who, &challenge, &made).await {
                // What was made is shown to be theirs, and not only new, by using it: that says so to the session, too.
                Ok(()) => return self.ask_in_flow(call, &loaded).await,
                Err(e) => Err(e),
            },
            Enrols::Passkey | Enrols::Made(..) | Enrols::Other => Ok(Asks::Which { passkey, failed: false }),
        };
        match asked {
            Ok(asks) => Ok(Enrolling::of(loaded, asks)),
            Err(e) if matches!(e.code, "invalid_passkey" | "passkey_exists") => {
                Ok(Enrolling::of(loaded, Asks::Which { passkey, failed: true }))
            }
            // They have one meanwhile, took too long, or are signed out: what is missing is computed anew.
            Err(e) if matches!(e.kind, Kind::Conflict | Kind::Forbidden | Kind::Unauthenticated) => {
                Ok(Turn::Continue(loaded.flow.id))
            }
            Err(e) => Err(e),
        }
    }

    async fn confirm_in_flow(&self, who: &Caller, code: &str) -> Result<Asks> {
        match self.confirm_new_app(who, code).await {
            Ok(codes) => Ok(Asks::Codes(codes)),
            Err(e) if matches!(e.kind, Kind::Invalid | Kind::RateLimited) => {
                Ok(Asks::Code(self.unconfirmed_app(who).await?, Some(e)))
            }
            Err(e) => Err(e),
        }
    }

    async fn made_in_flow(&self, who: &Caller, challenge: &str, made: &str) -> Result<()> {
        let wrong = || Error::conflict("invalid_passkey", "That is no answer of a device.");
        let challenge = challenge.parse::<PasskeyChallengeId>().map_err(|_| wrong())?;
        // What no device says uses the question up as well.
        let made: Value = serde_json::from_str(made).unwrap_or_default();
        self.add_passkey(who, (challenge, &made), &Name::stored("Passkey".to_owned())).await.map(|_| ())
    }
}

/// Whoever is signed in in the browser.
fn caller(call: &Call, loaded: &Loaded) -> Option<Caller> {
    Some(caller_of(call, loaded.session.as_ref()?, loaded.cookie.clone()?))
}

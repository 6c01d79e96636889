//! What a page of a flow shows, beside what is missing: gathered for that step only.

use domain::{Error, Result, core::value::Name, identity::flows::Step};
use store::identity::{
    federation::Way,
    flows::{Entered, Flow},
};

use super::{Loaded, Turn};
use crate::App;

/// What is missing of a flow.
#[derive(Debug)]
pub struct View {
    /// The flow.
    pub flow: Flow,
    /// What is missing.
    pub step: Step,
    /// The client's name, for people.
    pub client: String,
    /// The address of who signs in, as far as it is known.
    pub email: String,
    /// Organizations to choose from.
    pub choices: Vec<Entered>,
    /// Whether a passkey would do, and can be asked for.
    pub offers_passkey: bool,
    /// What the person's device is asked, of [`Step::Passkey`].
    pub passkey: Option<serde_json::Value>,
    /// Whether the second factor is an app's code, and not a mailed one.
    pub has_app: bool,
    /// The organization's identity providers that can be chosen.
    pub ways: Vec<Way>,
    /// The provider whose word has to be proven.
    pub proving: Option<Name>,
    /// Why what was sent did not do.
    pub bad: Option<Error>,
}

impl App {
    /// What a browser is shown.
    pub(super) async fn show(&self, loaded: Loaded, step: Step, bad: Option<Error>) -> Result<Turn> {
        let choices = match (step, loaded.user()) {
            (Step::Organization, Some(user)) => self.store.organizations_to_enter(user.id).await?,
            _ => Vec::new(),
        };
        let has_app = match loaded.flow.waiting {
            Some((user, _)) => self.store.has_authenticator_app(user).await?,
            None => false,
        };
        let offers_passkey = self.offers_passkeys()
            && match (step, loaded.flow.waiting) {
                (Step::Identify | Step::Password, _) => true,
                (Step::SecondFactor, Some((user, _))) => self.store.has_passkey(user).await?,
                _ => false,
            };
        let known = loaded.flow.email.as_ref().map(ToString::to_string);
        let user = || loaded.user().map(|user| user.email.to_string());
        let hint = || loaded.flow.request.login_hint.clone();
        let email = match step {
            Step::Organization | Step::Consent => user(),
            _ => known.or_else(hint).or_else(user),
        };
        let mut ways = match (step, &loaded.flow.organization) {
            (Step::Identify | Step::Password | Step::Connections, Some(org)) => self.store.public_ways(org.id).await?,
            _ => Vec::new(),
        };
        ways.retain(|way| self.speaks(way.protocol));
        let (client, email) = (loaded.client.name, email.unwrap_or_default());
        let proving = loaded.proof.map(|proof| proof.name);
        // One that was answered is asked no more.
        let passkey = loaded.asked.filter(|_| bad.is_none()).map(|asked| asked.options);
        let flow = loaded.flow;
        Ok(Turn::Show(Box::new(View {
            flow,
            step,
            client,
            email,
            choices,
            offers_passkey,
            passkey,
            has_app,
            ways,
            proving,
            bad,
        })))
    }
}

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
    /// Whether a mail would do in place of a password.
    pub offers_mail: bool,
    /// What the person's device is asked, of [`Step::Passkey`].
    pub passkey: Option<serde_json::Value>,
    /// What the second factor is.
    pub confirmed_by: ConfirmedBy,
    /// The organization's identity providers that can be chosen.
    pub ways: Vec<Way>,
    /// The provider whose word has to be proven.
    pub proving: Option<Name>,
    /// Why what was sent did not do.
    pub bad: Option<Error>,
}

/// What somebody is asked for as their second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfirmedBy {
    /// A code of their app, or a recovery code.
    App,
    /// A mailed code.
    Mail,
    /// Their passkey: they have no app, and the organization takes no mailed code.
    Passkey,
}

impl View {
    /// The page on which somebody else says who they are.
    pub(super) fn of_somebody_else(flow: Flow, client: String) -> Self {
        let (step, bad) = (Step::Identify, None);
        let (choices, ways, email) = (Vec::new(), Vec::new(), String::new());
        let (offers_passkey, offers_mail, passkey, confirmed_by, proving) = (false, false, None, ConfirmedBy::Mail, None);
        Self { flow, step, client, email, choices, offers_passkey, offers_mail, passkey, confirmed_by, ways, proving, bad }
    }
}

impl App {
    /// What confirms a sign-in that waits, and whether a passkey would do as well.
    async fn confirmed_by(&self, loaded: &Loaded) -> Result<(ConfirmedBy, bool)> {
        let Some((user, id)) = loaded.flow.waiting else { return Ok((ConfirmedBy::Mail, false)) };
        let has = self.store.public_factors(user).await?;
        let passkey = has.passkey && self.offers_passkeys();
        let mails = match &loaded.flow.organization {
            Some(org) if passkey && !has.app => self.store.public_sign_in_policy(org.id).await?.mail_confirms(user),
            _ => true,
        };
        // Who came by a mail is mailed nothing more.
        let mails = mails && (!passkey || has.app || !self.store.public_came_by_mail(user, id).await?);
        let by = match has.app {
            true => ConfirmedBy::App,
            false if mails => ConfirmedBy::Mail,
            false => ConfirmedBy::Passkey,
        };
        Ok((by, passkey))
    }

    /// What a browser is shown.
    pub(super) async fn show(&self, loaded: Loaded, step: Step, bad: Option<Error>) -> Result<Turn> {
        let choices = match (step, loaded.user()) {
            (Step::Organization, Some(user)) => self.store.organizations_to_enter(user.id).await?,
            _ => Vec::new(),
        };
        let (confirmed_by, has_passkey) = self.confirmed_by(&loaded).await?;
        let offers_passkey = match step {
            Step::Identify | Step::Password => self.offers_passkeys(),
            Step::SecondFactor => has_passkey,
            _ => false,
        };
        let offers_mail = match step {
            Step::Password | Step::Prove | Step::MailCode => self.offers_mail(&loaded).await?,
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
            offers_mail,
            passkey,
            confirmed_by,
            ways,
            proving,
            bad,
        })))
    }
}

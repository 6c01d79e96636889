//! What a browser sends for what is missing. What was sent for another step than the one that is missing counts for nothing: the browser is shown
//! where the flow is.

use domain::{
    Error, Kind, OrgId, Result,
    applications::{client_grants::TokenClient, clients::OrganizationUsage},
    core::value::{Email, Slug},
    identity::{
        entry::Entry,
        flows::{Dead, FlowId, Step},
    },
};
use store::{Change, NoEvent, WriteTx, identity::flows::Mine};

use super::{Browser, Cookies, Enrols, Loaded, Stop, Turn, member_entry};
use crate::{
    App, Call,
    identity::{
        login::{Login, doors::Arrived},
        second_factor::Waits,
    },
};

/// What was sent.
pub enum Sent {
    /// An address.
    Address(String),
    /// A password.
    Password(String),
    /// A code of a second factor.
    Code(String),
    /// The name of an organization.
    Organization(String),
    /// The name of one of the organization's connections.
    Connection(String),
    /// Whether the client gets what it asks for.
    Consent(bool),
    /// The wish to use a passkey.
    AskPasskey,
    /// What the device answered.
    Passkey(String),
    /// The wish to do without one.
    LeavePasskey,
    /// The wish to be mailed a code in place of a password.
    AskMail,
    /// That code.
    MailCode(String),
    /// The wish to do without one.
    LeaveMail,
    /// A second factor that is set up.
    Enrols(Enrols),
}

impl Sent {
    /// For which step; `None`: for any, since somebody else may want to sign in.
    const fn step(&self) -> Option<Step> {
        match self {
            Self::Address(_) | Self::Connection(_) | Self::AskPasskey | Self::AskMail => None,
            Self::Passkey(_) | Self::LeavePasskey => Some(Step::Passkey),
            Self::MailCode(_) | Self::LeaveMail => Some(Step::MailCode),
            Self::Password(_) => Some(Step::Password),
            Self::Code(_) => Some(Step::SecondFactor),
            Self::Organization(_) => Some(Step::Organization),
            Self::Consent(_) => Some(Step::Consent),
            Self::Enrols(_) => Some(Step::Enrol),
        }
    }
}

/// Nothing was typed.
fn missing_text() -> Error {
    Error::field("value", "required", "Type something first.")
}

/// Whether the client named the organization, which is final.
pub(super) fn is_named(loaded: &Loaded) -> bool {
    loaded.flow.request.organization.is_some() || loaded.client.of != TokenClient::Platform
}

impl App {
    /// Takes what a browser sent, from a page that had seen so many sign-ins of the flow: what was sent twice counts once.
    pub async fn flow_step(
        &self,
        call: &Call,
        browser: &Browser,
        id: FlowId,
        (sent, seen): (Sent, Option<i32>),
    ) -> Result<(Turn, Cookies)> {
        self.admit_browser("flow-steps", call).await?;
        let loaded = match self.load(call, browser, id).await? {
            Ok(loaded) => loaded,
            Err(stop) => return Ok((Turn::Stop(stop), Cookies::default())),
        };
        // Nobody is signed in by a test sign-in.
        if loaded.flow.request.trial.is_some() {
            return Ok((Turn::Continue(id), Cookies::default()));
        }
        let missing = match self.missing(call, &loaded) {
            Ok(step) => Some(step),
            Err(e) if e.kind == Kind::Forbidden => None,
            Err(e) => return Err(e),
        };
        let stale = seen.is_some_and(|seen| seen != loaded.flow.sign_ins);
        // The password that proves an account is typed into the same field.
        let fits = |step| missing == Some(step) || step == Step::Password && missing == Some(Step::Prove);
        if stale || missing == Some(Step::Done) || sent.step().is_some_and(|step| !fits(step)) {
            return Ok((Turn::Continue(id), Cookies::default()));
        }
        let silent = |turn| Ok((turn, Cookies::default()));
        match sent {
            Sent::Address(text) => silent(self.identify(call, loaded, (&text, missing)).await?),
            Sent::Organization(slug) => silent(self.choose(call, loaded, &slug).await?),
            Sent::Connection(slug) => silent(self.choose_way(call, loaded, &slug).await?),
            // Nobody clicks away what they were not shown.
            Sent::Consent(_) if seen.is_none() => silent(Turn::Continue(id)),
            Sent::Consent(allows) => silent(self.consent(call, loaded, allows).await?),
            Sent::Enrols(enrols) => silent(self.enrol(call, loaded, enrols).await?),
            Sent::AskPasskey => silent(self.ask_in_flow(call, &loaded).await?),
            Sent::LeavePasskey => silent(self.do_without_passkey(call, &loaded).await?),
            Sent::AskMail => match missing {
                Some(missing) => silent(self.ask_mail_in_flow(call, loaded, missing).await?),
                None => silent(Turn::Continue(id)),
            },
            Sent::LeaveMail => silent(self.do_without_mail(call, &loaded).await?),
            Sent::Passkey(answer) => {
                let outcome = self.try_passkey(call, browser, &loaded, &answer).await;
                self.arrived(call, loaded, (Step::Passkey, outcome)).await
            }
            Sent::Password(text) | Sent::Code(text) | Sent::MailCode(text) if text.trim().is_empty() => {
                silent(self.show(loaded, missing.unwrap_or(Step::Identify), Some(missing_text())).await?)
            }
            Sent::Password(password) => {
                let outcome = self.try_password(call, browser, &loaded, password).await;
                self.arrived(call, loaded, (missing.unwrap_or(Step::Password), outcome)).await
            }
            Sent::MailCode(code) => {
                let outcome = Box::pin(self.try_mail_code(call, browser, &loaded, &code)).await;
                self.arrived(call, loaded, (Step::MailCode, outcome)).await
            }
            Sent::Code(code) => {
                let outcome = self.try_code(call, browser, &loaded, &code).await;
                self.arrived(call, loaded, (Step::SecondFactor, outcome)).await
            }
        }
    }

    async fn identify(&self, call: &Call, loaded: Loaded, (text, missing): (&str, Option<Step>)) -> Result<Turn> {
        if text.trim().is_empty() {
            return self.show(loaded, Step::Identify, Some(missing_text())).await;
        }
        let email: Email = match text.trim().parse() {
            Ok(email) => email,
            Err(bad) => {
                let bad: domain::BadValue = bad;
                return self.show(loaded, Step::Identify, Some(Error::field("email", bad.code, bad.message))).await;
            }
        };
        let organization = self.organization_of(&loaded, &email).await?;
        let through = match organization {
            Some(org) => self.store.public_route(org, email.domain()).await?.map(|way| way.id),
            None => None,
        };
        // Who types an address where none was asked for is somebody else than who is signed in.
        let again = if missing == Some(Step::Identify) { loaded.flow.fresh_since } else { Some(call.now) };
        self.change_flow(call, &loaded, async |tx, mine| tx.identify_flow(mine, &email, (organization, again), through).await)
            .await
    }

    /// The organization of a flow whose address is known: the one that the client named, which is final, or the only one that the address belongs to.
    async fn organization_of(&self, loaded: &Loaded, email: &Email) -> Result<Option<OrgId>> {
        let known = loaded.flow.organization.as_ref().map(|org| org.id);
        if is_named(loaded) || loaded.client.sign_in.organization_usage != OrganizationUsage::Require {
            return Ok(known);
        }
        // Of several the person chooses, once it is known who they are.
        Ok(match self.store.public_organizations_of_domain(email.domain()).await?.as_slice() {
            [one] => Some(one.id),
            _ => None,
        })
    }

    async fn choose(&self, call: &Call, loaded: Loaded, slug: &str) -> Result<Turn> {
        let choices = match loaded.user() {
            Some(user) => self.store.organizations_to_enter(user.id).await?,
            None => Vec::new(),
        };
        let chosen = slug.parse::<Slug>().ok().and_then(|slug| choices.into_iter().find(|one| one.slug == slug));
        let (Some(chosen), Some(session)) = (chosen, &loaded.session) else {
            return self.show(loaded, Step::Organization, None).await;
        };
        // One that lets nobody in from here is not chosen: another one can be.
        let entrance = self.store.public_entrance(chosen.id, session.user.id).await?;
        match member_entry(entrance.as_ref(), &session.user, (&session.did, call)) {
            Ok(Some(Entry::NetworkNotAllowed)) => return Ok(Turn::Stop(Stop::Dead(Dead::Network, Some(chosen)))),
            Err(e) if e.kind == Kind::Forbidden => return Ok(Turn::Stop(Stop::Refused(e))),
            Err(e) => return Err(e),
            Ok(_) => {}
        }
        self.change_flow(call, &loaded, async |tx, mine| tx.choose_organization(mine, chosen.id).await).await
    }

    /// One of the organization's providers is chosen: the browser is sent there next.
    async fn choose_way(&self, call: &Call, loaded: Loaded, slug: &str) -> Result<Turn> {
        let ways = match &loaded.flow.organization {
            Some(org) => self.store.public_ways(org.id).await?,
            None => Vec::new(),
        };
        match ways.into_iter().find(|way| way.slug.as_str() == slug) {
            Some(way) => self.change_flow(call, &loaded, async |tx, mine| tx.choose_connection(mine, way.id).await).await,
            None => Ok(Turn::Continue(loaded.flow.id)),
        }
    }

    async fn change_flow(
        &self,
        call: &Call,
        loaded: &Loaded,
        change: impl AsyncFn(&WriteTx, Mine<'_>) -> Result<bool>,
    ) -> Result<Turn> {
        let work = async |tx: &WriteTx| Ok(Change::silent(change(tx, loaded.mine()).await?, NoEvent::Housekeeping));
        self.anonymously(call, work).await?;
        Ok(Turn::Continue(loaded.flow.id))
    }

    /// Mails somebody who forgot the password a link; whether there is such an account is not told. Answers why not, if the flow is over.
    pub async fn forgotten_in_flow(&self, call: &Call, browser: &Browser, (id, email): (FlowId, &Email)) -> Result<Option<Stop>> {
        self.admit_browser("flow-steps", call).await?;
        let loaded = match self.load(call, browser, id).await? {
            Ok(loaded) => loaded,
            Err(stop) => return Ok(Some(stop)),
        };
        self.forgot_password(call, email, loaded.flow.organization.as_ref().map(|org| &org.slug)).await.map(|()| None)
    }

    async fn try_password(&self, call: &Call, browser: &Browser, loaded: &Loaded, password: String) -> Result<Arrived> {
        let Some(email) = loaded.flow.email.clone() else { return Err(Error::internal("a password without an address")) };
        let org_slug = loaded.flow.organization.as_ref().map(|org| org.slug.clone());
        let door = loaded.door();
        let login =
            |org_slug| Login { email: email.clone(), password: password.clone(), org_slug, device: browser.device.clone() };
        let org_known = org_slug.is_some();
        let outcome = self.login_at(call, login(org_slug), door).await;
        match outcome {
            // A domain leads its people to its organization, and shuts nobody out of another. Told after a right password only.
            Err(e)
                if e.kind == Kind::Forbidden
                    && e.step_up.is_none()
                    && org_known
                    && loaded.proof.is_none()
                    && !is_named(loaded) =>
            {
                let again = loaded.flow.fresh_since;
                self.change_flow(call, loaded, async |tx, mine| tx.identify_flow(mine, &email, (None, again), None).await)
                    .await?;
                self.login_at(call, login(None), door).await
            }
            outcome => outcome,
        }
    }

    async fn try_code(&self, call: &Call, browser: &Browser, loaded: &Loaded, code: &str) -> Result<Arrived> {
        let Some((user, id)) = loaded.flow.waiting else { return Err(Error::internal("a code without a password")) };
        let to = loaded.flow.organization.as_ref().map(|org| (org.id, org.slug.clone()));
        let door = loaded.door();
        let outcome = self.end_waiting_at(call, &Waits { user, id, to }, (code, browser.device.as_deref()), door).await;
        if matches!(&outcome, Err(e) if e.code == "invalid_preauth_token") {
            // It waited too long, or the password is another one: from the beginning.
            self.change_flow(call, loaded, async |tx, mine| tx.flow_waits(mine, None).await).await?;
        }
        outcome
    }

    /// What became of a password or a code.
    async fn arrived(&self, call: &Call, loaded: Loaded, (step, outcome): (Step, Result<Arrived>)) -> Result<(Turn, Cookies)> {
        let id = loaded.flow.id;
        let no_way_back = !loaded.comes_back();
        let silent = |turn| Ok((turn, Cookies::default()));
        match outcome {
            Ok(arrived) => Ok((Turn::Continue(id), arrived.cookies()?)),
            Err(e) if matches!(e.code, "invalid_preauth_token" | "flow_over") => silent(Turn::Continue(id)),
            Err(e)
                if e.kind == Kind::RateLimited
                    || matches!(e.code, "invalid_credentials" | "invalid_code" | "invalid_passkey") =>
            {
                silent(self.show(loaded, step, Some(e)).await?)
            }
            // Told after a right password only.
            Err(e) if e.code == "no_access" && loaded.answers_nobody() => {
                silent(Turn::Stop(Stop::Dead(Dead::NoAccess, loaded.flow.organization)))
            }
            Err(e) if e.code == "no_access" && no_way_back => silent(Turn::Stop(Stop::BadRedirect)),
            Err(e) if e.code == "no_access" => {
                let text = ("access_denied", "This account has no access to that organization.");
                silent(self.refuse_to_client(call, &loaded, text, Some(&loaded.client)).await?)
            }
            // Another way of their own would do.
            Err(e) if e.step_up.as_ref().is_some_and(|step_up| !step_up.methods.is_empty()) && step != Step::Prove => {
                silent(self.show(loaded, Step::Password, Some(e)).await?)
            }
            // Their organization lets them in through its providers only, and these are named.
            Err(e) if e.step_up.as_ref().is_some_and(|step_up| step_up.methods.is_empty() && !step_up.connections.is_empty()) => {
                silent(self.show(loaded, Step::Connections, None).await?)
            }
            Err(e) if e.kind == Kind::Forbidden => silent(Turn::Stop(Stop::Refused(e))),
            Err(e) => Err(e),
        }
    }
}

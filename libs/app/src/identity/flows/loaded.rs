//! A flow as it is found: with its client, who is signed in in its browser, and what is missing of it.

use domain::{
    Error, OrgId, PLATFORM, Result, ServiceId,
    applications::{authorization_requests::ResponseMode, consents::Guest, service_saml::ServiceSaml},
    identity::{
        accounts::User,
        entry::{Entry, counting},
        flows::{Enrolment, Facts, FlowId, SignedInHere, Step, next},
        mail_codes,
    },
    tenancy::organizations::OrgStatus,
};
use store::{
    applications::browser_clients::BrowserClient,
    identity::{
        flows::{Flow, Mine},
        sessions::BrowserSession,
        sign_in_policy::Entrance,
    },
};

use super::{Browser, Stop};
use crate::{
    App, Call,
    identity::{
        account_page::is_account,
        federation::Proof,
        login::{doors::Door, entering::entry_of},
    },
};

/// A flow that was loaded, with who is signed in in its browser.
pub(crate) struct Loaded {
    pub(crate) flow: Flow,
    pub(super) client: BrowserClient,
    pub(super) browser: String,
    pub(crate) cookie: Option<String>,
    pub(super) framed: bool,
    pub(crate) session: Option<BrowserSession>,
    pub(super) entrance: Option<Entrance>,
    /// What they are at the service, if they are no member of its organization.
    pub(super) guest: Option<Guest>,
    /// What a provider said that has to be proven.
    pub(super) proof: Option<Proof>,
    /// The passkey that is asked for.
    pub(super) asked: Option<crypto::passkeys::Asked>,
    /// Whether they can set a second factor up.
    pub(super) enrolment: Enrolment,
    /// What the service registered, if it asked by SAML and still takes it.
    pub(super) saml: Option<ServiceSaml>,
}

impl Loaded {
    pub(crate) fn mine(&self) -> Mine<'_> {
        Mine { id: self.flow.id, browser: &self.browser, sign_ins: self.flow.sign_ins }
    }
    pub(super) fn door(&self) -> Door<'_> {
        let service = self.service();
        Door::Browser {
            flow: self.mine(),
            cookie: self.cookie.as_deref(),
            before: self.session.as_ref(),
            proof: self.to_prove(),
            service,
        }
    }
    /// What a provider said that is proven by signing in. What somebody links by their own choice they are asked about.
    pub(super) fn to_prove(&self) -> Option<&Proof> {
        self.proof.as_ref().filter(|_| self.flow.request.link.is_none())
    }
    /// The organization whose providers people are sent to.
    pub(crate) fn org(&self) -> Option<OrgId> {
        let link = self.flow.request.link.map(|link| link.org);
        link.or(self.flow.request.trial.map(|trial| trial.org)).or_else(|| self.flow.organization.as_ref().map(|org| org.id))
    }
    /// Whether no client is told what becomes of it: a person at a page of ours is.
    pub(super) fn answers_nobody(&self) -> bool {
        self.flow.request.ends_here() || is_account(&self.client)
    }
    /// The service that is signed in to, if the client is an organization's.
    pub(crate) fn service(&self) -> Option<ServiceId> {
        self.client.service_id()
    }
    /// Whether the answer may still go to where the request wanted it: what a client takes back counts at once.
    pub(super) fn comes_back(&self) -> bool {
        let to = &self.flow.request.to;
        match to.mode {
            ResponseMode::Saml => self.saml.as_ref().is_some_and(|saml| saml.settings.comes_back_to(&to.redirect_uri)),
            _ => self.client.sign_in.comes_back_to(&to.redirect_uri),
        }
    }
    /// Whether the person is asked what the client gets of their account.
    pub(super) fn is_asked(&self) -> bool {
        let again = self.flow.request.prompt.consent.then_some(self.flow.created_at);
        self.guest.as_ref().is_some_and(|guest| guest.is_asked(&self.flow.request.scopes, again))
    }
    pub(super) fn user(&self) -> Option<&User> {
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

impl App {
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
    pub(super) async fn with_session(
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
        let enrolment = self.enrolment(call, session.as_ref(), entrance.as_ref()).await?;
        let saml = match (&flow.request.saml, client.service_id()) {
            (Some(_), Some(service)) => self.store.public_service_saml(client.org(), service).await?,
            _ => None,
        };
        Ok(Loaded {
            flow,
            client,
            browser: hash,
            cookie,
            framed: browser.framed,
            session,
            entrance,
            guest,
            proof,
            asked,
            enrolment,
            saml,
        })
    }

    /// What is missing.
    pub(super) fn missing(&self, call: &Call, loaded: &Loaded) -> Result<Step> {
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
            enrolment: loaded.enrolment,
        });
        let flow = &loaded.flow;
        Ok(next(&Facts {
            request: &flow.request,
            usage: loaded.client.sign_in.organization_usage,
            has_organization: flow.organization.is_some(),
            has_email: flow.email.is_some(),
            wants_passkey: loaded.asked.is_some(),
            wants_mail: flow.email.is_some() && flow.mail_asked_at.is_some_and(|at| call.now < at + mail_codes::LASTS),
            waits: flow.waiting.is_some(),
            chosen: flow.connection,
            proves: loaded.to_prove().is_some(),
            fresh_since: flow.fresh_since,
            session,
            has_signed_in: flow.sign_ins > 0,
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

    /// Whether somebody can set a second factor up, looked up where one is missing that no mailed code stands in for.
    async fn enrolment(&self, call: &Call, session: Option<&BrowserSession>, entrance: Option<&Entrance>) -> Result<Enrolment> {
        let Some(session) = session else { return Ok(Enrolment::Enrolled) };
        // A refusal is told where the step is computed.
        let entry = member_entry(entrance, &session.user, (&session.did, call)).unwrap_or_default();
        if !entry.is_some_and(|entry| entry.wants_device()) {
            return Ok(Enrolment::Enrolled);
        }
        let has = self.store.public_factors(session.user.id).await?;
        Ok(match has.app || has.passkey && self.offers_passkeys() {
            true => Enrolment::Enrolled,
            false if session.did.is_confined(session.user.realm) => Enrolment::Elsewhere,
            false => Enrolment::Possible,
        })
    }
}

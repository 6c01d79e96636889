//! A service asks by SAML. Its request becomes a flow like every other; what differs is how it is read, and that the answer is an assertion
//! ([`super::asserting`]). Where the answer goes was registered, whatever the request says.

use crypto::{Purpose, opaque};
use domain::{
    Result,
    applications::{
        authorization_requests::{AnswersTo, AuthorizationRequest, Prompt, ResponseMode},
        resource_servers::Scopes,
        service_saml::{LONGEST_RELAY_STATE, SamlAsked, SamlRefused, ServiceSaml, judge},
    },
    core::{ports::Saml, value::ServiceSlug},
    identity::{
        flows::{FlowId, LASTS, PUSHED_LASTS},
        saml::{
            Check, Dispatch,
            idp::{Carried, RequestExpectation, Requested, Status},
        },
    },
};
use store::{
    Change, NoEvent,
    applications::browser_clients::BrowserClient,
    identity::flows::{Entered, Flow},
};

use super::{
    Answer, Browser, Cookies, Stop, Turn,
    asserting::Refusing,
    begin::{Asked, PUSHED, new_flow},
};
use crate::{App, Call};

/// What a service is told of who signs in, as consent pages say it.
const SCOPES: &str = "openid email profile";

/// A service that takes SAML, as an address of ours named it.
pub(crate) struct SamlService {
    pub(crate) client: BrowserClient,
    pub(crate) organization: Entered,
    pub(crate) slug: ServiceSlug,
    pub(crate) saml: ServiceSaml,
    /// What the address begins with: by the organization's id, or its slug.
    pub(crate) at: String,
}

/// What an address names: an organization, by id or slug, and a service.
pub type SamlAddress<'a> = (&'a str, &'a str);

impl App {
    /// The service that an address names. `None`: there is none, or it takes no SAML now.
    pub(crate) async fn saml_service(&self, organization: &str, service: &str) -> Result<Option<SamlService>> {
        let Some(entered) = self.organization_named(organization).await? else { return Ok(None) };
        let Ok(slug) = service.parse::<ServiceSlug>() else { return Ok(None) };
        let Some(client) = self.store.public_client_of_service(entered.id, &slug).await? else { return Ok(None) };
        let Some(id) = client.service_id() else { return Ok(None) };
        let Some(saml) = self.store.public_service_saml(entered.id, id).await? else { return Ok(None) };
        let at = format!("{}/saml/{organization}/{slug}", self.settings.public_url);
        Ok(Some(SamlService { client, organization: entered, slug, saml, at }))
    }

    /// A service's request that came by redirect, given as the query, raw; or one that came by a form and waits here.
    pub async fn saml_sign_in(
        &self,
        call: &Call,
        browser: &Browser,
        (organization, service): SamlAddress<'_>,
        (query, waiting): (&str, Option<&str>),
    ) -> Result<(Turn, Cookies)> {
        let stop = |stop| Ok((Turn::Stop(stop), Cookies::default()));
        let Some(saml) = &self.saml else { return stop(Stop::UnknownClient) };
        let Some(of) = self.saml_service(organization, service).await? else { return stop(Stop::UnknownClient) };
        if let Some(uri) = waiting {
            return self.resume(call, browser, &of.client, uri).await;
        }
        match self.read_saml(call, saml.as_ref(), &of, Carried::Query(query.to_owned())).await? {
            Ok((to, asked)) => Box::pin(self.begin_saml(call, browser, of, request(to, &asked))).await,
            Err(turn) => Ok((turn, Cookies::default())),
        }
    }

    /// A service's request that came by a form of its site. With it a browser sends no cookies: so it waits here, and the browser is led to where they count.
    pub async fn take_saml_request(
        &self,
        call: &Call,
        (organization, service): SamlAddress<'_>,
        (message, relay_state): (String, Option<String>),
    ) -> Result<Turn> {
        let Some(saml) = &self.saml else { return Ok(Turn::Stop(Stop::UnknownClient)) };
        let Some(of) = self.saml_service(organization, service).await? else { return Ok(Turn::Stop(Stop::UnknownClient)) };
        let carried = Carried::Form { request: message, relay_state };
        let (to, asked) = match self.read_saml(call, saml.as_ref(), &of, carried).await? {
            Ok(read) => read,
            Err(turn) => return Ok(turn),
        };
        let name = opaque::mint(Purpose::PushedRequest, self.ids.as_ref());
        let asked = Asked { request: request(to, &asked), organization: Some(of.organization), connection: None };
        let flow = new_flow(FlowId::new(self.ids.uuid(call.now)), &of.client, asked, call.now + PUSHED_LASTS, call);
        let kept =
            async |tx: &store::WriteTx| Ok(Change::silent(tx.insert_flow(&flow, Some(&name.hash)).await?, NoEvent::Housekeeping));
        self.anonymously(call, kept).await?;
        Ok(Turn::Away(Dispatch::Redirect(format!("{}/sso?request_uri={PUSHED}{}", of.at, name.text))))
    }

    /// Somebody comes to a service from here, without a request of its.
    pub async fn saml_begin_here(
        &self,
        call: &Call,
        browser: &Browser,
        (organization, service): SamlAddress<'_>,
        relay_state: Option<&str>,
    ) -> Result<(Turn, Cookies)> {
        let stop = |stop| Ok((Turn::Stop(stop), Cookies::default()));
        if self.saml.is_none() {
            return stop(Stop::UnknownClient);
        }
        let Some(of) = self.saml_service(organization, service).await? else { return stop(Stop::UnknownClient) };
        if !of.saml.settings.idp_initiated {
            return stop(Stop::BadRequest(
                "This application is not opened from here. Open the application itself, and sign in there.",
            ));
        }
        if !relay_state.is_none_or(is_relay_state) {
            return stop(Stop::BadRequest(TOO_LONG));
        }
        let Some(acs) = of.saml.settings.acs_urls.first() else { return stop(Stop::BadRedirect) };
        let state = relay_state.filter(|state| !state.is_empty()).map(str::to_owned);
        let to = AnswersTo { redirect_uri: acs.as_str().to_owned(), mode: ResponseMode::Saml, state };
        let request =
            AuthorizationRequest { to, scopes: Scopes::stored(SCOPES), saml: Some(SamlAsked::default()), ..Default::default() };
        Box::pin(self.begin_saml(call, browser, of, request)).await
    }

    async fn begin_saml(
        &self,
        call: &Call,
        browser: &Browser,
        of: SamlService,
        request: AuthorizationRequest,
    ) -> Result<(Turn, Cookies)> {
        let (hash, cookies) = self.browser_of(browser);
        let asked = Asked { request, organization: Some(of.organization), connection: None };
        let flow = new_flow(FlowId::new(self.ids.uuid(call.now)), &of.client, asked, call.now + LASTS, call);
        let flow = Flow { browser: Some(hash.clone()), ..flow };
        let loaded = self.with_session(call, browser, (flow, of.client, hash)).await?;
        Ok((self.begin(call, loaded, false).await?, cookies))
    }

    /// Reads and judges a request: where the answer goes, and what is asked; or where the browser is led instead.
    async fn read_saml(
        &self,
        call: &Call,
        saml: &dyn Saml,
        of: &SamlService,
        carried: Carried,
    ) -> Result<std::result::Result<(AnswersTo, Requested), Turn>> {
        self.admit_browser("saml-requests", call).await?;
        let settings = &of.saml.settings;
        let certificate = settings.request_certificate.as_deref().map(decoded).transpose()?;
        let destination = format!("{}/sso", of.at);
        let expected = RequestExpectation { issuer: settings.entity_id.clone(), certificate, destination, now: call.now };
        let asked = match saml.read_request(carried, expected).await? {
            Ok(asked) => asked,
            Err(finding) => return Ok(Err(Turn::Stop(Stop::BadRequest(why(finding.check))))),
        };
        if !asked.relay_state.as_deref().is_none_or(is_relay_state) {
            return Ok(Err(Turn::Stop(Stop::BadRequest(TOO_LONG))));
        }
        let state = asked.relay_state.clone().filter(|state| !state.is_empty());
        let to = |acs: String| AnswersTo { redirect_uri: acs, mode: ResponseMode::Saml, state: state.clone() };
        match judge(&asked, settings) {
            Ok(acs) => Ok(Ok((to(acs), asked))),
            Err(SamlRefused::Here) => Ok(Err(Turn::Stop(Stop::BadRedirect))),
            Err(SamlRefused::There(acs, status)) => {
                self.refuse_saml_request(call, of, (to(acs), &asked.id), status).await.map(Err)
            }
        }
    }

    async fn refuse_saml_request(
        &self,
        call: &Call,
        of: &SamlService,
        (to, id): (AnswersTo, &str),
        status: Status,
    ) -> Result<Turn> {
        // Nobody has signed in, and an organization's service registers what it likes (RFC 9700, 4.11.2).
        let confirm = Some(of.client.name.clone());
        let refusing = Refusing { of: (&of.saml, &of.slug), in_response_to: Some(id), status };
        Ok(match self.saml_refusal(call, refusing, to).await? {
            Some(answer) => Turn::Answer(Answer { confirm, ..answer }),
            None => Turn::Stop(Stop::BadRedirect),
        })
    }
}

const TOO_LONG: &str = "The application's `RelayState` is too long, or has control characters in it.";

/// Whether a text may be brought back.
fn is_relay_state(text: &str) -> bool {
    text.len() <= LONGEST_RELAY_STATE && !text.chars().any(char::is_control)
}

fn request(to: AnswersTo, asked: &Requested) -> AuthorizationRequest {
    AuthorizationRequest {
        to,
        scopes: Scopes::stored(SCOPES),
        prompt: Prompt { none: asked.is_passive, login: asked.force_authn, consent: false },
        saml: Some(SamlAsked { in_response_to: Some(asked.id.clone()), contexts: asked.contexts.clone() }),
        ..AuthorizationRequest::default()
    }
}

pub(super) fn decoded(base64: &str) -> Result<Vec<u8>> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.decode(base64).map_err(domain::Error::internal)
}

/// What whoever set the service up is told of a request that failed a check.
const fn why(check: Check) -> &'static str {
    match check {
        Check::Issuer => "The application's request names another entity ID than the one that is registered for it.",
        Check::Destination => "The application's request is meant for another address than this one.",
        Check::IssueInstant => {
            "The application's request is older than five minutes, or from the future. Go back to the application, and begin again."
        }
        Check::Signed | Check::Signature | Check::Certificate => {
            "The application's request is not signed with the certificate that is registered for it."
        }
        Check::Algorithm => {
            "The application's request is signed by an algorithm that is not taken. Sign with RSA or ECDSA and SHA-256."
        }
        _ => "What the application sent is no SAML request that is taken here.",
    }
}

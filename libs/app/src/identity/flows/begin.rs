//! A client sends a browser, or leaves a request here first (RFC 9126).

use std::collections::BTreeMap;

use crypto::{Purpose, opaque};
use domain::{
    ConnectionId, Kind, OrgId, PLATFORM, Result,
    applications::{
        authorization_requests::{self, AnswersTo, AuthorizationRequest, OWN_SCOPES, Refused},
        client_grants::{SubjectType, TokenClient, refuse},
        clients::AuthMethod,
        resource_servers::{Scope, Scopes},
    },
    core::value::Slug,
    identity::{
        flows::{FlowId, LASTS, PUSHED_LASTS, Step},
        saml::idp::Status,
    },
};
use store::{
    Change, NoEvent,
    applications::browser_clients::BrowserClient,
    identity::flows::{Entered, Flow, Mine, Named},
};

use super::{Answer, Browser, Cookies, Loaded, Parameters, Stop, Turn, subject};
use crate::{App, Call, applications::dpop::Shown};

/// A request that was read, with what it names.
pub(crate) struct Asked {
    pub(crate) request: AuthorizationRequest,
    pub(crate) organization: Option<Entered>,
    pub(crate) connection: Option<ConnectionId>,
}

/// Scopes, the API, and the organization to sign in to.
type LookedUp = (Scopes, Option<String>, Option<Entered>);

/// What the name of a pushed request begins with.
pub(super) const PUSHED: &str = "urn:ietf:params:oauth:request_uri:";

impl App {
    /// A client's request. A browser that is signed in well enough goes back at once; every other one is led through a flow.
    pub async fn authorize(&self, call: &Call, browser: &Browser, parameters: &Parameters) -> Result<(Turn, Cookies)> {
        self.fresh_keys(call.now).await?;
        let stop = |stop| Ok((Turn::Stop(stop), Cookies::default()));
        let name = parameters.get("client_id").map(String::as_str).unwrap_or_default();
        let Some(client) = self.store.public_browser_client(name).await? else { return stop(Stop::UnknownClient) };
        if let Some(uri) = parameters.get("request_uri") {
            return self.resume(call, browser, &client, uri).await;
        }
        let asked = match self.read_request(&client, parameters).await? {
            Ok(asked) => asked,
            Err(Refused::Here) => return stop(Stop::BadRedirect),
            Err(Refused::There(to, code, why)) => {
                return Ok((Turn::Answer(self.refusal(to, (code, why), Some(&client))), Cookies::default()));
            }
        };
        let (hash, cookies) = self.browser_of(browser);
        let flow = new_flow(FlowId::new(self.ids.uuid(call.now)), &client, asked, call.now + LASTS, call);
        let flow = Flow { browser: Some(hash.clone()), ..flow };
        let loaded = self.with_session(call, browser, (flow, client, hash)).await?;
        let turn = Box::pin(self.begin(call, loaded, false)).await?;
        Ok((turn, cookies))
    }

    /// The cookie that binds flows to a browser, old or new.
    pub(crate) fn browser_of(&self, browser: &Browser) -> (String, Cookies) {
        match browser.hash() {
            // It is sent again, and lives longer.
            Some(hash) => (hash, Cookies { browser: browser.browser.clone(), ..Cookies::default() }),
            None => {
                let fresh = opaque::mint(Purpose::Browser, self.ids.as_ref());
                (fresh.hash, Cookies { browser: Some(fresh.text), ..Cookies::default() })
            }
        }
    }

    /// Goes on with a request: of a browser that is signed in well enough at once, else by a flow. `kept`: its flow is kept already.
    pub(super) async fn begin(&self, call: &Call, mut loaded: Loaded, kept: bool) -> Result<Turn> {
        let silent = loaded.flow.request.prompt.none;
        let hint = loaded.flow.request.id_token_hint.as_deref();
        // One that nobody can read any more names nobody: whoever it is is asked.
        let named = hint.map(|hint| self.hinted(hint, &loaded.client, call));
        let user = loaded.user().map(|user| subject(user.id));
        if user.is_some() && named.is_some_and(|named| named != user) {
            if silent {
                let text = ("login_required", "Somebody else is signed in than `id_token_hint` names.");
                return self.answer_silently(call, loaded, text, kept).await;
            }
            if kept {
                let again =
                    async |tx: &store::WriteTx| Ok(Change::silent(tx.refresh_flow(loaded.mine()).await?, NoEvent::Housekeeping));
                self.anonymously(call, again).await?;
                return Ok(Turn::Continue(loaded.flow.id));
            }
            let flow = Flow { fresh_since: Some(call.now), ..loaded.flow };
            return self.begin_flow(call, Loaded { flow, ..loaded }).await;
        }
        // Whoever is signed in well enough is not sent to the provider once more.
        let connection = loaded.flow.connection.take();
        let missing = self.missing(call, &loaded);
        loaded.flow.connection = connection;
        match missing {
            Ok(Step::Done) => Box::pin(self.issue(call, loaded, kept)).await,
            Err(e) if e.kind != Kind::Forbidden => Err(e),
            missing if silent => {
                let text = match missing {
                    Ok(Step::Organization) => ("interaction_required", "The organization has to be chosen."),
                    Ok(Step::Enrol) => ("interaction_required", "A second factor has to be set up."),
                    Ok(Step::Consent) => ("consent_required", "The person has to allow what is asked for."),
                    Ok(Step::Refused(_)) | Err(_) => ("access_denied", "This account has no access to that organization."),
                    Ok(_) => ("login_required", "Nobody is signed in here, or not well enough."),
                };
                self.answer_silently(call, loaded, text, kept).await
            }
            _ if kept => {
                if let Some(connection) = loaded.flow.connection.filter(|_| asks_before_leaving(&loaded)) {
                    let asks = async |tx: &store::WriteTx| {
                        Ok(Change::silent(tx.sent_to_connection(loaded.mine(), connection).await?, NoEvent::Housekeeping))
                    };
                    self.anonymously(call, asks).await?;
                }
                Ok(Turn::Continue(loaded.flow.id))
            }
            _ => self.begin_flow(call, loaded).await,
        }
    }

    /// The answer where nobody may be asked anything. A browser that is led there by a link, and not in a frame, is asked first whether it wants to go
    /// where an organization's client likes to have it.
    pub(super) async fn answer_silently(
        &self,
        call: &Call,
        loaded: Loaded,
        text: (&'static str, &str),
        kept: bool,
    ) -> Result<Turn> {
        if kept {
            let end = async |tx: &store::WriteTx| Ok(Change::silent(tx.end_flow(loaded.mine()).await?, NoEvent::Housekeeping));
            self.anonymously(call, end).await?;
        }
        let asks = (loaded.session.is_none() && !loaded.framed).then_some(&loaded.client);
        self.refuse_to_client(call, &loaded, text, asks).await
    }

    /// Tells the client of a flow that nobody signed in.
    pub(super) async fn refuse_to_client(
        &self,
        call: &Call,
        loaded: &Loaded,
        text: (&'static str, &str),
        asks: Option<&BrowserClient>,
    ) -> Result<Turn> {
        if loaded.flow.request.saml.is_some() {
            return Box::pin(self.refuse_by_saml(call, loaded, Status::of_oauth(text.0), asks.is_some())).await;
        }
        Ok(Turn::Answer(self.refusal(loaded.flow.request.to.clone(), text, asks)))
    }

    async fn begin_flow(&self, call: &Call, mut loaded: Loaded) -> Result<Turn> {
        if asks_before_leaving(&loaded) {
            loaded.flow.connection = None;
        }
        if loaded.framed {
            return Ok(Turn::Stop(Stop::BadRequest(
                "Nobody signs in in a frame: the application has to open this in the window itself.",
            )));
        }
        self.admit_browser("flows", call).await?;
        let flow = &loaded.flow;
        let begun = async |tx: &store::WriteTx| Ok(Change::silent(tx.insert_flow(flow, None).await?, NoEvent::Housekeeping));
        self.anonymously(call, begun).await?;
        Ok(Turn::Continue(loaded.flow.id))
    }

    /// Whom an ID token names that the client kept; `None`: it is none of ours, or none of that client's.
    pub(super) fn hinted(&self, hint: &str, client: &BrowserClient, call: &Call) -> Option<String> {
        let claims = self.id_token_hint(hint, call.now)?;
        (claims.aud == client.client_id).then_some(claims.profile.sub)
    }

    /// Reads a request, and looks up what it names.
    async fn read_request(
        &self,
        client: &BrowserClient,
        parameters: &BTreeMap<String, String>,
    ) -> Result<std::result::Result<Asked, Refused>> {
        let mut request = match authorization_requests::read(parameters, &client.sign_in) {
            Ok(request) => request,
            Err(refused) => return Ok(Err(refused)),
        };
        let wanted = (&request.scopes, request.audience.as_deref(), request.organization.as_deref());
        let (scopes, audience, organization) = match self.look_up(client, wanted).await? {
            Ok(found) => found,
            Err((code, why)) => return Ok(Err(Refused::There(request.to, code, why))),
        };
        let no = |code, why| Ok(Err(Refused::There(request.to.clone(), code, why)));
        let connection = match (request.connection.as_deref(), &organization) {
            (None, _) => None,
            (Some(_), None) => return no("invalid_request", "A `connection` is an organization's: send `organization` as well."),
            (Some(named), Some(org)) => {
                let ways = self.store.public_ways(org.id).await?;
                match ways.into_iter().find(|way| way.slug.as_str() == named || way.id.to_string() == named) {
                    Some(way) => Some(way.id),
                    None => return no("invalid_request", "Nobody signs in to that organization through this `connection`."),
                }
            }
        };
        request = AuthorizationRequest { scopes, audience, ..request };
        Ok(Ok(Asked { request, organization, connection }))
    }

    /// What a client gets of what it asks for: scopes, the API, and the organization to sign in to; or a code of RFC 6749 and why not.
    pub(crate) async fn look_up(
        &self,
        client: &BrowserClient,
        (scopes, audience, organization): (&Scopes, Option<&str>, Option<&str>),
    ) -> Result<std::result::Result<LookedUp, (&'static str, &'static str)>> {
        let no = |code, why| Ok(Err((code, why)));
        let userinfo = self.userinfo_audience();
        let audience = audience.filter(|audience| *audience != userinfo);
        let granted = match audience {
            Some(audience) => self.store.public_allowed((client.of.org(), client.id), SubjectType::User, Some(audience)).await?,
            None => Vec::new(),
        };
        if audience.is_some() && granted.is_empty() {
            return no("invalid_target", "This client was not granted that API in the name of people.");
        }
        let scopes = granted_scopes(scopes, granted.first().map(|api| &api.scopes));
        if scopes.is_empty() {
            return no("invalid_scope", "None of these scopes was granted to this client.");
        }
        let organization = match (&client.of, organization) {
            (TokenClient::Platform, None) => None,
            (TokenClient::Platform, Some(named)) => match self.organization_named(named).await? {
                None => return no("invalid_request", "There is no such `organization`, or it is not active."),
                found => found,
            },
            (TokenClient::Of(org, slug), named) => {
                if named.is_some_and(|named| named != slug.as_str() && named != org.to_string()) {
                    return no("invalid_request", "This client signs people in to its own organization.");
                }
                match self.store.public_organization_named(Named::Id(*org)).await? {
                    None => return no("access_denied", "The organization of this client is not active."),
                    found => found,
                }
            }
        };
        Ok(Ok((scopes, audience.map(str::to_owned), organization)))
    }

    /// An active organization, by its id or slug.
    pub(crate) async fn organization_named(&self, named: &str) -> Result<Option<Entered>> {
        // What looks like an id is one, whatever somebody has called their organization.
        match (named.parse::<OrgId>(), named.parse::<Slug>()) {
            (Ok(id), _) if id != PLATFORM => self.store.public_organization_named(Named::Id(id)).await,
            (Err(_), Ok(slug)) => self.store.public_organization_named(Named::Slug(&slug)).await,
            _ => Ok(None),
        }
    }

    /// Keeps a client's request until its browser comes: the name that it comes with, and for how many seconds. The refusals are those of the token
    /// endpoint.
    pub async fn push_request(&self, call: &Call, shown: &Shown, mut parameters: Parameters) -> Result<(String, i64)> {
        let (shown, key) = self.authenticate_holder(call, shown).await?;
        // The code is bound to the key that is held now (RFC 9449, 10.1).
        if let Some(key) = key
            && *parameters.entry("dpop_jkt".to_owned()).or_insert_with(|| key.clone()) != key
        {
            return Err(refuse("invalid_dpop_proof", "`dpop_jkt` names another key than the proof."));
        }
        if shown.auth_method == AuthMethod::None {
            self.admit_browser("flows", call).await?;
        }
        if parameters.contains_key("request_uri") {
            return Err(refuse("invalid_request", "A pushed request names no other."));
        }
        let client = self.store.public_browser_client(&shown.client_id).await?;
        let client = client.ok_or_else(|| refuse("unauthorized_client", "Nobody signs in at this client."))?;
        let asked = self.read_request(&client, &parameters).await?.map_err(|refused| match refused {
            Refused::Here => refuse("invalid_request", "`redirect_uri` is missing, or not registered for this client."),
            Refused::There(_, code, why) => refuse(code, why),
        })?;
        let name = opaque::mint(Purpose::PushedRequest, self.ids.as_ref());
        let flow = new_flow(FlowId::new(self.ids.uuid(call.now)), &client, asked, call.now + PUSHED_LASTS, call);
        let kept =
            async |tx: &store::WriteTx| Ok(Change::silent(tx.insert_flow(&flow, Some(&name.hash)).await?, NoEvent::Housekeeping));
        self.anonymously(call, kept).await?;
        Ok((format!("{PUSHED}{}", name.text), PUSHED_LASTS.num_seconds()))
    }

    /// A browser comes with the name of a pushed request: the first has it, and may come again.
    pub(super) async fn resume(
        &self,
        call: &Call,
        browser: &Browser,
        client: &BrowserClient,
        uri: &str,
    ) -> Result<(Turn, Cookies)> {
        let stop = |stop| Ok((Turn::Stop(stop), Cookies::default()));
        let name = uri.strip_prefix(PUSHED).filter(|name| opaque::recognises(Purpose::PushedRequest, name));
        let flow = match name {
            Some(name) => self.store.public_pushed_flow(&opaque::hash(name)).await?,
            None => None,
        };
        let Some(flow) = flow.filter(|flow| flow.client == (client.org(), client.id)) else { return stop(Stop::Over) };
        if flow.ended_at.is_some() || flow.expires_at <= call.now {
            return stop(Stop::Over);
        }
        let (hash, cookies) = self.browser_of(browser);
        if flow.browser.is_none() {
            let mine = Mine { id: flow.id, browser: &hash, sign_ins: flow.sign_ins };
            let claim = async |tx: &store::WriteTx| {
                Ok(Change::silent(tx.claim_flow(mine, call.now + LASTS).await?, NoEvent::Housekeeping))
            };
            if !self.anonymously(call, claim).await? {
                return stop(Stop::OtherBrowser);
            }
        } else if flow.browser.as_ref() != Some(&hash) {
            return stop(Stop::OtherBrowser);
        }
        let flow = Flow { browser: Some(hash.clone()), ..flow };
        let loaded = self.with_session(call, browser, (flow, client.clone(), hash)).await?;
        let turn = Box::pin(self.begin(call, loaded, true)).await?;
        Ok((turn, cookies))
    }

    /// A refusal that the client is told.
    pub(super) fn refusal(&self, to: AnswersTo, (code, why): (&'static str, &str), asks: Option<&BrowserClient>) -> Answer {
        let confirm = asks.filter(|client| client.of != TokenClient::Platform).map(|client| client.name.clone());
        let mut fields = vec![("error", code.to_owned()), ("error_description", why.to_owned())];
        fields.extend(to.state.clone().map(|state| ("state", state)));
        fields.push(("iss", self.issuer()));
        Answer { to, fields, confirm }
    }
}

/// Whether somebody presses a button before an application's wish alone leads them to a provider: where a link would end somebody's session, or where
/// an organization's own application would lead strangers anywhere it likes (RFC 9700, 4.11.2).
fn asks_before_leaving(loaded: &Loaded) -> bool {
    loaded.session.is_some() || loaded.client.of != TokenClient::Platform
}

pub(crate) fn new_flow(
    id: FlowId,
    client: &BrowserClient,
    Asked { request, organization, connection }: Asked,
    expires_at: domain::Time,
    call: &Call,
) -> Flow {
    Flow {
        id,
        client: (client.org(), client.id),
        email: None,
        request,
        browser: None,
        organization,
        is_bereft: false,
        waiting: None,
        passkey: None,
        mail_asked_at: None,
        connection,
        upstream: None,
        trouble: None,
        fresh_since: None,
        sign_ins: 0,
        created_at: call.now,
        expires_at,
        ended_at: None,
    }
}

/// What is given of what was asked for: our own scopes, and those of the API; of who asks for nothing in particular, whoever they are.
fn granted_scopes(asked: &Scopes, api: Option<&Scopes>) -> Scopes {
    let own = |scope: &Scope| OWN_SCOPES.contains(&scope.as_str());
    let at_api = |scope: &Scope| api.is_some_and(|scopes| scopes.iter().any(|known| known == scope));
    if asked.is_empty() {
        return Scopes::stored("openid");
    }
    Scopes::of(asked.iter().filter(|scope| own(scope) || at_api(scope)).cloned())
}

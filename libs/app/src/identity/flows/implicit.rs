//! The native contract's sign-in through a provider: an address of ours that names organization, service and provider, and tokens in the fragment of
//! the service's address at its end (RFC 6749, 4.2). It is the same flow as every other, with another beginning and another answer. A code that only a
//! secret exchanges is better (RFC 9700, 2.1.2): a service takes this only if it says so, and gets who signed in, and nothing that renews it.

use crypto::{Purpose, opaque};
use domain::{
    Event, GrantId, PLATFORM, Result,
    applications::{
        authorization_requests::{AnswersTo, AuthorizationRequest, ResponseMode},
        resource_servers::Scopes,
    },
    core::value::ServiceSlug,
    identity::{
        flows::{FlowId, LASTS},
        sessions::GrantRow,
    },
};
use store::{
    Change, WriteTx,
    applications::browser_clients::BrowserClient,
    identity::{
        federation::Way,
        flows::{Entered, Flow},
        sessions::{ClientsGrant, LivingGrant},
    },
};

use super::{
    Answer, Browser, Cookies, Loaded, Stop, Turn,
    begin::{Asked, new_flow},
    finish::{CHANGED, changed},
};
use crate::{App, Call};

/// What a service gets that takes tokens in the fragment.
const SCOPES: &str = "openid email profile";

/// Where somebody wants to sign in, and through what.
#[derive(Clone, Debug, Default)]
pub struct ThroughProvider {
    /// The provider, by its connection's name.
    pub provider: String,
    /// The connection, by name or id, in the provider's place.
    pub connection: Option<String>,
    /// The organization's slug.
    pub organization: String,
    /// The service's slug.
    pub service: String,
    /// Where the answer belongs; `None`: where it always does.
    pub redirect_uri: Option<String>,
    /// What the service knows its request by.
    pub state: Option<String>,
}

impl App {
    /// Begins a sign-in to a service through one of its organization's providers. Whatever is wrong is told on a page, and to nobody else.
    pub async fn sign_in_through(&self, call: &Call, browser: &Browser, asked: &ThroughProvider) -> Result<(Turn, Cookies)> {
        let (client, organization, way, to) = match self.read_through(asked).await? {
            Ok(found) => found,
            Err(stop) => return Ok((Turn::Stop(stop), Cookies::default())),
        };
        let request = AuthorizationRequest {
            to,
            scopes: Scopes::stored(SCOPES),
            organization: Some(organization.slug.to_string()),
            connection: Some(way.slug.as_str().to_owned()),
            ..AuthorizationRequest::default()
        };
        let (hash, cookies) = self.browser_of(browser);
        let asked = Asked { request, organization: Some(organization), connection: Some(way.id) };
        let flow = new_flow(FlowId::new(self.ids.uuid(call.now)), &client, asked, call.now + LASTS, call);
        let flow = Flow { browser: Some(hash.clone()), ..flow };
        let loaded = self.with_session(call, browser, (flow, client, hash)).await?;
        Ok((self.begin(call, loaded, false).await?, cookies))
    }

    /// What such a request names, all of it as it is registered.
    async fn read_through(
        &self,
        asked: &ThroughProvider,
    ) -> Result<std::result::Result<(BrowserClient, Entered, Way, AnswersTo), Stop>> {
        let Some(organization) = self.organization_named(&asked.organization).await? else { return Ok(Err(Stop::UnknownClient)) };
        let client = match asked.service.parse::<ServiceSlug>() {
            Ok(service) => self.store.public_client_of_service(organization.id, &service).await?,
            Err(_) => None,
        };
        let Some(client) = client.filter(takes_tokens) else { return Ok(Err(Stop::UnknownClient)) };
        let redirect_uri = match (&asked.redirect_uri, client.sign_in.redirect_uris.as_slice()) {
            (Some(uri), _) if client.sign_in.comes_back_to(uri) => uri.clone(),
            (None, [only]) => only.as_str().to_owned(),
            _ => return Ok(Err(Stop::BadRedirect)),
        };
        let named = asked.connection.as_deref().unwrap_or(&asked.provider);
        let ways = self.store.public_ways(organization.id).await?;
        let way = ways.into_iter().find(|way| way.slug.as_str() == named || way.id.to_string() == named);
        let Some(way) = way else {
            return Ok(Err(Stop::BadRequest("Nobody signs in to that organization through this provider.")));
        };
        let to = AnswersTo { redirect_uri, mode: ResponseMode::Fragment, state: asked.state.clone() };
        Ok(Ok((client, organization, way, to)))
    }

    /// Answers with tokens a flow that misses nothing.
    pub(super) async fn issue_tokens(&self, call: &Call, loaded: Loaded, kept: bool) -> Result<Turn> {
        // What a service takes back counts at once.
        if !takes_tokens(&loaded.client) {
            return Ok(Turn::Stop(Stop::BadRedirect));
        }
        self.fresh_keys(call.now).await?;
        let nobodys = opaque::mint(Purpose::Refresh, self.ids.as_ref());
        let outcome = self
            .anonymously(call, async |tx| {
                if kept && !tx.end_flow(loaded.mine()).await? {
                    return Err(changed());
                }
                self.write_grant(tx, call, &loaded, &nobodys.hash).await
            })
            .await;
        let living = match outcome {
            Ok(living) => living,
            Err(e) if e.code == CHANGED => return Ok(Turn::Stop(Stop::Over)),
            Err(e) => return Err(e),
        };
        let client = self.store.public_token_client(&loaded.client.client_id, "", call.now).await?;
        let Some(client) = client else { return Ok(Turn::Stop(Stop::UnknownClient)) };
        let made = self.tokens(&living, &client, (None, None), call.now).await?;
        let to = loaded.flow.request.to;
        let mut fields = vec![("access_token", made.access_token), ("token_type", "Bearer".to_owned())];
        fields.push(("expires_in", made.expires_in.to_string()));
        fields.extend(to.state.clone().map(|state| ("state", state)));
        Ok(Turn::Answer(Answer { to, fields, confirm: None }))
    }

    async fn write_grant(&self, tx: &WriteTx, call: &Call, loaded: &Loaded, hash: &str) -> Result<Change<LivingGrant>> {
        let session = self.still_signed_in(tx, call, loaded).await?;
        let (org, longest) = (loaded.flow.organization.as_ref().map_or(PLATFORM, |org| org.id), self.settings.session_longest);
        let id = GrantId::new(tx.uuid());
        let granted = ClientsGrant {
            grant: GrantRow { id, session_id: session.id, user_id: session.user.id, org_id: org },
            client: (loaded.client.org(), loaded.client.id),
            scopes: loaded.flow.request.scopes.clone(),
            audience: None,
            ip_address: tx.origin().ip_address.clone(),
            key: None,
            created_at: tx.now(),
        };
        let until = tx.end_of_session(session.id, tx.now() + self.settings.refresh_ttl, longest).await?;
        tx.insert_clients_grant(&granted, hash, until).await?;
        let living = tx.living_grant(id, longest).await?.ok_or_else(changed)?;
        self.record_entry(tx, loaded, &session).await?;
        let client_id = loaded.client.client_id.clone();
        Ok(Change::new(living, org, Event::ClientAuthorized { user_id: session.user.id, session_id: session.id, client_id }))
    }
}

/// Whether a client is a service that takes tokens in the fragment.
fn takes_tokens(client: &BrowserClient) -> bool {
    client.service.as_ref().is_some_and(|service| service.implicit_grant)
}

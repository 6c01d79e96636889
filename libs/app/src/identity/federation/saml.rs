//! SAML as a second way to a provider and back. What differs from a code: the request is a signed document, and the answer comes by a form of the
//! provider's site, with which a browser sends no cookies. So it is judged where it arrives, what came of it waits sealed, and the browser is led to
//! the same address as with a code, where the cookie shows whose it is ([`super::returning`]).

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use crypto::{Purpose, opaque};
use domain::{
    ConnectionId, Error, OrgId, Result, Time,
    core::{
        ports::{RateRequest, SamlServiceProvider},
        rate::Limit,
    },
    identity::{
        connections::{
            Connection, Protocol,
            certificates::State,
            documents::{Configuration, Metadata},
        },
        federation::{
            Binds,
            asserted::Asserted,
            attempts::{Failure, Reason, Stage},
        },
        saml::{AuthnRequest, Binding, Dispatch, Expectation, MessageId, RelayState, SKEW, SpKey, SpMetadata},
    },
};
use store::{
    Change, NoEvent,
    identity::federation::{
        Upstream,
        logins::{Judged, UpstreamLogin},
    },
};

use crate::{
    App, Call,
    identity::flows::{Stop, Turn},
};

/// Who we are to a connection's provider: each has addresses of its own, so that no answer for one is an answer for another (T08).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceProvider {
    /// Our entity ID, where our metadata is.
    pub entity_id: String,
    /// Where responses are sent.
    pub acs: String,
}

/// Keys that are made for a connection: one signs, the other is published with it.
const KEYS: usize = 2;

/// Responses that are refused, of one connection and network: so many at once, and then one each 10 seconds.
const REFUSED: Limit = Limit { burst: 30, period: Duration::from_secs(10) };

impl App {
    /// Whether people sign in by it here: SAML can be switched off.
    pub(crate) fn speaks(&self, protocol: Protocol) -> bool {
        protocol != Protocol::Saml || self.saml.is_some()
    }

    /// Who we are to a connection's provider.
    pub fn service_provider(&self, connection: ConnectionId) -> ServiceProvider {
        let at = |what: &str| format!("{}/auth/c/{connection}/saml/{what}", self.settings.public_url);
        ServiceProvider { entity_id: at("metadata"), acs: at("acs") }
    }

    /// Our metadata for a connection's provider, in XML. `None`: there is no such connection.
    pub async fn saml_metadata(&self, call: &Call, id: ConnectionId) -> Result<Option<String>> {
        self.admit_browser("saml-metadata", call).await?;
        let Some(saml) = &self.saml else { return Ok(None) };
        let Some(org) = self.store.public_saml_connection(id).await? else { return Ok(None) };
        let Some(keys) = self.saml_keys(call, saml.as_ref(), (org, id)).await? else { return Ok(None) };
        let ServiceProvider { entity_id, acs } = self.service_provider(id);
        let about = SpMetadata {
            id: MessageId::new(self.ids.secret()),
            entity_id,
            acs,
            slo: Some(self.slo_url(id)),
            signing: keys.iter().map(|key| key.certificate.clone()).collect(),
            encryption: keys.iter().take(1).map(|key| key.certificate.clone()).collect(),
            valid_until: None,
            key: None,
        };
        saml.metadata(&about).map(Some)
    }

    /// Our keys at a connection's provider, the one that signs first. They are made when they are needed first; of several who need them at
    /// once, one keeps theirs. `None`: the connection is gone.
    pub(super) async fn saml_keys(
        &self,
        call: &Call,
        saml: &dyn SamlServiceProvider,
        (org, id): (OrgId, ConnectionId),
    ) -> Result<Option<Vec<SpKey>>> {
        let known = self.store.public_saml_keys(org, id).await?;
        if known.is_some() {
            return Ok(known);
        }
        let mut made = Vec::new();
        for _ in 0..KEYS {
            made.push(saml.new_key(id.to_string(), call.now).await?);
        }
        self.anonymously(call, async |tx| {
            tx.keep_saml_keys(org, id, &made).await?;
            Ok(Change::silent((), NoEvent::Housekeeping))
        })
        .await?;
        self.store.public_saml_keys(org, id).await
    }

    /// To where a response is made.
    pub(super) async fn by_saml(
        &self,
        call: &Call,
        connection: &Connection,
        (state, fresh): (&str, bool),
    ) -> Result<std::result::Result<(Binds, Dispatch), Failure>> {
        let incomplete = || Ok(Err(Failure::at(Stage::Connection, Reason::ConnectionDisabled)));
        let Some(saml) = &self.saml else { return incomplete() };
        let Some((binding, destination)) = destination(connection) else { return incomplete() };
        let keys = self.saml_keys(call, saml.as_ref(), (connection.org_id, connection.id)).await?;
        let Some(key) = keys.and_then(|keys| keys.into_iter().next()) else { return incomplete() };
        let ServiceProvider { entity_id, acs } = self.service_provider(connection.id);
        let id = MessageId::new(self.ids.secret());
        let request = AuthnRequest {
            id: id.clone(),
            issued_at: call.now,
            destination,
            binding,
            entity_id,
            acs,
            relay_state: state.parse::<RelayState>().map_err(Error::internal)?,
            force_authn: fresh,
            name_id_format: None,
            contexts: Vec::new(),
            key,
        };
        Ok(Ok((Binds::Response(id), saml.ask(&request)?)))
    }

    /// Takes a response that a browser brings by a form of the provider's site, and leads it on to where its cookie counts. What came of it, that
    /// address says.
    pub async fn take_saml_response(
        &self,
        call: &Call,
        connection: ConnectionId,
        (response, relay_state): (String, &str),
    ) -> Result<Turn> {
        self.admit_browser("flow-steps", call).await?;
        let Some(saml) = &self.saml else { return Ok(Turn::Stop(Stop::Over)) };
        if !opaque::recognises(Purpose::Upstream, relay_state) {
            return self.unasked(connection).await;
        }
        let login = self.store.public_upstream_login(&opaque::hash(relay_state)).await?;
        let Some(login) = login.filter(|login| login.connection == connection) else { return Ok(Turn::Stop(Stop::Over)) };
        let back = Turn::Away(Dispatch::Redirect(format!("{}?state={relay_state}", self.callback_url(connection))));
        if login.judged || login.answered || login.expires_at <= call.now {
            return Ok(back);
        }
        let Some(request) = self.store.upstream_request(&login).await? else { return Ok(Turn::Stop(Stop::Over)) };
        // One that was switched off, or changed, judges nobody: that is said where the browser is led.
        let flow = self.store.public_flow(login.flow).await?;
        let upstream = match &flow {
            Some(flow) => self.upstream_of(&flow.request, (login.org, connection)).await?,
            None => None,
        };
        let Some(upstream) = upstream.filter(|upstream| upstream.connection.generation == login.generation) else {
            return Ok(back);
        };
        let look = RateRequest::new(format!("saml-refused:{connection}:{}", call.origin.ranges()[0]), REFUSED);
        self.admit("sign_in", std::slice::from_ref(&look)).await?;
        let judged = self.judge_response(call, saml.as_ref(), (&login, &upstream), (response, request)).await?;
        if judged.is_ok() && self.settings.limits.enabled {
            self.kv.give_back(&look).await;
        }
        let keep = async |tx: &store::WriteTx| Ok(Change::silent(tx.keep_judged(&login, &judged).await?, NoEvent::Housekeeping));
        self.anonymously(call, keep).await?;
        Ok(back)
    }

    async fn judge_response(
        &self,
        call: &Call,
        saml: &dyn SamlServiceProvider,
        (login, upstream): (&UpstreamLogin, &Upstream),
        (response, request): (String, MessageId),
    ) -> Result<Judged> {
        let connection = &upstream.connection;
        let keys = self.store.public_saml_keys(connection.org_id, connection.id).await?.unwrap_or_default();
        let us = self.service_provider(connection.id);
        let Some(expected) = expectation(connection, us, (login, request), (keys, call.now)) else {
            return Ok(Err(Failure::at(Stage::Connection, Reason::ConnectionDisabled)));
        };
        let outcome = saml.judge(response, expected).await?;
        let names = &connection.mapping.attributes;
        let asserted = outcome.verdict.map(|said| Asserted::of_assertion(names, &said));
        Ok(asserted.map_err(|failed| Failure::of_response(failed, outcome.findings)))
    }

    /// What came of the response of a login.
    pub(super) async fn judged(&self, login: &UpstreamLogin) -> Result<Judged> {
        let judged = self.store.upstream_judged(login).await?;
        Ok(judged.unwrap_or_else(|| Err(Failure::at(Stage::Answer, Reason::AnswerUnreadable))))
    }
}

/// Where requests go: to what somebody wrote down, by redirect; else to what the provider publishes, by redirect if it takes that.
fn destination(connection: &Connection) -> Option<(Binding, domain::identity::connections::ProviderUrl)> {
    if let Some(url) = &connection.endpoints.authorization {
        return Some((Binding::Redirect, url.clone()));
    }
    let Some(Configuration::Metadata(metadata)) = &connection.documents.configuration.content else { return None };
    let Metadata { sign_in_redirect, sign_in_post, .. } = metadata.as_ref();
    let by = |binding: Binding| move |url: &domain::identity::connections::ProviderUrl| (binding, url.clone());
    sign_in_redirect.as_ref().map(by(Binding::Redirect)).or_else(|| sign_in_post.as_ref().map(by(Binding::Post)))
}

/// The provider's certificates that count now, in DER.
pub(super) fn certificates(connection: &Connection, now: Time) -> Vec<Vec<u8>> {
    let current = connection.certificates.iter().filter(|one| one.state(now) == State::Current);
    current.filter_map(|one| STANDARD.decode(&one.der).ok()).collect()
}

/// What a response has to fit. `None`: nobody knows whose it would be.
fn expectation(
    connection: &Connection,
    us: ServiceProvider,
    (login, request_id): (&UpstreamLogin, MessageId),
    (keys, now): (Vec<SpKey>, Time),
) -> Option<Expectation> {
    Some(Expectation {
        issuer: connection.effective().issuer?,
        certificates: certificates(connection, now),
        entity_id: us.entity_id,
        acs: us.acs,
        request_id,
        authenticated_since: login.fresh.then_some(login.created_at),
        keys,
        unauthenticated_cbc: connection.saml.unauthenticated_cbc,
        subject: connection.mapping.attributes.subject.clone(),
        skew: SKEW,
        now,
    })
}

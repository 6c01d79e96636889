//! Single logout by SAML's redirect binding, both ways. A provider signs somebody out who came through it: that ends what their sessions did through this
//! connection, and nothing else. And whoever signs out here is signed out at the provider through which they came.

use crypto::{Purpose, opaque};
use domain::{
    ConnectionId, Error, Event, OrgId, Result, Time, UserId,
    core::ports::SamlServiceProvider,
    identity::{
        authentications::Authentications,
        connections::{Connection, ProviderUrl, documents::Configuration},
        federation::{UpstreamLoginId, asserted::Asserted},
        saml::{Dispatch, Logout, LogoutExpectation, LogoutRequest, LogoutResponse, MessageId, NameId, RelayState, SKEW},
    },
};
use store::{
    Change, NoEvent, WriteTx,
    identity::federation::{
        logins::UpstreamLogin,
        saml_sessions::{SamlSessionHashes, SamlSessionKey},
    },
};

use super::saml::certificates;
use crate::{App, Call};

/// Where a browser is led that brought a logout message.
#[derive(Debug)]
pub enum SamlLogout {
    /// There.
    To(String),
    /// Nowhere: whoever it was is signed out.
    Done,
    /// Nowhere: the message is none that counts.
    Refused,
}

/// Somebody who is signed out at a provider next.
pub(crate) struct SamlLeaving {
    key: SamlSessionKey,
    request: MessageId,
    state_hash: String,
    /// Where the browser is sent.
    pub(crate) url: String,
}

impl SamlLeaving {
    /// Remembers where the browser goes on afterwards. `false`: the provider's session is not known any more.
    pub(crate) async fn remember(&self, tx: &WriteTx, back: Option<&str>) -> Result<bool> {
        tx.leave_saml_session(self.key, (&self.request, &self.state_hash, back)).await
    }
}

/// A provider's request that somebody is signed out.
struct Asked {
    id: String,
    seen_until: Time,
    name_id: NameId,
    session_indexes: Vec<String>,
    relay_state: Option<String>,
}

impl App {
    /// Where logout messages for a connection arrive.
    pub(super) fn slo_url(&self, connection: ConnectionId) -> String {
        format!("{}/auth/c/{connection}/saml/slo", self.settings.public_url)
    }

    /// By what the provider finds the session of somebody who came, and until when that has to be remembered.
    pub(super) fn provider_session(
        &self,
        login: &UpstreamLogin,
        asserted: &Asserted,
        now: Time,
    ) -> Option<(SamlSessionHashes, Time)> {
        let word = asserted.saml.as_ref()?;
        let name = self.name_hash(login.connection, &asserted.issuer, word.name_id.as_ref()?);
        let hashes = SamlSessionHashes { name, index: word.session_index.as_deref().map(opaque::hash) };
        let longest = now + self.settings.session_longest;
        Some((hashes, asserted.until.map_or(longest, |until| until.min(longest))))
    }

    fn name_hash(&self, connection: ConnectionId, issuer: &str, name_id: &NameId) -> String {
        opaque::hash(&name_id.key(issuer, &self.service_provider(connection).entity_id))
    }

    /// Takes a logout message that a browser brings from a provider, given as the query, raw.
    pub async fn take_saml_logout(&self, call: &Call, id: ConnectionId, query: &str) -> Result<SamlLogout> {
        self.admit_browser("flow-steps", call).await?;
        let Some(saml) = &self.saml else { return Ok(SamlLogout::Refused) };
        let Some(org) = self.store.public_saml_connection(id).await? else { return Ok(SamlLogout::Refused) };
        let Some(upstream) = self.store.public_upstream(org, id).await? else { return Ok(SamlLogout::Refused) };
        let connection = &upstream.connection;
        let Some(issuer) = connection.effective().issuer else { return Ok(SamlLogout::Refused) };
        let expected = LogoutExpectation {
            issuer: issuer.clone(),
            certificates: certificates(connection, call.now),
            slo: self.slo_url(id),
            skew: SKEW,
            now: call.now,
        };
        match saml.logout(query, &expected) {
            Ok(Logout::Requested { id: message, seen_until, name_id, session_indexes, relay_state }) => {
                let asked = Asked { id: message, seen_until, name_id, session_indexes, relay_state };
                if !self.end_by_provider(call, connection, (issuer.as_str(), &asked)).await? {
                    return Ok(SamlLogout::Refused);
                }
                self.answer_provider(call, saml.as_ref(), connection, asked).await
            }
            Ok(Logout::Answered { in_response_to, relay_state, .. }) => {
                let state = opaque::hash(relay_state.as_deref().unwrap_or_default());
                let left = self
                    .anonymously(call, async |tx| {
                        let left = tx.saml_session_left((org, id), (&state, &in_response_to)).await?;
                        Ok(Change::silent(left, NoEvent::Housekeeping))
                    })
                    .await?;
                Ok(match left {
                    Some(Some(back)) => SamlLogout::To(back),
                    Some(None) => SamlLogout::Done,
                    None => SamlLogout::Refused,
                })
            }
            Err(_) => Ok(SamlLogout::Refused),
        }
    }

    /// Ends what sessions did through the connection, of whoever is named. `false`: the message was used before.
    async fn end_by_provider(&self, call: &Call, connection: &Connection, (issuer, asked): (&str, &Asked)) -> Result<bool> {
        let of = (connection.org_id, connection.id);
        let name = self.name_hash(connection.id, issuer, &asked.name_id);
        let indexes: Vec<String> = asked.session_indexes.iter().map(|index| opaque::hash(index)).collect();
        self.anonymously(call, async |tx| {
            let scope = format!("saml logout {}", connection.id);
            if !tx.see_once(&scope, &opaque::hash(&asked.id), asked.seen_until).await? {
                return Ok(Change::silent(false, NoEvent::Unchanged));
            }
            let meant = tx.saml_sessions_of(of, (&name, &indexes)).await?;
            let told = ended(tx, of, meant).await?;
            let mut told = told.into_iter();
            let Some(first) = told.next() else { return Ok(Change::silent(true, NoEvent::Housekeeping)) };
            Ok(told.fold(Change::new(true, of.0, first), |change, event| change.and(of.0, event)))
        })
        .await
    }

    async fn answer_provider(
        &self,
        call: &Call,
        saml: &dyn SamlServiceProvider,
        connection: &Connection,
        asked: Asked,
    ) -> Result<SamlLogout> {
        let Some(destination) = sign_out(connection) else { return Ok(SamlLogout::Done) };
        let keys = self.saml_keys(call, saml, (connection.org_id, connection.id)).await?;
        let Some(key) = keys.and_then(|keys| keys.into_iter().next()) else { return Ok(SamlLogout::Done) };
        let response = LogoutResponse {
            id: MessageId::new(self.ids.secret()),
            issued_at: call.now,
            destination: destination.clone(),
            entity_id: self.service_provider(connection.id).entity_id,
            in_response_to: asked.id,
            is_success: true,
            relay_state: asked.relay_state,
            key,
        };
        match saml.answer_logout(&response)? {
            Dispatch::Redirect(url) => Ok(SamlLogout::To(url)),
            Dispatch::Post { .. } => Err(Error::internal("a logout message by a form")),
        }
    }

    /// How whoever did this is signed out at the provider through which they came last, if that can be.
    pub(crate) async fn leave_by_saml(&self, call: &Call, did: &Authentications) -> Result<Option<SamlLeaving>> {
        let Some(saml) = &self.saml else { return Ok(None) };
        let through = did.iter().filter_map(|one| one.through.map(|through| (one.at, through)));
        let last = through.filter(|(_, through)| through.login.is_some()).max_by_key(|(at, _)| *at);
        let Some((_, through)) = last else { return Ok(None) };
        let Some(login) = through.login else { return Ok(None) };
        let key = SamlSessionKey { org: through.org, connection: through.id, login };
        let Some(upstream) = self.store.public_upstream(key.org, key.connection).await? else { return Ok(None) };
        let Some(destination) = sign_out(&upstream.connection) else { return Ok(None) };
        let Some((name_id, session_index)) = self.store.public_saml_session(key, call.now).await? else { return Ok(None) };
        let keys = self.saml_keys(call, saml.as_ref(), (key.org, key.connection)).await?;
        let Some(own) = keys.and_then(|keys| keys.into_iter().next()) else { return Ok(None) };
        let (state, id) = (opaque::mint(Purpose::Upstream, self.ids.as_ref()), MessageId::new(self.ids.secret()));
        let request = LogoutRequest {
            id: id.clone(),
            issued_at: call.now,
            destination: destination.clone(),
            entity_id: self.service_provider(key.connection).entity_id,
            name_id,
            session_index,
            relay_state: Some(state.text.parse::<RelayState>().map_err(Error::internal)?),
            key: own,
        };
        match saml.ask_logout(&request)? {
            Dispatch::Redirect(url) => Ok(Some(SamlLeaving { key, request: id, state_hash: state.hash, url })),
            Dispatch::Post { .. } => Err(Error::internal("a logout message by a form")),
        }
    }
}

/// Remembers by what the provider knows somebody who came.
pub(super) async fn remember(
    tx: &WriteTx,
    (login, asserted): (&UpstreamLogin, &Asserted),
    session: Option<&(SamlSessionHashes, Time)>,
    user: UserId,
) -> Result<()> {
    let (Some(word), Some((hashes, until))) = (&asserted.saml, session) else { return Ok(()) };
    tx.keep_saml_session(login, (word, hashes), (user, *until)).await
}

/// Where the provider takes logout messages, by redirect.
fn sign_out(connection: &Connection) -> Option<&ProviderUrl> {
    match connection.documents.configuration.content.as_ref()? {
        Configuration::Metadata(metadata) => metadata.sign_out_redirect.as_ref(),
        Configuration::Discovery(_) => None,
    }
}

/// Ends what came of these sign-ins, person by person, in the order of their ids, so that two such transactions do not wait for each other.
async fn ended(tx: &WriteTx, of: (OrgId, ConnectionId), meant: Vec<(UpstreamLoginId, UserId)>) -> Result<Vec<Event>> {
    let mut of_user: std::collections::BTreeMap<UserId, Vec<UpstreamLoginId>> = std::collections::BTreeMap::new();
    for (login, user) in meant {
        of_user.entry(user).or_default().push(login);
    }
    let mut told = Vec::new();
    for (user, logins) in of_user {
        let count = tx.end_authentications(of, (user, &logins)).await?;
        if count > 0 {
            told.push(Event::SessionsRevoked { user_id: user, count, reason: "provider".to_owned() });
        }
    }
    Ok(told)
}

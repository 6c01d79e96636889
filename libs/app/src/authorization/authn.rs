//! From what a request presents to a credential: the only place that knows what an `Authorization` or `X-Api-Key` header may hold.

use std::net::IpAddr;

use crypto::{Purpose, jwt::claimed_type, opaque};
use domain::{
    ApiKeyId, Error, Event, Result, Stamp,
    applications::api_keys,
    authorization::{
        actor::Actor,
        principal::{ApiKeyCredential, Credential, Principal, PrincipalId, ServiceKeyCredential},
    },
    identity::{impersonation::IMPERSONATION_TYP, sessions::SessionCredential},
};
use store::{Change, NoEvent, WriteTx};

use crate::{
    App, Call,
    core::{admission::Place, limits::by_network},
};

/// What a request may present. Both at once are no credential: who wins would depend on the proxy in front (T13).
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The `X-Api-Key` header.
    pub api_key: Option<&'a str>,
}

fn missing() -> Error {
    Error::unauthenticated("missing_token", "Send `Authorization: Bearer <access token>`, or an API key in `X-Api-Key`.")
}

fn bearer(authorization: &str) -> Result<&str> {
    match authorization.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(missing()),
    }
}

impl App {
    /// Whose credential a request presents: a `Bearer` access token, or an API key in either header. Whether it lives is asked at use.
    pub async fn authenticate(&self, presented: Presented<'_>, call: &Call) -> Result<Credential> {
        let token = match presented {
            Presented { authorization: Some(value), api_key: None } => bearer(value)?,
            Presented { authorization: None, api_key: Some(key) } => return self.authenticate_key(key.trim(), call).await,
            _ => return Err(missing()),
        };
        if [Purpose::ApiKey, Purpose::ServiceKey].iter().any(|purpose| opaque::recognises(*purpose, token)) {
            return self.authenticate_key(token, call).await;
        }
        self.credential_of(token, call).await
    }

    /// The credential that a token of ours is: an access token, or that of who acts as somebody else.
    pub(crate) async fn credential_of(&self, token: &str, call: &Call) -> Result<Credential> {
        let now = call.now;
        match self.verify_access(token, now).await {
            Ok(claims) => Ok(Credential::Session(SessionCredential::of(&claims, call.origin.address()))),
            Err(_) if claimed_type(token).as_deref() == Some(IMPERSONATION_TYP) => {
                self.verify_impersonation(token, now).await.map(Credential::Impersonation)
            }
            Err(e) => Err(e),
        }
    }

    async fn authenticate_key(&self, secret: &str, call: &Call) -> Result<Credential> {
        if opaque::recognises(Purpose::ServiceKey, secret) {
            return self.authenticate_service_key(secret, call).await;
        }
        if !opaque::recognises(Purpose::ApiKey, secret) {
            return Err(api_keys::invalid());
        }
        let hash = opaque::hash(secret);
        let from = call.origin.address();
        let id = match self.counters.seen.api_key(&hash, call.now) {
            Some(id) => id,
            None => self.find_key(&hash, from, call).await?,
        };
        Ok(Credential::ApiKey(ApiKeyCredential { id, hash, from }))
    }

    async fn authenticate_service_key(&self, secret: &str, call: &Call) -> Result<Credential> {
        let hash = opaque::hash(secret);
        let id = match self.counters.seen.api_key(&hash, call.now) {
            Some(id) => id,
            None => self.find_service_key(&hash, call).await?,
        };
        Ok(Credential::ServiceKey(ServiceKeyCredential { id, hash }))
    }

    async fn find_service_key(&self, hash: &str, call: &Call) -> Result<ApiKeyId> {
        self.admit_unknown_key(call).await?;
        let key = self.store.authenticate_service_key(hash, call.now).await?.ok_or_else(api_keys::invalid)?;
        if key.use_is_due(call.now) {
            let first = Event::ApiKeyFirstUsed { api_key_id: key.id, name: key.name.to_string() };
            self.record_key_use(&Principal::ServiceKey(key.clone()), key.id, call, async |tx| {
                let is_first = tx.record_service_key_use(&key).await?;
                Ok(if is_first { Change::new((), key.org_id, first.clone()) } else { Change::silent((), NoEvent::Housekeeping) })
            })
            .await?;
        }
        self.counters.seen.api_key_found(hash.to_owned(), key.id, call.now);
        Ok(key.id)
    }

    /// A key that this process has not seen for a while is looked up. There is nothing to guess, but each costs a statement, so they are
    /// counted against the network they come from.
    async fn admit_unknown_key(&self, call: &Call) -> Result<()> {
        let limit = self.settings.limits.account.reads;
        if limit.is_none() { Ok(()) } else { self.admit("api_keys", &by_network("apikey", call, limit)).await }
    }

    async fn find_key(&self, hash: &str, from: Option<IpAddr>, call: &Call) -> Result<ApiKeyId> {
        self.admit_unknown_key(call).await?;
        let key = self.store.authenticate_api_key(hash, call.now).await?.ok_or_else(api_keys::invalid)?;
        key.usable(call.now, from)?;
        if key.use_is_due(call.now) {
            let first = Event::ApiKeyFirstUsed { api_key_id: key.id, name: key.name.to_string() };
            self.record_key_use(&Principal::ApiKey(key.clone()), key.id, call, async |tx| {
                let is_first = tx.record_api_key_use(&key).await?;
                Ok(if is_first { Change::new((), key.org_id, first.clone()) } else { Change::silent((), NoEvent::Housekeeping) })
            })
            .await?;
        }
        self.counters.seen.api_key_found(hash.to_owned(), key.id, call.now);
        Ok(key.id)
    }

    async fn record_key_use(
        &self,
        key: &Principal,
        id: ApiKeyId,
        call: &Call,
        record: impl AsyncFn(&WriteTx) -> Result<Change<()>>,
    ) -> Result<()> {
        let stamp = Stamp { actor: Actor::from(key), origin: call.origin.clone(), now: call.now };
        // Other requests with the same key may be about to record it as well.
        let place = self.admit_write(PrincipalId::ApiKey(id), Place::Own).await?;
        self.store.write_holding(&stamp, place, record).await
    }
}

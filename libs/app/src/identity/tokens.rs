//! Tokens: the signing keys that are live now, and the pair of tokens that every sign-in answers.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::TimeDelta;
use crypto::{Alg, Expected, JwtError, KeySet, Purpose, opaque};
use domain::{
    Error, GrantId, OrgId, PLATFORM, Result, Time,
    core::value::Slug,
    identity::{
        accounts::User,
        sessions::{ACCESS_TYP, AccessClaims, GrantRow, Session, TokenPair},
    },
};
use moka::sync::Cache;
use serde::{Serialize, de::DeserializeOwned};
use store::{Store, WriteTx, identity::sessions::Refreshable};

use crate::{App, Settings};

/// The live signing keys, shared by all clones.
#[derive(Clone)]
pub struct Keys {
    set: Arc<RwLock<(KeySet, Time)>>,
    /// SHA-256 of a token -> its claims: the signature is checked once per process, the session at every request.
    verified: Cache<String, Arc<AccessClaims>>,
    reloading: Arc<tokio::sync::Mutex<()>>,
    making: Arc<tokio::sync::Mutex<()>>,
}

/// Keys are read again this long after they were, so a rotation reaches every process without a restart.
const REFRESH: TimeDelta = TimeDelta::seconds(60);
/// Tokens with an unknown key make us look for new ones, but not more often than this.
const UNKNOWN_PAUSE: TimeDelta = TimeDelta::seconds(5);

impl Keys {
    pub(crate) async fn load(store: &Store, settings: &Settings, now: Time) -> Result<Self> {
        let keys = store.signing_keys(now).await?;
        if !keys.iter().any(|k| k.key.alg() == settings.access_alg && k.retired_at.is_none()) {
            store.add_signing_key(settings.access_alg, now, now, None).await?;
        }
        let set = read(store, now).await?;
        // As if read a while ago: a process that started with us may publish its own first key in the next moment.
        Ok(Self {
            set: Arc::new(RwLock::new((set, now - UNKNOWN_PAUSE))),
            verified: Cache::new(50_000),
            reloading: Arc::default(),
            making: Arc::default(),
        })
    }

    fn current(&self) -> (KeySet, Time) {
        self.set.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the keys again, if nobody has since `seen`. One caller does it; with `wait` the others stay for its result, otherwise they go
    /// on with what there is. If it fails, the old keys stay.
    async fn reload(&self, store: &Store, now: Time, seen: Time, wait: bool) {
        let _alone = match (self.reloading.try_lock(), wait) {
            (Ok(alone), _) => alone,
            (Err(_), true) => self.reloading.lock().await,
            (Err(_), false) => return,
        };
        let (old, read_at) = self.current();
        if read_at != seen {
            return;
        }
        let set = match read(store, now).await {
            Ok(set) => {
                // A key may have been retired.
                self.verified.invalidate_all();
                set
            }
            Err(e) => {
                tracing::warn!(error = %e, "the signing keys cannot be read again; the old ones stay in use");
                old
            }
        };
        *self.set.write().unwrap_or_else(PoisonError::into_inner) = (set, now);
    }
}

async fn read(store: &Store, now: Time) -> Result<KeySet> {
    let keys = store.signing_keys(now).await?;
    Ok(KeySet::new(keys.into_iter().map(|k| (k.key, k.active_from, k.retired_at)).collect()))
}

/// Whose organization a grant is for.
pub(crate) enum For<'a> {
    Platform,
    Organization(OrgId, &'a Slug),
}

impl For<'_> {
    pub(crate) fn org(&self) -> OrgId {
        match self {
            For::Platform => PLATFORM,
            For::Organization(id, _) => *id,
        }
    }
    fn slug(&self) -> Option<&Slug> {
        match self {
            For::Platform => None,
            For::Organization(_, slug) => Some(slug),
        }
    }
}

impl App {
    /// Reads the signing keys again when it is time. Never inside a transaction: it takes a connection of its own.
    pub(crate) async fn fresh_keys(&self, now: Time) -> Result<KeySet> {
        let (set, read_at) = self.keys.current();
        if (now - read_at).abs() < REFRESH {
            return Ok(set);
        }
        self.keys.reload(&self.store, now, read_at, false).await;
        Ok(self.keys.current().0)
    }

    /// The signing keys as they were last read.
    pub(crate) fn known_keys(&self) -> KeySet {
        self.keys.current().0
    }

    /// What an access token says, if we signed it, for us, and it has not expired.
    pub async fn verify_access(&self, token: &str, now: Time) -> Result<Arc<AccessClaims>> {
        self.fresh_keys(now).await?;
        let digest = opaque::hash(token);
        if let Some(claims) = self.keys.verified.get(&digest) {
            return if claims.exp > now.timestamp() { Ok(claims) } else { Err(JwtError::Expired.into()) };
        }
        let claims: AccessClaims = self.verified(token, ACCESS_TYP, now).await?;
        if claims.token_use != "management_access" || claims.aud != audience(claims.org.as_ref()) {
            return Err(JwtError::Wrong.into());
        }
        let claims = Arc::new(claims);
        self.keys.verified.insert(digest, claims.clone());
        Ok(claims)
    }

    /// The claims of a token of this type, if we signed it and it has not expired.
    pub(crate) async fn verified<C: DeserializeOwned>(&self, token: &str, typ: &'static str, now: Time) -> Result<C> {
        let set = self.fresh_keys(now).await?;
        let expected = Expected { typ, issuer: self.settings.public_url.clone(), audience: None };
        match set.verify(token, &expected, now) {
            Err(JwtError::UnknownKey) => {
                // A key that another process has made: look for it, but not at every forged token.
                let read_at = self.keys.current().1;
                if (now - read_at).abs() >= UNKNOWN_PAUSE {
                    self.keys.reload(&self.store, now, read_at, true).await;
                }
                Ok(self.keys.current().0.verify(token, &expected, now)?)
            }
            outcome => Ok(outcome?),
        }
    }

    /// Signs claims as a token of this type.
    pub(crate) fn sign<C: Serialize>(&self, typ: &str, claims: &C, now: Time) -> Result<String> {
        self.keys.current().0.sign_with(self.settings.access_alg, typ, claims, now)
    }

    /// The same with the newest key of an algorithm. The first key of each is made when it is needed.
    pub(crate) async fn sign_by<C: Serialize>(&self, alg: Alg, typ: &str, claims: &C, now: Time) -> Result<String> {
        if !self.keys.current().0.has(alg, now) {
            self.make_first_key(alg, now).await?;
        }
        self.keys.current().0.sign_with(alg, typ, claims, now)
    }

    async fn make_first_key(&self, alg: Alg, now: Time) -> Result<()> {
        let _alone = self.keys.making.lock().await;
        // Somebody else may have made it, here or in another process.
        self.keys.reload(&self.store, now, self.keys.current().1, true).await;
        if !self.keys.current().0.has(alg, now) {
            self.store.add_signing_key(alg, now, now, None).await?;
            self.keys.reload(&self.store, now, self.keys.current().1, true).await;
        }
        Ok(())
    }

    /// The public keys, for `/.well-known/jwks.json`.
    pub async fn jwks(&self) -> Result<serde_json::Value> {
        let now = self.clock.now();
        Ok(self.fresh_keys(now).await?.jwks(now))
    }

    /// Publishes a new signing key of each algorithm that there is, which takes over after `tokens.key_publish_seconds`; what the old one signed stays valid until it
    /// has expired by itself.
    pub async fn rotate_signing_key(&self) -> Result<Time> {
        let now = self.clock.now();
        let active_from = now + self.settings.key_publish;
        let longest = self.settings.access_ttl.max(TimeDelta::days(1)); // tokens for other APIs: resource_servers::TokenLife
        let retire_at = active_from + longest + TimeDelta::minutes(5);
        let set = self.fresh_keys(now).await?;
        for alg in
            [Alg::Rs256, Alg::Es256, Alg::EdDsa].into_iter().filter(|alg| *alg == self.settings.access_alg || set.has(*alg, now))
        {
            self.store.add_signing_key(alg, now, active_from, Some(retire_at)).await?;
        }
        Ok(active_from)
    }

    /// Adds a grant to a session and mints its tokens.
    pub(crate) async fn grant(&self, tx: &WriteTx, user: &User, session: &Session, to: &For<'_>) -> Result<TokenPair> {
        let grant = GrantRow { id: GrantId::new(tx.uuid()), session_id: session.id, user_id: user.id, org_id: to.org() };
        let refresh = opaque::mint(Purpose::Refresh, self.ids.as_ref());
        let wanted = tx.now() + self.settings.refresh_ttl;
        let expires_at = tx.end_of_session(session.id, wanted, self.settings.session_longest).await?;
        tx.insert_grant(&grant, refresh.hash, expires_at).await?;
        self.pair(tx, user, &grant, to.slug(), refresh.text).await
    }

    /// Replaces a grant's refresh token and mints a new pair, which is remembered for whoever asks the same again at once.
    pub(crate) async fn renew(
        &self,
        tx: &WriteTx,
        found: &Refreshable,
        slug: Option<&Slug>,
        old_hash: &str,
    ) -> Result<TokenPair> {
        let (grant, refresh, at) = (&found.grant, opaque::mint(Purpose::Refresh, self.ids.as_ref()), found.at);
        let expires_at = (tx.now() + self.settings.refresh_ttl).min(found.signed_in_at + self.settings.session_longest);
        tx.rotate_refresh(grant, old_hash, refresh.hash, at, expires_at).await?;
        let pair = self.pair(tx, &found.user, grant, slug, refresh.text).await?;
        if self.settings.refresh_race > TimeDelta::zero() {
            tx.remember_renewal(grant, old_hash, &pair, at + self.settings.refresh_race).await?;
        }
        Ok(pair)
    }

    async fn pair(
        &self,
        tx: &WriteTx,
        user: &User,
        grant: &GrantRow,
        slug: Option<&Slug>,
        refresh_token: String,
    ) -> Result<TokenPair> {
        let now = tx.now();
        let claims = AccessClaims {
            token_use: "management_access".to_owned(),
            sub: user.id,
            email: user.email.to_string(),
            is_platform_owner: user.is_platform_owner,
            sid: grant.session_id,
            gid: grant.id,
            org: slug.cloned(),
            org_id: slug.map(|_| grant.org_id),
            aud: audience(slug),
            iss: self.settings.public_url.clone(),
            jti: tx.uuid().to_string(),
            iat: now.timestamp(),
            exp: (now + self.settings.access_ttl).timestamp(),
        };
        let access_token = self.sign(ACCESS_TYP, &claims, now)?;
        Ok(TokenPair { access_token, refresh_token, expires_in: self.settings.access_ttl.num_seconds() })
    }
}

pub(crate) fn audience(slug: Option<&Slug>) -> String {
    slug.map_or_else(|| "platform".to_owned(), |slug| format!("org:{slug}"))
}

/// A sign-in that took place somewhere else, for a second grant of the same session.
pub(crate) fn same_session(person: &domain::identity::accounts::Person, now: Time) -> Session {
    Session {
        id: person.session,
        user_id: person.id,
        method: String::new(),
        did: person.did.clone(),
        ip_address: None,
        user_agent: None,
        created_at: now,
        last_seen_at: now,
        expires_at: now,
    }
}

/// The error for anything that is not a living refresh token. One answer for all: it tells a thief nothing.
pub(crate) fn refused() -> Error {
    Error::unauthenticated("invalid_refresh_token", "This refresh token is not valid any more. Sign in again.")
}

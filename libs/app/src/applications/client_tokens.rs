//! Tokens for programs (RFC 6749, 4.4; RFC 9068): a client shows who it is and gets a token for one API. The token is a signed text that the API
//! verifies by itself; whether client and grant are still there, introspection tells (RFC 7662).
//!
//! Tokens for other APIs are issued by us *with* a slash at the end, our own without, and they are of other audiences: neither is ever taken for the other.

use chrono::TimeDelta;
use crypto::{
    Alg, Expected, JwtError, Purpose,
    foreign::{self, ForeignKeys},
    opaque,
};
use domain::{
    Error, OrgId, Result, Time,
    applications::{
        client_grants::{Allowed, SubjectType, TokenClient, decide, may_act_for, refuse},
        clients::AuthMethod,
        resource_servers::{Scopes, TokenAlg},
    },
    identity::sessions::ACCESS_TYP,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Change, NoEvent, applications::token_clients::Presented, identity::flows::Named};

use super::{
    dpop::{Confirmation, Shown},
    user_tokens::UserClaims,
};
use crate::{App, Call, core::limits::by_network};

/// The longest that an assertion may be good for, and how far clocks may differ.
const ASSERTION: TimeDelta = TimeDelta::minutes(5);
const SKEW: TimeDelta = TimeDelta::seconds(60);
/// The types of assertions: RFC 7523 names none.
const ASSERTION_TYPES: [Option<&str>; 3] = [None, Some("JWT"), Some("client-authentication+jwt")];

/// How somebody shows which client they are; one way per request. It has secrets in it, so it is not for logs.
#[derive(Clone)]
pub enum ClientProof {
    /// By the name and the secret.
    Secret(String, String),
    /// By a signed assertion; the name may be sent beside it.
    Assertion(Option<String>, String),
    /// Not at all: by the name of a client that keeps no secret.
    Name(String),
}

/// A request for a token.
#[derive(Clone, Debug, Default)]
pub struct TokenRequest {
    /// The API that it is for; needed where there are several.
    pub audience: Option<String>,
    /// What is to be done there; `None`: whatever was granted.
    pub scopes: Option<Scopes>,
    /// The organization that it is for, by id or slug.
    pub organization: Option<String>,
}

/// A token.
#[derive(Clone, Debug)]
pub struct ClientToken {
    /// A JWT (`typ: at+jwt`).
    pub access_token: String,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// What may be done with it.
    pub scopes: Scopes,
    /// Whether it is bound to a key (RFC 9449).
    pub bound: bool,
}

/// The claims of such a token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientClaims {
    /// Us, with a slash.
    pub iss: String,
    /// `<client id>@clients`.
    pub sub: String,
    /// The API.
    pub aud: String,
    /// The client.
    pub client_id: String,
    /// The same, for who knows it by this name.
    pub azp: String,
    /// `client-credentials`.
    pub gty: String,
    /// What may be done there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// The organization that it is for, or whose client it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_id: Option<OrgId>,
    /// The key that whoever uses it has to hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// Unique per token.
    pub jti: String,
    /// Unix seconds.
    pub iat: i64,
    /// Unix seconds.
    pub exp: i64,
}

/// What is known of a token that is worth something.
pub enum Introspected {
    /// It is a client's own.
    Client(ClientClaims),
    /// It is in somebody's name.
    User(UserClaims),
}

#[derive(Deserialize)]
struct Assertion {
    iss: String,
    sub: String,
    aud: Value,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    iat: Option<i64>,
    jti: String,
}

/// The API, by its audience, and the organization that tokens are asked about for.
type Wanted<'a> = (Option<&'a str>, Option<OrgId>);

pub(crate) fn invalid_client() -> Error {
    Error::unauthenticated("invalid_client", "The client is unknown, or what it authenticated with is wrong.")
}

pub(crate) fn algorithm(alg: TokenAlg) -> Alg {
    match alg {
        TokenAlg::Rs256 => Alg::Rs256,
        TokenAlg::Es256 => Alg::Es256,
    }
}

impl App {
    /// Who issues tokens for other APIs.
    pub fn issuer(&self) -> String {
        format!("{}/", self.settings.public_url)
    }

    /// A token for a client itself. `Unauthenticated` (`invalid_client`), `RateLimited`, and the refusals of
    /// [`domain::applications::client_grants::decide`] and [`domain::applications::client_grants::may_act_for`].
    pub async fn client_token(&self, call: &Call, shown: &Shown, asked: &TokenRequest) -> Result<ClientToken> {
        // The statement that finds the client also tells what it may have: an organization that is named has to be looked up first.
        let along = asked.organization.is_none().then_some((asked.audience.as_deref(), None));
        let mut client = self.authenticate_for(call, &shown.client, along).await?;
        let key = self.key_of(call, shown).await?;
        if client.auth_method == AuthMethod::None {
            return Err(refuse("unauthorized_client", "A client that keeps no secret gets no tokens for itself."));
        }
        let org = match asked.organization.as_deref() {
            Some(named) => self.organization_named(named).await?.map(|org| org.id),
            None => None,
        };
        let allowed = match client.allowed.take() {
            Some(allowed) => allowed,
            None => self.allowed(&client, (asked.audience.as_deref(), org)).await?,
        };
        let granted = decide(&allowed, asked.audience.as_deref(), asked.scopes.as_ref())?;
        may_act_for(granted.api, asked.organization.is_some().then_some(org))?;
        self.fresh_keys(call.now).await?;
        let cnf = key.map(|jkt| Confirmation { jkt });
        let claims = ClientClaims { cnf, ..self.claims(&client, (granted.api, &granted.scopes), org, call.now) };
        let access_token = self.sign_by(algorithm(granted.api.alg), ACCESS_TYP, &claims, call.now).await?;
        let bound = claims.cnf.is_some();
        Ok(ClientToken { access_token, expires_in: claims.exp - claims.iat, scopes: granted.scopes, bound })
    }

    /// What a client may have tokens for in its own name.
    async fn allowed(&self, client: &Presented, which: (Option<&str>, Option<OrgId>)) -> Result<Vec<Allowed>> {
        self.store.public_allowed_for((client.of.org(), client.id), SubjectType::Client, which).await
    }

    fn claims(&self, client: &Presented, (api, scopes): (&Allowed, &Scopes), org: Option<OrgId>, now: Time) -> ClientClaims {
        let iat = now.timestamp();
        ClientClaims {
            iss: self.issuer(),
            sub: format!("{}@clients", client.client_id),
            aud: api.audience.to_string(),
            client_id: client.client_id.clone(),
            azp: client.client_id.clone(),
            gty: "client-credentials".to_owned(),
            scope: scopes.to_string(),
            org_id: match &client.of {
                TokenClient::Platform => org,
                TokenClient::Of(own, _) => Some(*own),
            },
            cnf: None,
            jti: self.ids.uuid(now).to_string(),
            iat,
            exp: iat + i64::from(api.life),
        }
    }

    /// Which client somebody is. There is nothing to guess at secrets of 256 bits; whoever tries pays with a budget of their network, which is none of
    /// people's sign-ins. An assertion is used up once it is the client's turn, so that a refused one can be sent again.
    pub async fn authenticate_client(&self, call: &Call, proof: &ClientProof) -> Result<Presented> {
        self.authenticate_for(call, proof, None).await
    }

    /// The same, and, where the client keeps a secret, what it may have tokens for in its own name ([`Presented::allowed`]).
    async fn authenticate_for(&self, call: &Call, proof: &ClientProof, along: Option<Wanted<'_>>) -> Result<Presented> {
        let shown = match proof {
            ClientProof::Secret(id, secret) => self.by_secret(call, (id, secret), along).await?.map(|client| (client, None)),
            ClientProof::Assertion(id, assertion) => {
                self.by_assertion(call, id.as_deref(), assertion).await?.map(|(client, claims)| (client, Some(claims)))
            }
            ClientProof::Name(id) => {
                let client = self.store.public_token_client(id, "", call.now).await?;
                client.filter(|client| client.auth_method == AuthMethod::None).map(|client| (client, None))
            }
        };
        let Some((client, assertion)) = shown else { return self.refuse_client(call).await };
        match proof {
            // Anybody can say a name: whoever does uses up what their own network may do there.
            ClientProof::Name(name) => {
                let limit = self.settings.limits.account.reads;
                self.admit("clients", &by_network(&format!("client {name}"), call, limit)).await?;
            }
            _ => self.admit_client(client.id, call.now).await?,
        }
        match assertion {
            Some(claims) if !self.use_up(call, &client, &claims).await? => self.refuse_client(call).await,
            _ => Ok(client),
        }
    }

    async fn refuse_client<T>(&self, call: &Call) -> Result<T> {
        self.admit("sign_in", &by_network("clients", call, self.settings.limits.sign_in)).await?;
        Err(invalid_client())
    }

    /// Each assertion works once, for as long as it would work. `false`: it was used before.
    async fn use_up(&self, call: &Call, client: &Presented, claims: &Assertion) -> Result<bool> {
        let (scope, digest) = (format!("assertion {}", client.id), opaque::hash(&claims.jti));
        let until = Time::from_timestamp(claims.exp, 0).unwrap_or(call.now) + SKEW;
        let used =
            async |tx: &store::WriteTx| Ok(Change::silent(tx.see_once(&scope, &digest, until).await?, NoEvent::Housekeeping));
        self.anonymously(call, used).await
    }

    async fn by_secret(&self, call: &Call, (id, secret): (&str, &str), along: Option<Wanted<'_>>) -> Result<Option<Presented>> {
        if !opaque::recognises(Purpose::ClientSecret, secret) {
            return Ok(None);
        }
        let hash = opaque::hash(secret);
        let client = match along {
            Some(wanted) => self.store.public_token_client_for((id, &hash), wanted, call.now).await?,
            None => self.store.public_token_client(id, &hash, call.now).await?,
        };
        Ok(client.filter(|client| client.auth_method == AuthMethod::ClientSecret && client.secret_is_right))
    }

    async fn by_assertion(&self, call: &Call, id: Option<&str>, assertion: &str) -> Result<Option<(Presented, Assertion)>> {
        let Some(claimed) = foreign::unverified::<Assertion>(assertion) else { return Ok(None) };
        if id.is_some_and(|id| id != claimed.sub) || claimed.iss != claimed.sub {
            return Ok(None);
        }
        let client = self.store.public_token_client(&claimed.sub, "", call.now).await?;
        let Some(client) = client.filter(|client| client.auth_method == AuthMethod::PrivateKeyJwt) else { return Ok(None) };
        let keys = client.keys.as_ref().and_then(|keys| ForeignKeys::parse(keys.keys()).ok());
        let opened = keys.map(|keys| keys.open::<Assertion>(assertion, &ASSERTION_TYPES));
        let Some(Ok(claims)) = opened else { return Ok(None) };
        Ok(self.is_for_us(&claims, call.now).then_some((client, claims)))
    }

    /// Our issuer alone, with the slash or without: an assertion for another server's token endpoint opens nothing here (rfc7523bis).
    fn is_for_us(&self, claims: &Assertion, now: Time) -> bool {
        let (now, skew) = (now.timestamp(), SKEW.num_seconds());
        let issuer = self.issuer();
        let ours = |audience: &str| audience == issuer || Some(audience) == issuer.strip_suffix('/');
        let audience = match &claims.aud {
            Value::String(one) => ours(one),
            Value::Array(all) => matches!(all.as_slice(), [Value::String(one)] if ours(one)),
            _ => false,
        };
        let lives = claims.exp > now - skew && claims.exp <= now + ASSERTION.num_seconds() + skew;
        let begun = claims.nbf.is_none_or(|at| at <= now + skew) && claims.iat.is_none_or(|at| at <= now + skew);
        audience && lives && begun && (1..=200).contains(&claims.jti.len())
    }

    /// What a token that was made for a client is worth now, for a client that has to do with it: the one that it was made for, or one that may have
    /// tokens for the same API. `None`: nothing, or it is none of theirs.
    pub async fn introspect(&self, call: &Call, proof: &ClientProof, token: &str) -> Result<Option<Introspected>> {
        // Looking at a signature costs no statement, and tells which API to ask about along with the client.
        let claims = self.client_claims(token, call.now).await?;
        let along = claims.as_ref().map(|claims| (Some(claims.aud.as_str()), claims.org_id));
        let asks = self.authenticate_for(call, proof, along).await?;
        if asks.auth_method == AuthMethod::None {
            return Err(invalid_client());
        }
        match claims {
            Some(claims) => Ok(self.introspect_clients(call, &asks, claims).await?.map(Introspected::Client)),
            None => Ok(self.introspect_users(call, &asks, token).await?.map(Introspected::User)),
        }
    }

    async fn introspect_clients(&self, call: &Call, asks: &Presented, claims: ClientClaims) -> Result<Option<ClientClaims>> {
        let wanted = (Some(claims.aud.as_str()), claims.org_id);
        let client = if asks.client_id == claims.client_id {
            asks.clone()
        } else {
            let none = match &asks.allowed {
                Some(allowed) => allowed.is_empty(),
                None => self.allowed(asks, wanted).await?.is_empty(),
            };
            let found = self.store.public_token_client_for((&claims.client_id, ""), wanted, call.now).await?;
            let Some(found) = found.filter(|_| !none) else { return Ok(None) };
            found
        };
        if let (TokenClient::Platform, Some(org)) = (&client.of, claims.org_id)
            && self.store.public_organization_named(Named::Id(org)).await?.is_none()
        {
            return Ok(None);
        }
        let allowed = match &client.allowed {
            Some(allowed) => allowed.clone(),
            None => self.allowed(&client, wanted).await?,
        };
        let scopes = Scopes::stored(&claims.scope);
        // What was taken back and granted again later is another grant.
        let since = |api: &Allowed| api.since_for(claims.org_id.is_some());
        let held = |api: &Allowed| {
            scopes.within(&api.scopes) == scopes && since(api).is_some_and(|since| since.timestamp() <= claims.iat)
        };
        let held = allowed.first().is_some_and(held);
        Ok(held.then_some(claims))
    }

    async fn client_claims(&self, token: &str, now: Time) -> Result<Option<ClientClaims>> {
        let set = self.fresh_keys(now).await?;
        let expected = Expected { typ: ACCESS_TYP, issuer: self.issuer(), audience: None };
        match set.verify::<ClientClaims>(token, &expected, now) {
            Ok(claims) => Ok(Some(claims)),
            Err(JwtError::Malformed | JwtError::UnknownKey | JwtError::Expired | JwtError::Wrong) => Ok(None),
        }
    }
}

//! What tokens say of people. `email_verified` is true only where the mailbox was proven to us, or the organization whose account it is proved the
//! domain by DNS: never by an organization's word alone, or applications that know people by their address are taken over through us (T23).

use crypto::hashes::at_hash;
use domain::{
    GrantId, OrgId, PLATFORM, Result, SessionId, Time,
    applications::{
        authorization_requests::OWN_SCOPES,
        client_grants::Allowed,
        resource_servers::{Scope, Scopes},
    },
    identity::{accounts::User, authentications::Method, entry::counting},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::identity::sessions::LivingGrant;

use super::ID_TOKEN;
use crate::{App, applications::dpop::Confirmation, identity::flows::subject};

/// The `typ` header of an ID token.
pub(super) const ID_TYP: &str = "JWT";

/// The claims of an access token in somebody's name (RFC 9068).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserClaims {
    /// Us, with a slash.
    pub iss: String,
    /// Who.
    pub sub: String,
    /// The API, and our userinfo.
    pub aud: Vec<String>,
    /// The client.
    pub client_id: String,
    /// The same, for who knows it by this name.
    pub azp: String,
    /// What may be done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// The organization that was signed in to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_id: Option<OrgId>,
    /// The session.
    pub sid: SessionId,
    /// The grant.
    pub gid: GrantId,
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

impl UserClaims {
    /// What it is for.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        self.aud.iter().map(String::as_str)
    }
    /// The thumbprint of the key that it is bound to.
    pub fn key(&self) -> Option<&str> {
        self.cnf.as_ref().map(|cnf| cnf.jkt.as_str())
    }
}

/// What an application is told of somebody.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Profile {
    /// What they are known by; it never becomes somebody else's.
    pub sub: String,
    /// Their address (scope `email`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether it is proven to be theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// What they are called (scope `profile`); so far their address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// When their account was last changed (scope `profile`), in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
    /// The organization that was signed in to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_id: Option<OrgId>,
}

/// The claims of an ID token (OpenID Connect Core, 2).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IdClaims {
    /// Us, with a slash.
    pub iss: String,
    /// The client.
    pub aud: String,
    /// Unix seconds.
    pub iat: i64,
    /// Unix seconds.
    pub exp: i64,
    /// When they said who they are, in Unix seconds.
    pub auth_time: i64,
    /// `1`: by one factor; `2`: by two.
    pub acr: String,
    /// By what (RFC 8176).
    pub amr: Vec<String>,
    /// The session.
    pub sid: SessionId,
    /// As the client sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// Names the access token beside it.
    pub at_hash: String,
    /// Who they are.
    #[serde(flatten)]
    pub profile: Profile,
    /// What else the client is told.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What is left of what was granted: our own scopes, and what the API still defines and the client was still granted there.
pub(super) fn still_granted(granted: &Scopes, api: Option<&Allowed>) -> Scopes {
    let own = |scope: &Scope| OWN_SCOPES.contains(&scope.as_str());
    let there = |scope: &Scope| api.is_some_and(|api| api.scopes.iter().any(|known| known == scope));
    Scopes::of(granted.iter().filter(|scope| own(scope) || there(scope)).cloned())
}

fn has(scopes: &Scopes, name: &str) -> bool {
    scopes.iter().any(|scope| scope.as_str() == name)
}

/// As RFC 8176 names it.
const fn amr(method: Method) -> &'static str {
    match method {
        Method::Password => "pwd",
        Method::Totp | Method::RecoveryCode | Method::MailCode | Method::Mail => "otp",
        Method::Connection => "fed",
        // Of a key that cannot be copied out of a page (OpenID EAP).
        Method::Passkey => "pop",
    }
}

impl App {
    pub(super) fn access_claims(
        &self,
        living: &LivingGrant,
        (scopes, api): (&Scopes, Option<&Allowed>),
        (now, life): (Time, i64),
    ) -> UserClaims {
        let grant = &living.granted.grant;
        let userinfo = has(scopes, "openid").then(|| self.userinfo_audience());
        let audience = api.map(|api| api.audience.to_string());
        UserClaims {
            iss: self.issuer(),
            sub: subject(living.user.id),
            aud: audience.into_iter().chain(userinfo).collect(),
            client_id: living.client_id.clone(),
            azp: living.client_id.clone(),
            scope: scopes.to_string(),
            org_id: Some(grant.org_id).filter(|org| *org != PLATFORM),
            sid: grant.session_id,
            gid: grant.id,
            cnf: living.granted.key.clone().map(|jkt| Confirmation { jkt }),
            jti: self.ids.uuid(now).to_string(),
            iat: now.timestamp(),
            exp: now.timestamp() + life,
        }
    }

    pub(super) async fn claims_of_person(&self, living: &LivingGrant, scopes: &Scopes) -> Result<Profile> {
        let user = &living.user;
        let (email, profile) = (has(scopes, "email"), has(scopes, "profile"));
        let verified = match email {
            true => Some(self.address_is_proven(&living.user).await?),
            false => None,
        };
        let address = user.email.to_string();
        let nickname = address.split_once('@').map(|(local, _)| local.to_owned());
        Ok(Profile {
            sub: subject(user.id),
            email_verified: verified,
            name: profile.then(|| address.clone()),
            nickname: nickname.filter(|_| profile),
            updated_at: profile.then(|| user.updated_at.timestamp()),
            org_id: Some(living.granted.grant.org_id).filter(|org| *org != PLATFORM),
            email: email.then_some(address),
        })
    }

    /// Whether the mailbox was proven to us; of an organization's own account, whether the organization proved the domain.
    pub(crate) async fn address_is_proven(&self, user: &User) -> Result<bool> {
        if user.realm == PLATFORM {
            return Ok(user.email_verified_at.is_some());
        }
        // A guest of its provider can claim any address of the domain.
        let is_guest = user.email_verified_at.is_none() && self.store.is_unvouched(user.id).await?;
        Ok(!is_guest && self.store.has_proven_by_dns(user.realm, user.email.domain()).await?)
    }

    pub(super) async fn id_claims(
        &self,
        living: &LivingGrant,
        (scopes, nonce): (&Scopes, Option<String>),
        access_token: &str,
        now: Time,
    ) -> Result<IdClaims> {
        let did = counting(living.organization.as_ref().map(|(_, entrance)| &entrance.policy), &living.did);
        let mut methods: Vec<String> = did.iter().map(|one| amr(one.method).to_owned()).collect();
        methods.dedup();
        let two =
            did.iter().any(|one| one.method.is_second()) || did.iter().any(|one| one.through.is_some_and(|t| t.multi_factor));
        if two {
            methods.push("mfa".to_owned());
        }
        Ok(IdClaims {
            iss: self.issuer(),
            aud: living.client_id.clone(),
            iat: now.timestamp(),
            exp: (now + ID_TOKEN).timestamp(),
            auth_time: did.newest_first().unwrap_or_else(|| living.signed_in_at.timestamp()),
            acr: match two {
                _ if did.iter().any(|one| one.method == Method::Passkey) => "phr",
                true => "2",
                false => "1",
            }
            .to_owned(),
            amr: methods,
            sid: living.granted.grant.session_id,
            nonce,
            at_hash: at_hash(access_token),
            profile: self.claims_of_person(living, scopes).await?,
            more: self.further_claims(living).await?,
        })
    }

    /// What the client's ID tokens tell of somebody in the organization that they signed in to.
    async fn further_claims(&self, living: &LivingGrant) -> Result<Map<String, Value>> {
        let (org, user) = (living.granted.grant.org_id, living.user.id);
        if living.claims.is_empty() || living.organization.is_none() {
            return Ok(Map::new());
        }
        let facts = self.store.facts_for_claims((org, user), living.claims.tell_roles()).await?;
        Ok(facts.map(|facts| living.claims.told(&facts)).unwrap_or_default())
    }
}

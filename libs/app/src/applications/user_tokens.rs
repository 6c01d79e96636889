//! Tokens in the name of people who signed in (RFC 6749, 4.1 and 6; OpenID Connect Core): what a code is exchanged for, how that is renewed, and who
//! somebody is. Whether they may still be where they signed in to is asked at each: by the membership, the organization's state and its policy.
//!
//! A client that keeps a secret renews from a server, whose address says nothing of where the person is: their network is the one that the client sent
//! them to sign in from.

mod claims;
mod devices;
mod exchange;
mod native_devices;
mod renewal;
mod switching;
mod worth;

use chrono::TimeDelta;
use crypto::{Alg, Expected, Purpose, foreign, opaque};
use domain::{
    Error, Event, GrantId, Kind, PLATFORM, Result, Time,
    applications::{
        client_grants::{SubjectType, refuse},
        clients::AuthMethod,
        resource_servers::Scopes,
    },
    identity::sessions::ACCESS_TYP,
};
use serde_json::Value;
use store::{Change, NoEvent, applications::token_clients::Presented, identity::sessions::LivingGrant};

pub use self::{
    claims::{IdClaims, Profile, UserClaims},
    devices::DeviceAuthorization,
    exchange::CodeRequest,
    native_devices::WaitingDevice,
    renewal::Renewal,
    switching::TokenExchange,
};
use super::{
    client_tokens::{ClientProof, algorithm},
    dpop::KeyProof,
};
use crate::{App, Call, identity::flows::member_entry};

/// How long an ID token says something: it is looked at once, when somebody comes back.
const ID_TOKEN: TimeDelta = TimeDelta::hours(1);
/// How long an access token for our own userinfo lives.
const USERINFO: TimeDelta = TimeDelta::minutes(10);

/// Tokens.
#[derive(Clone, Debug)]
pub struct UserTokens {
    /// A JWT (`typ: at+jwt`).
    pub access_token: String,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// Who signed in, for the client.
    pub id_token: String,
    /// What renews them; `None`: nothing does, or what the client has.
    pub refresh_token: Option<String>,
    /// What was granted.
    pub scopes: Scopes,
    /// Whether the access token is bound to a key (RFC 9449).
    pub bound: bool,
}

fn invalid_grant(why: &'static str) -> Error {
    refuse("invalid_grant", why)
}

/// What is bound to a key is of no use to who does not hold it. `Protocol` (`invalid_grant`).
fn same_key(bound: Option<&str>, held: Option<&str>) -> Result<()> {
    match bound {
        Some(bound) if held != Some(bound) => Err(invalid_grant("This is bound to a key: send a `DPoP` proof made with it.")),
        _ => Ok(()),
    }
}

impl App {
    async fn living(&self, grant: GrantId, now: Time) -> Result<Option<LivingGrant>> {
        self.store.living_grant(grant, now, self.settings.session_longest).await
    }

    /// Whether somebody may still be where they signed in to, as their client asks. `Protocol` (`invalid_grant`): not, or not before they have done more.
    fn may_go_on(&self, living: &LivingGrant, call: &Call) -> Result<()> {
        // What asks is where the person is, unless it keeps a secret: then it is a server.
        if living.auth_method == AuthMethod::None {
            self.may_be_there(living, call)
        } else {
            self.may_go_on_from_there(living, call)
        }
    }

    /// The same as somebody else asks: they are where the client sent them to sign in from.
    fn may_go_on_from_there(&self, living: &LivingGrant, call: &Call) -> Result<()> {
        let mut call = call.clone();
        call.origin.ip_address.clone_from(&living.granted.ip_address);
        self.may_be_there(living, &call)
    }

    fn may_be_there(&self, living: &LivingGrant, call: &Call) -> Result<()> {
        let Some((slug, entrance)) = &living.organization else {
            let platform = living.granted.grant.org_id == PLATFORM;
            return if platform { Ok(()) } else { Err(invalid_grant("The organization is gone.")) };
        };
        let outcome = member_entry(Some(entrance), &living.user, (&living.did, call));
        match outcome.map(|entry| entry.map(|entry| entry.refusal(slug))) {
            Ok(Some(None)) => Ok(()),
            Ok(Some(Some(refusal))) if refusal.step_up.is_some() => {
                Err(invalid_grant("step_up_required: this organization wants the person to sign in again, and to do more."))
            }
            Err(e) if e.kind != Kind::Forbidden => Err(e),
            _ => Err(invalid_grant("This person may not enter the organization any more, or not from there.")),
        }
    }

    /// Ends what a token belongs to (RFC 7009). Says nothing about what is unknown, or another client's.
    pub async fn revoke_users_token(&self, call: &Call, proof: &ClientProof, token: &str) -> Result<()> {
        let client = self.authenticate_client(call, proof).await?;
        let grant = if opaque::recognises(Purpose::Refresh, token) {
            None
        } else {
            match self.user_claims(token, call.now).await? {
                Some(claims) if claims.azp == client.client_id => self.living(claims.gid, call.now).await?,
                _ => return Ok(()),
            }
        };
        self.anonymously(call, async |tx| {
            let owned = match &grant {
                Some(living) => Some((living.granted.grant.clone(), living.granted.client)),
                None => tx.owner_of_refresh(&opaque::hash(token)).await?.map(|owner| (owner.grant, owner.client)),
            };
            let Some((grant, _)) = owned.filter(|(_, owner)| *owner == (client.of.org(), client.id)) else {
                return Ok(Change::silent((), NoEvent::Unchanged));
            };
            tx.revoke_grant(grant.id).await?;
            let event = Event::SessionsRevoked { user_id: grant.user_id, count: 1, reason: "token_revoked".to_owned() };
            Ok(Change::new((), grant.org_id, event))
        })
        .await
    }

    /// Who signed in, for who has an access token, and shows that they hold the key if it is bound to one. `Unauthenticated` (`invalid_token`) for one
    /// that is none, or holds no more; `Protocol` (`invalid_dpop_proof`).
    pub async fn user_info(&self, call: &Call, token: &str, shown: Option<&KeyProof>) -> Result<Value> {
        let dead = || Error::unauthenticated("invalid_token", "This access token is not valid, or holds no more.");
        let claims = self.user_claims(token, call.now).await?.ok_or_else(dead)?;
        if !claims.audiences().any(|audience| audience == self.userinfo_audience()) {
            return Err(dead());
        }
        self.admit_userinfo(claims.sid, call.now).await?;
        let key = match shown {
            Some(shown) => Some(self.holds(call, shown, Some(token)).await?),
            None => None,
        };
        if key.as_deref() != claims.key() {
            return Err(dead());
        }
        let living = self.living(claims.gid, call.now).await?.ok_or_else(dead)?;
        match self.may_go_on(&living, call) {
            Err(e) if e.kind == Kind::Protocol => return Err(dead()),
            outcome => outcome?,
        }
        let scopes = Scopes::stored(&claims.scope);
        let profile = self.claims_of_person(&living, &scopes).await?;
        serde_json::to_value(&profile).map_err(Error::internal)
    }

    /// What an access token in somebody's name says, if we signed it and it has not expired.
    pub(crate) async fn user_claims(&self, token: &str, now: Time) -> Result<Option<UserClaims>> {
        let set = self.fresh_keys(now).await?;
        let expected = Expected { typ: ACCESS_TYP, issuer: self.issuer(), audience: None };
        Ok(set.verify::<UserClaims>(token, &expected, now).ok())
    }

    /// What an ID token of ours says, expired or not; `None`: it is none.
    pub(crate) fn id_token_hint(&self, token: &str, now: Time) -> Option<IdClaims> {
        let claimed: IdClaims = foreign::unverified(token)?;
        let set = self.known_keys();
        let expected = Expected { typ: claims::ID_TYP, issuer: self.issuer(), audience: None };
        // Expired ones will do: they are looked at as of when they were made.
        let made = Time::from_timestamp(claimed.iat, 0).filter(|made| *made <= now + TimeDelta::minutes(1))?;
        set.verify(token, &expected, made).ok()
    }

    /// What access tokens for our own userinfo are for.
    pub(crate) fn userinfo_audience(&self) -> String {
        format!("{}userinfo", self.issuer())
    }

    pub(crate) async fn tokens(
        &self,
        living: &LivingGrant,
        client: &Presented,
        (nonce, refresh_token): (Option<String>, Option<String>),
        now: Time,
    ) -> Result<UserTokens> {
        let api = match &living.granted.audience {
            Some(audience) => {
                let allowed = self.store.public_allowed((client.of.org(), client.id), SubjectType::User, Some(audience)).await?;
                // What was taken back and granted again later is another grant.
                let held = allowed.into_iter().find(|api| api.since <= living.granted.created_at);
                Some(held.ok_or_else(|| invalid_grant("The API was taken back from this client."))?)
            }
            None => None,
        };
        // What the API does not define any more, or was taken back, is not granted any more.
        let scopes = claims::still_granted(&living.granted.scopes, api.as_ref());
        let life = api.as_ref().map_or(USERINFO.num_seconds(), |api| i64::from(api.life));
        let claims = self.access_claims(living, (&scopes, api.as_ref()), (now, life));
        let alg = api.as_ref().map_or(Alg::Rs256, |api| algorithm(api.alg));
        let access_token = self.sign_by(alg, ACCESS_TYP, &claims, now).await?;
        let id = self.id_claims(living, (&scopes, nonce), &access_token, now).await?;
        let id_token = self.sign_by(algorithm(living.id_token_alg), claims::ID_TYP, &id, now).await?;
        let bound = claims.cnf.is_some();
        Ok(UserTokens { access_token, expires_in: life, id_token, refresh_token, scopes, bound })
    }
}

//! Tokens are renewed (RFC 6749, 6).

use chrono::TimeDelta;
use crypto::{Purpose, opaque};
use domain::{
    Event, Result, Time,
    applications::{client_grants::refuse, clients::AuthMethod, resource_servers::Scopes},
    identity::sessions::{GrantRow, TokenPair},
};
use store::{Change, NoEvent, WriteTx, applications::token_clients::Presented, identity::sessions::LivingGrant};

use super::{UserTokens, invalid_grant, same_key};
use crate::{App, Call, applications::dpop::Shown};

/// How often the use of a refresh token that stays is written down.
const NOTED: TimeDelta = TimeDelta::minutes(1);

const DEAD_TOKEN: &str = "This refresh token is not valid any more. Begin the sign-in again.";

/// A refresh token, and what is wanted of what it stands for.
pub struct Renewal {
    /// The token.
    pub token: String,
    /// Fewer scopes; `None`: all that were granted.
    pub scopes: Option<Scopes>,
    /// The API, if it is named again.
    pub audience: Option<String>,
}

impl App {
    /// Renews tokens. A client that keeps a secret keeps its refresh token; another one gets a new one each time, and one that comes back ends its
    /// family. `Protocol` with the codes of RFC 6749.
    pub async fn refresh_user_tokens(&self, call: &Call, shown: &Shown, asked: &Renewal) -> Result<UserTokens> {
        let (client, key) = self.authenticate_holder(call, shown).await?;
        if !opaque::recognises(Purpose::Refresh, &asked.token) {
            return Err(invalid_grant(DEAD_TOKEN));
        }
        self.fresh_keys(call.now).await?;
        let hash = opaque::hash(&asked.token);
        let (mut living, fresh) = match self.kept(call, &client, &hash).await? {
            Some(living) => (living, None),
            None => self.present_refresh(call, &client, (&hash, asked, key.as_deref())).await?,
        };
        living.granted.scopes = self.narrowed(&living, asked)?;
        living.granted.key = key;
        self.tokens(&living, &client, (None, fresh), call.now).await
    }

    /// What is wanted of what was granted. Nothing is used up by who asks for what is not.
    fn narrowed(&self, living: &LivingGrant, asked: &Renewal) -> Result<Scopes> {
        let (known, other) = (living.granted.audience.as_deref(), asked.audience.as_deref());
        if other.is_some_and(|other| known != Some(other) && other != self.userinfo_audience()) {
            return Err(refuse("invalid_target", "The sign-in was for another API."));
        }
        let Some(scopes) = asked.scopes.as_ref().filter(|scopes| !scopes.is_empty()) else {
            return Ok(living.granted.scopes.clone());
        };
        let scopes = scopes.within(&living.granted.scopes);
        if scopes.is_empty() { Err(refuse("invalid_scope", "None of these scopes was granted.")) } else { Ok(scopes) }
    }

    /// The grant of a refresh token that stays as it is, and whose last use was noted a moment ago: nothing has to be written.
    async fn kept(&self, call: &Call, client: &Presented, hash: &str) -> Result<Option<LivingGrant>> {
        if client.auth_method == AuthMethod::None {
            return Ok(None);
        }
        let found = self.store.grant_of_clients_refresh(hash, call.now, self.settings.session_longest).await?;
        let own = (client.of.org(), client.id);
        let Some(living) =
            found.filter(|living| living.granted.client == own && self.lives_until(living, call.now) - living.expires_at < NOTED)
        else {
            return Ok(None);
        };
        self.may_go_on(&living, call)?;
        Ok(Some(living))
    }

    /// Until when a grant lives that is used now.
    fn lives_until(&self, living: &LivingGrant, now: Time) -> Time {
        (now + self.settings.refresh_ttl).min(living.signed_in_at + self.settings.session_longest)
    }

    async fn present_refresh(
        &self,
        call: &Call,
        client: &Presented,
        (hash, asked, key): (&str, &Renewal, Option<&str>),
    ) -> Result<(LivingGrant, Option<String>)> {
        self.anonymously(call, async |tx| {
            let Some(living) = tx.present_clients_refresh(hash, self.settings.session_longest).await? else {
                return self.refresh_returned(tx, call, client, (hash, key)).await;
            };
            if living.granted.client != (client.of.org(), client.id) {
                // A stolen token is nobody's any more (T28).
                return self.end_reused(tx, &living.granted.grant).await;
            }
            same_key(living.granted.key.as_deref(), key)?;
            self.may_go_on(&living, call)?;
            self.narrowed(&living, asked)?;
            let fresh = self.keep_or_rotate(tx, &living, client, hash).await?;
            Ok(Change::silent(Ok((living, fresh)), NoEvent::TokenRenewed))
        })
        .await?
    }

    async fn keep_or_rotate(&self, tx: &WriteTx, living: &LivingGrant, client: &Presented, hash: &str) -> Result<Option<String>> {
        let until = self.lives_until(living, tx.now());
        let grant = &living.granted.grant;
        if client.auth_method != AuthMethod::None {
            if until - living.expires_at >= NOTED {
                tx.extend_grant(grant, until).await?;
            }
            return Ok(None);
        }
        let (fresh, at) = (opaque::mint(Purpose::Refresh, self.ids.as_ref()), tx.database_now().await?);
        tx.rotate_refresh(grant, hash, fresh.hash, at, until).await?;
        if self.settings.refresh_race > TimeDelta::zero() {
            // The tokens are made anew for whoever asks again: only what renews them must be the same.
            let answer = TokenPair { access_token: String::new(), refresh_token: fresh.text.clone(), expires_in: 0 };
            tx.remember_renewal(grant, hash, &answer, at + self.settings.refresh_race).await?;
        }
        Ok(Some(fresh.text))
    }

    /// A refresh token that is no grant's current one, or whose grant does not live. One that was used comes back: just after its use, and from where it
    /// was used, that is an answer that was lost, or another tab.
    async fn refresh_returned(
        &self,
        tx: &WriteTx,
        call: &Call,
        client: &Presented,
        (hash, key): (&str, Option<&str>),
    ) -> Result<Change<Result<(LivingGrant, Option<String>)>>> {
        let Some(owner) = tx.owner_of_refresh(hash).await? else { return Err(invalid_grant(DEAD_TOKEN)) };
        let (own, now) = (owner.client == (client.of.org(), client.id), tx.database_now().await?);
        let at = match owner.spent_at {
            // In another client's hands.
            _ if !own => return self.end_reused(tx, &owner.grant).await,
            // The session has ended, or run out.
            None => return Err(invalid_grant(DEAD_TOKEN)),
            Some(at) => at,
        };
        if now - at >= self.settings.refresh_race {
            return self.end_reused(tx, &owner.grant).await;
        }
        let again = tx.renewal_again(&owner.grant, hash, now).await?.ok_or_else(|| invalid_grant(DEAD_TOKEN))?;
        // Worth no more than what it was exchanged for: an unused token of somebody who still has access.
        let hash = opaque::hash(&again.refresh_token);
        let living = tx.present_clients_refresh(&hash, self.settings.session_longest).await?;
        let living = living.ok_or_else(|| invalid_grant(DEAD_TOKEN))?;
        same_key(living.granted.key.as_deref(), key)?;
        self.may_go_on(&living, call)?;
        Ok(Change::silent(Ok((living, Some(again.refresh_token))), NoEvent::TokenRenewed))
    }

    async fn end_reused<T>(&self, tx: &WriteTx, grant: &GrantRow) -> Result<Change<Result<T>>> {
        tx.revoke_grant(grant.id).await?;
        let event = Event::RefreshTokenReused { user_id: grant.user_id, session_id: grant.session_id };
        Ok(Change::new(Err(invalid_grant(DEAD_TOKEN)), grant.org_id, event))
    }
}

//! A code is exchanged (RFC 6749, 4.1.3).

use crypto::{Purpose, hashes, opaque};
use domain::{Event, GrantId, Kind, OrgId, PLATFORM, Result, ServiceId, UserId, identity::sessions::GrantRow};
use store::{
    Change, NoEvent, WriteTx,
    applications::{
        codes::{Code, PresentedCode},
        token_clients::Presented,
    },
    identity::sessions::{ClientsGrant, LivingGrant},
};
use uuid::Uuid;

use super::{UserTokens, invalid_grant, same_key};
use crate::{
    App, Call,
    applications::dpop::{Shown, kept_with},
};

const DEAD_CODE: &str = "This code is unknown, was used or has run out. Begin the sign-in again.";

/// Whether a verifier is what the challenge was made of (RFC 7636, S256).
fn verifies(verifier: &str, challenge: &str) -> bool {
    let spelled = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    (43..=128).contains(&verifier.len()) && verifier.bytes().all(spelled) && hashes::s256(verifier) == challenge
}

/// A code, and what shows that it is the client's own.
pub struct CodeRequest {
    /// The code.
    pub code: String,
    /// Where it came back to.
    pub redirect_uri: Option<String>,
    /// What its challenge was made of.
    pub verifier: Option<String>,
}

impl App {
    /// Exchanges a code. A code that comes back ends what came of it, for two hold it (T28). `Protocol` with the codes of RFC 6749.
    pub async fn exchange_code(&self, call: &Call, shown: &Shown, asked: &CodeRequest) -> Result<UserTokens> {
        let (client, key) = self.authenticate_holder(call, shown).await?;
        if !opaque::recognises(Purpose::Code, &asked.code) {
            return Err(invalid_grant(DEAD_CODE));
        }
        self.fresh_keys(call.now).await?;
        let hash = opaque::hash(&asked.code);
        let refresh = opaque::mint(Purpose::Refresh, self.ids.as_ref());
        let (mut living, nonce) = self
            .anonymously(call, async |tx| match tx.use_code(&hash).await? {
                PresentedCode::Unknown => Err(invalid_grant(DEAD_CODE)),
                PresentedCode::Again(grant) => self.code_again(tx, grant).await,
                // It is used up by whoever presents it.
                PresentedCode::First(code) => {
                    match self.grant_for(tx, call, (&code, &client, asked), (&hash, &refresh.hash, key.as_deref())).await {
                        Ok(living) => Ok(Change::silent(Ok((living, code.request.nonce.clone())), NoEvent::TokenRenewed)),
                        Err(e) if e.kind == Kind::Protocol => Ok(Change::silent(Err(e), NoEvent::TokenRenewed)),
                        Err(e) => Err(e),
                    }
                }
            })
            .await??;
        living.granted.key = key;
        let refreshes = living.granted.scopes.iter().any(|scope| scope.as_str() == "offline_access");
        let refresh_token = refreshes.then_some(refresh.text);
        self.tokens(&living, &client, (nonce, refresh_token), call.now).await
    }

    /// What a code that is used for the first time is good for. `Protocol` (`invalid_grant`): nothing.
    async fn grant_for(
        &self,
        tx: &WriteTx,
        call: &Call,
        (code, client, asked): (&Code, &Presented, &CodeRequest),
        (hash, refresh_hash, key): (&str, &str, Option<&str>),
    ) -> Result<LivingGrant> {
        if code.client != (client.of.org(), client.id) {
            return Err(invalid_grant(DEAD_CODE));
        }
        if asked.redirect_uri.as_deref() != Some(code.request.to.redirect_uri.as_str()) {
            return Err(invalid_grant("`redirect_uri` is not the one that the sign-in came back to."));
        }
        if !asked.verifier.as_deref().is_some_and(|verifier| verifies(verifier, &code.request.challenge)) {
            return Err(invalid_grant("`code_verifier` is not what the challenge was made of."));
        }
        same_key(code.request.dpop_jkt.as_deref(), key)?;
        let longest = self.settings.session_longest;
        let session = tx.lock_session(code.session, longest).await?.ok_or_else(|| invalid_grant(DEAD_CODE))?;
        let id = GrantId::new(tx.uuid());
        let granted = ClientsGrant {
            grant: GrantRow { id, session_id: code.session, user_id: session.user.id, org_id: code.org },
            client: code.client,
            scopes: code.request.scopes.clone(),
            audience: code.request.audience.clone(),
            ip_address: code.ip_address.clone(),
            key: kept_with(client, key),
            created_at: tx.now(),
        };
        let until = tx.end_of_session(code.session, tx.now() + self.settings.refresh_ttl, longest).await?;
        tx.insert_clients_grant(&granted, refresh_hash, until).await?;
        tx.came_of_code(hash, id).await?;
        self.keep_consent(tx, code.client, session.user.id).await?;
        let living = tx.living_grant(id, longest).await?.ok_or_else(|| invalid_grant(DEAD_CODE))?;
        if let Err(e) = self.may_go_on(&living, call) {
            tx.revoke_grant(id).await?;
            return Err(e);
        }
        Ok(living)
    }

    /// What somebody let an organization's service have is not taken back before the transaction ends.
    pub(super) async fn keep_consent(&self, tx: &WriteTx, (org, client): (OrgId, Uuid), user: UserId) -> Result<()> {
        if org == PLATFORM { Ok(()) } else { tx.keep_consent((org, ServiceId::new(client)), user).await }
    }

    pub(super) async fn code_again<T>(&self, tx: &WriteTx, grant: Option<GrantId>) -> Result<Change<Result<T>>> {
        let living = match grant {
            Some(grant) => tx.lock_living_grant(grant, self.settings.session_longest).await?,
            None => None,
        };
        let Some(living) = living else { return Err(invalid_grant(DEAD_CODE)) };
        let grant = living.granted.grant;
        tx.revoke_grant(grant.id).await?;
        let event = Event::CodeReused { user_id: grant.user_id, session_id: grant.session_id, client_id: living.client_id };
        Ok(Change::new(Err(invalid_grant(DEAD_CODE)), grant.org_id, event))
    }
}

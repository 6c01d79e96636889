//! What a token in somebody's name is worth (RFC 7662).

use domain::{
    Kind, Result,
    applications::{client_grants::SubjectType, resource_servers::Scopes},
};
use store::applications::token_clients::Presented;

use super::claims::{UserClaims, still_granted};
use crate::{App, Call};

impl App {
    /// What an access token in somebody's name is worth now, for a client that has to do with it: the one that it was made for, or one that may have
    /// tokens for the same API, in whoever's name. `None`: nothing, or it is none of theirs.
    pub(in crate::applications) async fn introspect_users(
        &self,
        call: &Call,
        asks: &Presented,
        token: &str,
    ) -> Result<Option<UserClaims>> {
        let Some(claims) = self.user_claims(token, call.now).await? else { return Ok(None) };
        let Some(living) = self.living(claims.gid, call.now).await? else { return Ok(None) };
        let audience = living.granted.audience.as_deref();
        if asks.client_id != claims.azp {
            let Some(audience) = audience else { return Ok(None) };
            let mut may = false;
            for subject in [SubjectType::Client, SubjectType::User] {
                may |= !self.store.public_allowed((asks.of.org(), asks.id), subject, Some(audience)).await?.is_empty();
            }
            if !may {
                return Ok(None);
            }
        }
        match self.may_go_on_from_there(&living, call) {
            Err(e) if e.kind == Kind::Protocol => return Ok(None),
            outcome => outcome?,
        }
        let api = match audience {
            Some(audience) => {
                let allowed = self.store.public_allowed(living.granted.client, SubjectType::User, Some(audience)).await?;
                let held = allowed.into_iter().find(|api| api.since <= living.granted.created_at);
                let Some(held) = held else { return Ok(None) };
                Some(held)
            }
            None => None,
        };
        let scopes = Scopes::stored(&claims.scope);
        Ok((still_granted(&scopes, api.as_ref()) == scopes).then_some(claims))
    }
}

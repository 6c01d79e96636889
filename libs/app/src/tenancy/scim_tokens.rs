//! Tokens of an organization's directory. One outlives whoever makes it, and gives no more than they held.

use crypto::{Purpose, audit::leaf::moment, opaque};
use domain::{
    Error, Event, Result, ScimTokenId, Time,
    authorization::{policy, resource::ScimTokens},
    core::value::{Name, Slug},
    tenancy::{features::Feature, scim_tokens::ScimToken},
};
use serde::{Deserialize, Serialize};
use store::{Change, NoEvent};

use crate::{App, Caller};

/// A new token.
pub struct NewScimToken {
    /// For people.
    pub name: Name,
    /// Until when it works; none: until it is revoked.
    pub expires_at: Option<Time>,
    /// The connection whose people it provisions, by its name or id.
    pub connection: Option<String>,
}

/// A token with its secret, which is shown this once.
#[derive(Clone, Serialize, Deserialize)]
pub struct IssuedScimToken {
    /// The token.
    pub token: ScimToken,
    /// What the directory sends.
    pub secret: String,
}

/// Characters of a secret that tell it from others: of its 256 random bits 208 stay unknown.
const PREFIX: usize = "scim_".len() + 8;

impl App {
    /// The tokens, without their secrets, with those that were revoked.
    pub async fn list_scim_tokens(&self, c: &Caller, slug: &Slug) -> Result<Vec<ScimToken>> {
        let standing = self.standing(c, slug).await?;
        self.store.list_scim_tokens(policy::decide(&standing)?).await
    }

    /// Makes a token and answers its secret, this once. `Forbidden` (`feature_not_in_tier`), `Invalid` (`unknown_connection`), `Conflict`
    /// (`scim_token_limit`).
    pub async fn create_scim_token(&self, c: &Caller, slug: &Slug, new: &NewScimToken) -> Result<IssuedScimToken> {
        self.in_org::<ScimTokens, _>(c, slug, async |tx, scope| {
            if !scope.view().has_feature(Feature::Scim) {
                return Err(Error::forbidden("feature_not_in_tier", "SCIM is not part of this organization's tier."));
            }
            if new.expires_at.is_some_and(|at| at <= tx.now()) {
                return Err(Error::field("expires_at", "out_of_range", "Use a time to come."));
            }
            let (connection, slug) = match &new.connection {
                Some(named) => tx.keep_connection(scope, named).await.map(|(id, slug)| (Some(id), Some(slug)))?,
                None => (None, None),
            };
            let secret = opaque::mint(Purpose::Scim, self.ids.as_ref());
            let token = ScimToken {
                id: ScimTokenId::new(tx.uuid()),
                org_id: scope.org(),
                name: new.name.clone(),
                prefix: secret.text.chars().take(PREFIX).collect(),
                connection: slug,
                expires_at: new.expires_at,
                revoked_at: None,
                last_used_at: None,
                created_at: tx.now(),
            };
            tx.insert_scim_token(scope, &token, (&secret.hash, scope.require_person()?.id), connection).await?;
            let event = Event::ScimTokenCreated {
                scim_token_id: token.id,
                name: token.name.to_string(),
                prefix: token.prefix.clone(),
                connection_id: token.connection.as_ref().map(|slug| slug.as_str().to_owned()),
                expires_at: token.expires_at.map(moment),
            };
            Ok(Change::new(IssuedScimToken { token, secret: secret.text }, scope.org(), event))
        })
        .await
    }

    /// Ends a token: it is refused from its next request on, and stays in the list.
    pub async fn revoke_scim_token(&self, c: &Caller, slug: &Slug, id: ScimTokenId) -> Result<()> {
        self.in_org::<ScimTokens, _>(c, slug, async |tx, scope| {
            let token = tx.lock_scim_token(scope, id).await?;
            if token.revoked_at.is_some() {
                return Ok(Change::silent((), NoEvent::Unchanged));
            }
            tx.revoke_scim_token(scope, &token).await?;
            let event = Event::ScimTokenRevoked { scim_token_id: id, name: token.name.to_string() };
            Ok(Change::new((), scope.org(), event))
        })
        .await
    }

    /// Deletes a token; it works no more, if it did.
    pub async fn delete_scim_token(&self, c: &Caller, slug: &Slug, id: ScimTokenId) -> Result<()> {
        self.in_org::<ScimTokens, _>(c, slug, async |tx, scope| {
            let token = tx.lock_scim_token(scope, id).await?;
            tx.delete_scim_token(scope, &token).await?;
            let event = Event::ScimTokenDeleted { scim_token_id: id, name: token.name.to_string() };
            Ok(Change::new((), scope.org(), event))
        })
        .await
    }
}

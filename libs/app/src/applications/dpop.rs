//! Tokens that are bound to a key (RFC 9449). Whoever asks for tokens may show that they hold a key, and gets tokens that are nothing without it: a new
//! proof goes with each use. A proof counts once, at whichever process it comes; so nobody has to be asked for a nonce first.

use crypto::{foreign, hashes, opaque};
use domain::{
    Result,
    applications::{
        client_grants::refuse,
        clients::AuthMethod,
        dpop::{Possession, Request, judge},
    },
};
use serde::{Deserialize, Serialize};
use store::{Change, NoEvent, applications::token_clients::Presented};

use super::client_tokens::ClientProof;
use crate::{App, Call};

/// What a request for tokens shows. It has secrets in it, so it is not for logs.
pub struct Shown {
    /// Which client it is.
    pub client: ClientProof,
    /// The key that the tokens are to be bound to; `None`: none.
    pub key: Option<KeyProof>,
}

/// A proof that somebody holds a key, and the request that it came with.
pub struct KeyProof {
    /// As it came in the header `DPoP`.
    pub proof: String,
    /// The request's method.
    pub method: &'static str,
    /// Where the request came, below our issuer.
    pub path: &'static str,
}

/// The claim `cnf` of a token that is bound to a key (RFC 7800, RFC 9449).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The key's thumbprint (RFC 7638).
    pub jkt: String,
}

impl App {
    /// Which client a request for tokens comes from, and the key that it holds. The refusals of [`App::authenticate_client`] and [`App::holds`].
    pub(crate) async fn authenticate_holder(&self, call: &Call, shown: &Shown) -> Result<(Presented, Option<String>)> {
        let client = self.authenticate_client(call, &shown.client).await?;
        Ok((client, self.key_of(call, shown).await?))
    }

    /// The thumbprint of the key that a request for tokens shows. `Protocol` (`invalid_dpop_proof`).
    pub(crate) async fn key_of(&self, call: &Call, shown: &Shown) -> Result<Option<String>> {
        match &shown.key {
            Some(key) => self.holds(call, key, None).await.map(Some),
            None => Ok(None),
        }
    }

    /// The thumbprint of the key that somebody holds who uses a token, or asks for one. Uses the proof up. `Protocol` (`invalid_dpop_proof`).
    pub(crate) async fn holds(&self, call: &Call, shown: &KeyProof, token: Option<&str>) -> Result<String> {
        let bad = |why| refuse("invalid_dpop_proof", why);
        let (key, claims) = foreign::possessed::<Possession>(&shown.proof).map_err(|_| {
            bad("The `DPoP` header is no proof: a JWT of the type `dpop+jwt`, signed with the public key in its header.")
        })?;
        let (url, token) = (format!("{}{}", self.issuer(), shown.path), token.map(hashes::s256));
        let request = Request { method: shown.method, url: &url, token: token.as_deref() };
        let until = judge(&claims, &request, call.now).map_err(bad)?;
        let (scope, digest) = (format!("dpop {key}"), opaque::hash(&claims.jti));
        let first =
            async |tx: &store::WriteTx| Ok(Change::silent(tx.see_once(&scope, &digest, until).await?, NoEvent::Housekeeping));
        if self.anonymously(call, first).await? {
            Ok(key)
        } else {
            Err(bad("This proof was used before: make one for each request."))
        }
    }
}

/// The key that what renews a client's tokens is bound to: only a client that keeps no secret needs one.
pub(in crate::applications) fn kept_with(client: &Presented, key: Option<&str>) -> Option<String> {
    key.filter(|_| client.auth_method == AuthMethod::None).map(str::to_owned)
}

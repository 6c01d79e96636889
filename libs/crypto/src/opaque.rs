//! Opaque tokens: random text that means nothing until it is looked up.
//!
//! We hand out `<prefix>_<43 characters>` once and store only the SHA-256 of it, so a stolen database opens nothing. A plain hash
//! is enough because the text carries 256 random bits: there is nothing to guess, unlike with a password. The prefix names the
//! purpose, so a token minted for one purpose is refused for every other before any look-up, and secret scanners recognise it.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::IdGen;
use sha2::{Digest, Sha256};

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Gets the next access token of a grant.
    Refresh,
    /// Proves that a new account's e-mail address is read by its owner.
    VerifyEmail,
    /// Sets a new password.
    ResetPassword,
    /// Proves the new address of an e-mail change.
    ChangeEmail,
    /// Accepts an invitation to an organization.
    Invitation,
    /// Authenticates a directory that provisions users by SCIM.
    Scim,
    /// Authenticates a program of a customer.
    ApiKey,
    /// Authenticates an OAuth client.
    ClientSecret,
    /// Authenticates a program of a customer's service.
    ServiceKey,
    /// Makes the first platform owner of a fresh installation.
    PlatformOwner,
    /// Binds a sign-in to the browser that it began in.
    Browser,
    /// Names the session of a browser.
    BrowserSession,
    /// Is exchanged for tokens by an OAuth client.
    Code,
    /// Names an authorization request that a client pushed.
    PushedRequest,
    /// Binds an identity provider's answer to who was sent there.
    Upstream,
    /// Is exchanged for tokens by a device, once somebody has approved.
    DeviceCode,
    /// Leads somebody who asked for a mail back to their sign-in.
    MailedSignIn,
    /// Signs somebody in who asked our API for a mail.
    MagicLink,
}

impl Purpose {
    /// What the token's text begins with, without the underscore.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "rt",
            Self::VerifyEmail => "verify",
            Self::ResetPassword => "reset",
            Self::ChangeEmail => "email",
            Self::Invitation => "inv",
            Self::Scim => "scim",
            Self::ApiKey => "key",
            Self::ClientSecret => "cs",
            Self::ServiceKey => "sk",
            Self::PlatformOwner => "owner",
            Self::Browser => "br",
            Self::BrowserSession => "bs",
            Self::Code => "code",
            Self::PushedRequest => "par",
            Self::Upstream => "up",
            Self::DeviceCode => "dc",
            Self::MailedSignIn => "ml",
            Self::MagicLink => "magic",
        }
    }
}

/// A fresh token: the text goes to its bearer and nowhere else, the hash into the database.
#[derive(Clone, PartialEq, Eq)]
pub struct Opaque {
    /// What the bearer gets, once.
    pub text: String,
    /// What is stored and looked up: [`hash`] of the text.
    pub hash: String,
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opaque").field("hash", &self.hash).finish_non_exhaustive()
    }
}

/// Makes a token for `purpose`.
pub fn mint(purpose: Purpose, random: &dyn IdGen) -> Opaque {
    let text = format!("{}_{}", purpose.prefix(), URL_SAFE_NO_PAD.encode(random.secret()));
    let hash = hash(&text);
    Opaque { text, hash }
}

/// What is stored of a token: the SHA-256 of its whole text (prefix included), in lower-case hex.
pub fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// Whether `text` has the shape of a token for `purpose`. Ask this before looking the hash up; `false` is "no such token".
pub fn recognises(purpose: Purpose, text: &str) -> bool {
    let body = text.strip_prefix(purpose.prefix()).and_then(|rest| rest.strip_prefix('_'));
    // The length first, so that an enormous header is not decoded.
    body.is_some_and(|body| body.len() == 43 && URL_SAFE_NO_PAD.decode(body).is_ok_and(|bytes| bytes.len() == 32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OsRandom;

    const ALL: [Purpose; 10] = [
        Purpose::Refresh,
        Purpose::VerifyEmail,
        Purpose::ResetPassword,
        Purpose::ChangeEmail,
        Purpose::Invitation,
        Purpose::Scim,
        Purpose::ApiKey,
        Purpose::ClientSecret,
        Purpose::ServiceKey,
        Purpose::PlatformOwner,
    ];

    #[test]
    fn a_token_is_recognised_for_its_own_purpose_only() {
        for minted in ALL {
            let token = mint(minted, &OsRandom::new());
            for asked in ALL {
                assert_eq!(recognises(asked, &token.text), asked == minted, "{minted:?} as {asked:?}");
            }
        }
    }

    #[test]
    fn the_hash_is_sha256_of_the_whole_text() {
        assert_eq!(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let token = mint(Purpose::ApiKey, &OsRandom::new());
        assert_eq!(token.hash, hash(&token.text));
        assert_ne!(token.hash, hash(token.text.strip_prefix("key_").unwrap()));
        assert_eq!(token.text.len(), "key_".len() + 43);
    }

    #[test]
    fn misshapen_texts_are_refused() {
        let good = mint(Purpose::Refresh, &OsRandom::new()).text;
        let body = good.strip_prefix("rt_").unwrap();
        let mut hostile = vec![String::new(), "rt_".into(), body.into(), format!("RT_{body}"), format!("rt-{body}")];
        hostile.extend([format!("{good}="), format!("{good} "), format!(" {good}"), good[..good.len() - 1].into()]);
        hostile.extend([format!("rt_{}", "!".repeat(43)), format!("rt_{}é", &body[..41]), format!("rt_{}", "A".repeat(100_000))]);
        for text in hostile {
            assert!(!recognises(Purpose::Refresh, &text), "{text:.60}");
        }
    }

    #[test]
    fn debug_does_not_print_the_text() {
        let token = mint(Purpose::Refresh, &OsRandom::new());
        assert!(!format!("{token:?}").contains(&token.text));
    }
}

//! OAuth clients of the platform: programs of the SaaS company. (An organization's are its [`super::services`].) A client gets tokens for the APIs
//! that it was granted ([`super::client_grants`]), and for nothing else.

use std::str::FromStr;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    resource_servers::TokenAlg,
    token_claims::TokenClaims,
    uris::{PageUri, RedirectUri},
};
use crate::{
    ClientId, Time,
    core::value::{BadValue, Name, bad},
};

/// How many the platform may have.
pub const MAX_CLIENTS: i64 = 1000;
/// The longest that an old client secret works beside the new one.
pub const MAX_GRACE: TimeDelta = TimeDelta::days(7);
/// How long it does when nobody says otherwise.
pub const USUAL_GRACE: TimeDelta = TimeDelta::days(1);

/// How a client shows that it is it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// By a secret that we made, in the header or the body (RFC 6749, 2.3.1).
    #[default]
    ClientSecret,
    /// By an assertion that it signed with a key of its own (RFC 7523).
    PrivateKeyJwt,
    /// Not at all: a program in people's hands keeps no secret. It gets no tokens for itself.
    None,
}

impl AuthMethod {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecret => "client_secret",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        }
    }
}

impl FromStr for AuthMethod {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "client_secret" => Ok(Self::ClientSecret),
            "private_key_jwt" => Ok(Self::PrivateKeyJwt),
            "none" => Ok(Self::None),
            _ => bad("unknown_auth_method", "Use client_secret, private_key_jwt or none."),
        }
    }
}

/// What kind of program it is (OpenID Connect Registration, 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// It has an address of its own.
    #[default]
    Web,
    /// It is installed, and gets its port from the system each time it starts.
    Native,
}

impl ApplicationType {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Native => "native",
        }
    }
}

impl FromStr for ApplicationType {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "web" => Ok(Self::Web),
            "native" => Ok(Self::Native),
            _ => bad("unknown_application_type", "Use web or native."),
        }
    }
}

/// Whether people sign in to an organization at a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrganizationUsage {
    /// Never: it is for people alone.
    Deny,
    /// Where the client names one.
    #[default]
    Allow,
    /// Always: to the one that the client names, their address belongs to, or they choose.
    Require,
}

impl OrganizationUsage {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
            Self::Require => "require",
        }
    }
}

impl FromStr for OrganizationUsage {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "deny" => Ok(Self::Deny),
            "allow" => Ok(Self::Allow),
            "require" => Ok(Self::Require),
            _ => bad("unknown_organization_usage", "Use deny, allow or require."),
        }
    }
}

/// How many URIs of a kind a client may have.
pub const MAX_URIS: usize = 50;

/// How people sign in at a client. Without redirect URIs nobody does in a browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInSettings {
    /// What kind of program it is.
    pub application_type: ApplicationType,
    /// Where a sign-in may come back to.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where a browser may go after people have signed out.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Whether people sign in to an organization.
    pub organization_usage: OrganizationUsage,
    /// What its ID tokens are signed with.
    pub id_token_alg: TokenAlg,
    /// Whether people sign in for devices of it that have no browser (RFC 8628).
    pub device_flow: bool,
    /// Where it is told that somebody's session has ended (OpenID Connect Back-Channel Logout).
    pub backchannel_logout_uri: Option<PageUri>,
    /// Where it begins a sign-in that nobody there asked for (OpenID Connect Core, 4).
    #[serde(default)]
    pub initiate_login_uri: Option<PageUri>,
    /// What its ID tokens tell beside what they always do, of whoever signs in to an organization.
    pub claims: TokenClaims,
}

impl SignInSettings {
    /// Whether a sign-in may come back there.
    pub fn comes_back_to(&self, asked: &str) -> bool {
        let native = self.application_type == ApplicationType::Native;
        self.redirect_uris.iter().any(|uri| uri.matches(asked, native))
    }
    /// Whether a browser may go there after people have signed out. A slash where there is no path makes no difference.
    pub fn leaves_to(&self, asked: &str) -> bool {
        let bare = |uri: &str| {
            let path = uri.split_once("://").map_or("", |(_, rest)| rest);
            uri.strip_suffix('/').filter(|_| path.matches('/').count() == 1).unwrap_or(uri).to_owned()
        };
        self.post_logout_redirect_uris.iter().any(|uri| bare(uri.as_str()) == bare(asked))
    }
}

/// The public keys of a client: a JWK Set (RFC 7517) of one to ten. Whether each is a key that we verify with, `crypto` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientKeys(Value);

impl ClientKeys {
    /// Bytes of a set at most.
    const LONGEST: usize = 16 * 1024;

    /// A set as it was sent.
    pub fn parse(set: &Value) -> Result<Self, BadValue> {
        const RULE: &str = "Send a JWK Set of one to ten public keys: {\"keys\": [{\"kty\": \"RSA\", …}]}.";
        let Some(keys) = set["keys"].as_array() else { return bad("bad_jwks", RULE) };
        let private = |key: &Value| ["d", "p", "q", "k", "dp", "dq", "qi", "oth"].iter().any(|name| !key[*name].is_null());
        match keys.len() {
            0 | 11.. => bad("bad_jwks", RULE),
            _ if set.to_string().len() > Self::LONGEST => bad("too_long", "A JWK Set has at most 16 KB."),
            _ if keys.iter().any(private) => {
                bad("private_key", "Send public keys only, and make new ones: these are known to others now.")
            }
            _ => Ok(Self(serde_json::json!({ "keys": keys }))),
        }
    }
    /// A set the database gave back.
    pub fn stored(set: Value) -> Self {
        Self(set)
    }
    /// The set.
    pub const fn set(&self) -> &Value {
        &self.0
    }
    /// Its keys.
    pub fn keys(&self) -> impl Iterator<Item = &Value> {
        self.0["keys"].as_array().into_iter().flatten()
    }
}

/// A client, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformClient {
    /// Identifier.
    pub id: ClientId,
    /// What it calls itself in OAuth.
    pub client_id: String,
    /// For people.
    pub name: Name,
    /// How it shows that it is it.
    pub auth_method: AuthMethod,
    /// Its keys, of [`AuthMethod::PrivateKeyJwt`].
    pub keys: Option<ClientKeys>,
    /// How people sign in there.
    pub sign_in: SignInSettings,
    /// Until when the secret before the last rotation works.
    pub old_secret_until: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_slash_where_there_is_no_path_makes_no_difference() {
        let uris = |all: &[&str]| all.iter().map(|uri| uri.parse().unwrap()).collect();
        let settings = SignInSettings {
            post_logout_redirect_uris: uris(&["http://localhost:3000", "https://a.example/", "https://b.example/out"]),
            ..SignInSettings::default()
        };
        for (asked, expected) in [
            ("http://localhost:3000", true),
            ("http://localhost:3000/", true),
            ("https://a.example", true),
            ("https://a.example/", true),
            ("https://b.example/out", true),
            ("https://b.example/out/", false),
            ("https://b.example", false),
            ("https://a.example//", false),
            ("https://a.example.evil.example/", false),
            ("http://localhost:3001", false),
            ("", false),
            ("/", false),
        ] {
            assert_eq!(settings.leaves_to(asked), expected, "{asked}");
        }
    }

    #[test]
    fn sets_of_keys_are_public_and_few() {
        let key = json!({"kty": "EC", "crv": "P-256", "x": "x", "y": "y"});
        let code = |set: &Value| ClientKeys::parse(set).map(|_| ()).map_err(|e| e.code);
        assert_eq!(code(&json!({"keys": [key], "else": 1})), Ok(()));
        for set in [json!(null), json!([]), json!({}), json!({"keys": {}}), json!({"keys": []}), json!({"keys": vec![key; 11]})] {
            assert_eq!(code(&set), Err("bad_jwks"), "{set}");
        }
        assert_eq!(code(&json!({"keys": [{"kty": "EC", "d": "secret"}]})), Err("private_key"));
        assert_eq!(code(&json!({"keys": [{"kty": "oct", "k": "secret"}]})), Err("private_key"));
        assert_eq!(code(&json!({"keys": [{"kty": "RSA", "n": "n".repeat(20_000)}]})), Err("too_long"));
    }
}

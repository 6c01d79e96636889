//! An organization's own OAuth client at a social provider: people who sign in there see the organization's name, and its limits count.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::features::SocialProvider;
use crate::core::{id::id, secret::visible, value::BadValue};
use crate::{OrgId, Time};

id! {
    /// An organization's client at a social provider.
    OAuthCredentialsKind OAuthCredentialsId = "oac"
}

/// An OAuth client's id, as a provider made it: visible ASCII, at most 255 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OAuthClientId(String);

impl OAuthClientId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// A text the database gave back.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for OAuthClientId {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        visible(s, 255).map(Self)
    }
}

/// A client, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthCredentials {
    /// Identifier.
    pub id: OAuthCredentialsId,
    /// Whose.
    pub org_id: OrgId,
    /// At which provider.
    pub provider: SocialProvider,
    /// Its id there.
    pub client_id: OAuthClientId,
    /// When there first was one.
    pub created_at: Time,
    /// When it was last set.
    pub updated_at: Time,
}

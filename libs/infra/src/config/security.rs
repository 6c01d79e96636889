//! Sections about accounts, tokens and keys.

use std::path::PathBuf;

use serde::Deserialize;

use super::{Secret, parse};

/// `[bootstrap]`: the first platform owner.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootstrapConfig {
    /// E-mail address; empty for nobody.
    #[serde(deserialize_with = "parse::optional_email")]
    pub owner_email: String,
    /// Password.
    pub owner_password: Secret,
}

/// `[rate_limits]`: how often somebody may call. A rate of 0 is no limit; a burst is what may come at once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RateLimitsConfig {
    /// Whether requests are limited.
    pub enabled: bool,
    /// Sign-in routes, for each network.
    pub sign_in_per_minute: u32,
    pub sign_in_burst: u32,
    /// Signed-in callers, for each account.
    pub account_reads_per_second: u32,
    pub account_reads_burst: u32,
    pub account_writes_per_second: u32,
    pub account_writes_burst: u32,
    pub account_exports_per_minute: u32,
    pub account_exports_burst: u32,
    /// All members of an organization together.
    pub organization_reads_per_second: u32,
    pub organization_reads_burst: u32,
    pub organization_writes_per_second: u32,
    pub organization_writes_burst: u32,
    pub organization_exports_per_minute: u32,
    pub organization_exports_burst: u32,
    /// Deliveries that an organization may ask for (redeliveries and test events) each hour; 0: no limit.
    pub organization_redeliveries_per_hour: u32,
    /// … at once.
    pub organization_redeliveries_burst: u32,
}

/// `[organizations]`: rules for new organizations.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganizationsConfig {
    /// Whether a platform owner has to approve each.
    pub require_approval: bool,
    /// The tier of each.
    pub tier: String,
    /// How many one user may create.
    pub max_per_user: u32,
}

/// Signature algorithm of access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum AccessAlg {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSA PKCS#1 v1.5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl AccessAlg {
    /// The name that stands in a token's header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// `[tokens]`: access and refresh tokens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokensConfig {
    /// Signature algorithm of access tokens.
    pub access_alg: AccessAlg,
    /// Seconds an access token is valid.
    pub access_seconds: u64,
    /// Days a refresh token is valid.
    pub refresh_days: u32,
    /// Seconds in which a refresh token that was just used is answered the same again.
    pub refresh_race_seconds: u64,
    /// Seconds a new signing key is published before it signs.
    pub key_publish_seconds: u64,
}

/// `[sessions]`: sign-ins.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionsConfig {
    /// Days a sign-in lasts at most, however often it is renewed.
    pub absolute_days: u32,
}

/// `[passwords]`: hashing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordsConfig {
    /// Hashing threads; 0 for cores - 1.
    pub threads: usize,
    /// Checks that may wait.
    pub queue: usize,
    /// Whether they only get what the rest of the machine leaves.
    pub idle_priority: bool,
}

/// `[keys]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysConfig {
    /// Items of `id:hex64`, the active one first, as `crypto::MasterKeys` reads them; empty: generated into the data directory.
    #[serde(deserialize_with = "parse::master_key")]
    pub master: Secret,
}

/// `[saml]`: sign-ins by SAML.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamlConfig {
    /// Whether anybody signs in by it.
    pub enabled: bool,
}

/// `[risk]`: risky sign-ins.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskConfig {
    /// A database in MaxMind's format that says where addresses are, if there is one.
    #[serde(deserialize_with = "parse::optional_file")]
    pub geoip_database: Option<PathBuf>,
}

//! What tiers and organizations may use beside what everybody may: names with a value each, kept and shown as JSON text. An organization
//! has what its tier has, and what the platform gave it beyond that.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::core::value::{BadValue, bad};

/// Something that is allowed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// A host of its own.
    CustomDomain,
    /// Services that take SAML from us.
    SamlIdp,
    /// Provisioning by SCIM.
    Scim,
    /// Log streams.
    Siem,
    /// A logo and a colour.
    Branding,
    /// Passkeys.
    Passkeys,
}

impl Feature {
    /// Every one.
    pub const ALL: [Self; 6] = [Self::CustomDomain, Self::SamlIdp, Self::Scim, Self::Siem, Self::Branding, Self::Passkeys];

    /// The contract's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CustomDomain => "allow_custom_domain",
            Self::SamlIdp => "allow_saml_idp",
            Self::Scim => "allow_scim",
            Self::Siem => "allow_siem",
            Self::Branding => "allow_branding",
            Self::Passkeys => "allow_passkeys",
        }
    }
    /// Whether these features (JSON text) hold it.
    pub fn is_in(self, features: &str) -> bool {
        read(features).get(self.as_str()).and_then(Value::as_bool).unwrap_or(false)
    }
}

/// A social provider that people may sign in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocialProvider {
    /// GitHub.
    Github,
    /// Google.
    Google,
    /// Microsoft.
    Microsoft,
}

impl SocialProvider {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Google => "google",
            Self::Microsoft => "microsoft",
        }
    }
}

impl FromStr for SocialProvider {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "github" => Ok(Self::Github),
            "google" => Ok(Self::Google),
            "microsoft" => Ok(Self::Microsoft),
            _ => bad("unknown_provider", "Use any of: github, google, microsoft."),
        }
    }
}

/// What is to be different. What is not named stays.
#[derive(Clone, Debug, Default)]
pub struct FeatureChanges {
    /// Allowed or not.
    pub flags: Vec<(Feature, bool)>,
    /// Which social providers.
    pub social: Option<Vec<SocialProvider>>,
    /// How many users may be active in a month; 0: any number.
    pub max_mau: Option<i64>,
    /// Whether more than that may be.
    pub allow_overage: Option<bool>,
}

const SOCIAL: &str = "allowed_social_providers";
const MAX_MAU: &str = "max_mau";
const OVERAGE: &str = "allow_overage";

fn read(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

impl FeatureChanges {
    /// What an organization has beyond its tier, after this. Only more than the tier: to take something back is to leave it to the tier
    /// again. `None`: nothing.
    pub fn widen(&self, overrides: Option<&str>) -> Option<String> {
        let mut map = self.changed(read(overrides.unwrap_or("{}")));
        map.retain(|_, value| *value != Value::Bool(false) && *value != Value::Array(Vec::new()));
        if map.is_empty() { None } else { Some(Value::Object(map).to_string()) }
    }

    /// What a tier has, after this.
    pub fn replace(&self, features: &str) -> String {
        let before = read(features);
        let after = self.changed(before.clone());
        if after == before { features.to_owned() } else { Value::Object(after).to_string() }
    }

    fn changed(&self, mut map: Map<String, Value>) -> Map<String, Value> {
        for (feature, allowed) in &self.flags {
            map.insert(feature.as_str().to_owned(), (*allowed).into());
        }
        if let Some(social) = &self.social {
            let mut known: Vec<Value> = Vec::new();
            for provider in social.iter().filter_map(|provider| serde_json::to_value(provider).ok()) {
                if !known.contains(&provider) {
                    known.push(provider);
                }
            }
            map.insert(SOCIAL.to_owned(), known.into());
        }
        if let Some(max) = self.max_mau {
            map.insert(MAX_MAU.to_owned(), max.into());
        }
        if let Some(allow) = self.allow_overage {
            map.insert(OVERAGE.to_owned(), allow.into());
        }
        map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(flags: &[(Feature, bool)]) -> FeatureChanges {
        FeatureChanges { flags: flags.to_vec(), ..FeatureChanges::default() }
    }

    #[test]
    fn an_organization_is_only_given_more() {
        let scim = flags(&[(Feature::Scim, true)]);
        let given = scim.widen(None);
        assert_eq!(given.as_deref(), Some(r#"{"allow_scim":true}"#));
        let both = flags(&[(Feature::Siem, true)]).widen(given.as_deref());
        assert_eq!(both.as_deref(), Some(r#"{"allow_scim":true,"allow_siem":true}"#));
        assert_eq!(flags(&[(Feature::Scim, false)]).widen(both.as_deref()).as_deref(), Some(r#"{"allow_siem":true}"#));
        assert_eq!(flags(&[(Feature::Siem, false), (Feature::Scim, false)]).widen(both.as_deref()), None);
        assert_eq!(flags(&[(Feature::Branding, false)]).widen(None), None);
        let social = FeatureChanges { social: Some(vec![SocialProvider::Google, SocialProvider::Google]), ..flags(&[]) };
        let google = social.widen(None);
        assert_eq!(google.as_deref(), Some(r#"{"allowed_social_providers":["google"]}"#));
        assert_eq!(FeatureChanges { social: Some(vec![]), ..flags(&[]) }.widen(google.as_deref()), None);
        assert_eq!(scim.widen(Some("not JSON")), scim.widen(None));
    }

    #[test]
    fn a_tier_has_what_it_is_given_and_keeps_the_rest() {
        let before = r#"{"allow_scim":true,"future":1,"max_mau":0}"#;
        let changes = FeatureChanges { max_mau: Some(500), allow_overage: Some(false), ..flags(&[(Feature::Scim, false)]) };
        let after: Value = serde_json::from_str(&changes.replace(before)).unwrap();
        assert_eq!(flags(&[(Feature::Scim, true)]).replace(before), before, "the same is no change");
        assert_eq!(after, serde_json::json!({"allow_scim": false, "future": 1, "max_mau": 500, "allow_overage": false}));
    }
}

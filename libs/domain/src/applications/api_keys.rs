//! API keys: how a customer's own program acts in its organization. A key belongs to the organization, not to whoever made it: it
//! goes on when they leave, and what it may do is its own.
//!
//! Whoever was shown a key's secret may have kept it. So each secret remembers to whom it was shown, and a removal names the keys
//! that the removed person has seen and nobody rotated since.

use std::net::IpAddr;

use chrono::TimeDelta;
use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

use crate::core::id::id;
use crate::{
    Error, OrgId, Result, Time, UserId,
    core::value::{BadValue, Name, bad},
    tenancy::roles::Caps,
};

id! {
    /// An API key of an organization. Not `key`: its secret begins with that.
    ApiKeyKind ApiKeyId = "apk"
}

/// How many keys an organization may have.
pub const MAX_API_KEYS: i64 = 100;
/// The longest that an old secret works beside the new one.
pub const MAX_GRACE: TimeDelta = TimeDelta::days(7);
/// How long it does when nobody says otherwise.
pub const USUAL_GRACE: TimeDelta = TimeDelta::days(1);
/// `last_used_at` is written at most this often.
pub const USE_RECORDED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// A key of an organization, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Identifier.
    pub id: ApiKeyId,
    /// The organization.
    pub org_id: OrgId,
    /// Unique in the organization.
    pub name: Name,
    /// The first characters of the current secret, to recognise it by.
    pub prefix: String,
    /// What it may do; clamped to [`Caps::FOR_PROGRAMS`] at every use.
    pub caps: Caps,
    /// Where it may be used from.
    pub networks: Networks,
    /// Until when it works; `None`: until it is revoked.
    pub expires_at: Option<Time>,
    /// Until when the secret before the last rotation works, too.
    pub old_secret_until: Option<Time>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Time>,
    /// Who made it.
    pub created_by: UserId,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

impl ApiKey {
    /// Whether it may be used now and from there. `Unauthenticated` (`api_key_invalid`): it has expired; `Forbidden` (`network_not_allowed`).
    pub fn usable(&self, now: Time, from: Option<IpAddr>) -> Result<()> {
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err(invalid());
        }
        if self.networks.allow(from) {
            return Ok(());
        }
        Err(Error::forbidden("network_not_allowed", "This API key may not be used from this network. Ask whoever manages it."))
    }
    /// Whether this use is to be recorded.
    pub fn use_is_due(&self, now: Time) -> bool {
        self.last_used_at.is_none_or(|at| (now - at).abs() >= USE_RECORDED_EVERY)
    }
}

/// What everybody is told whose key is unknown, revoked, rotated away or expired.
pub fn invalid() -> Error {
    Error::unauthenticated("api_key_invalid", "This API key is not valid. It may have been revoked, rotated or expired.")
}

/// Networks in CIDR notation; none: everywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// How many a key may name.
    pub const MAX: usize = 20;

    /// Parsed networks (or single addresses), in their order.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, BadValue> {
        let net = |text: &str| text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let parse = |text: &str| net(text).map(|net| canonical(net.trunc()));
        let mut networks = Vec::new();
        for text in texts {
            match parse(text) {
                Ok(network) if networks.len() < Self::MAX => networks.push(network),
                Ok(_) => return bad("too_many", format!("Name at most {} networks.", Self::MAX)),
                Err(_) => return bad("bad_network", "Use an address or a network like 203.0.113.0/24."),
            }
        }
        Ok(Self(networks))
    }
    /// Whether an address is in one of them. An address that is not known is in none.
    pub fn allow(&self, from: Option<IpAddr>) -> bool {
        // An IPv4 client may reach an IPv6 listener as ::ffff:a.b.c.d.
        self.0.is_empty() || from.is_some_and(|ip| self.0.iter().any(|network| network.contains(&ip.to_canonical())))
    }
    /// As they are written.
    pub fn texts(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(ToString::to_string)
    }
}

/// As addresses are compared: IPv4 that is written within IPv6 (::ffff:a.b.c.d) is IPv4.
fn canonical(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    let mapped = v6.prefix_len().checked_sub(96).zip(v6.addr().to_ipv4_mapped());
    mapped.and_then(|(bits, v4)| Ipv4Net::new(v4, bits).ok()).map_or(net, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Result<Networks, BadValue> {
        Networks::parse(texts.iter().copied())
    }

    #[test]
    fn a_key_is_used_from_its_networks_only() {
        let some = networks(&["203.0.113.7/24", "2001:db8::1"]).unwrap();
        assert_eq!(some.texts().collect::<Vec<_>>(), ["203.0.113.0/24", "2001:db8::1/128"]);
        for (from, allowed) in [
            ("203.0.113.200", true),
            ("::ffff:203.0.113.200", true),
            ("203.0.114.1", false),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
        ] {
            assert_eq!(some.allow(Some(from.parse().unwrap())), allowed, "{from}");
        }
        assert!(!some.allow(None) && Networks::default().allow(None));
        let mapped = networks(&["::ffff:203.0.113.0/120", "::ffff:192.0.2.1"]).unwrap();
        assert_eq!(mapped.texts().collect::<Vec<_>>(), ["203.0.113.0/24", "192.0.2.1/32"]);
    }

    #[test]
    fn networks_are_parsed_and_bounded() {
        assert_eq!(networks(&["here"]).unwrap_err().code, "bad_network");
        assert_eq!(networks(&["10.0.0.0/33"]).unwrap_err().code, "bad_network");
        assert_eq!(networks(&["10.0.0.0/8"; Networks::MAX + 1]).unwrap_err().code, "too_many");
    }
}

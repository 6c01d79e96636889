//! Which addresses are public. IPv4: everything but the special-purpose registry. IPv6: only global unicast (2000::/3), and of that
//! not the ranges that embed or tunnel to an IPv4 address, since through them a "public" address can mean a private one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::EgressError;

const fn v4(a: u8, b: u8, c: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, 0), length)
}

const fn v6(a: u16, b: u16, c: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length)
}

const NOT_PUBLIC_V4: [Ipv4Net; 16] = [
    v4(0, 0, 0, 8),       // "this" network, unspecified
    v4(10, 0, 0, 8),      // private
    v4(100, 64, 0, 10),   // carrier-grade NAT
    v4(127, 0, 0, 8),     // loopback
    v4(169, 254, 0, 16),  // link-local, cloud metadata
    v4(172, 16, 0, 12),   // private
    v4(192, 0, 0, 24),    // protocol assignments
    v4(192, 0, 2, 24),    // documentation
    v4(192, 31, 196, 24), // AS112
    v4(192, 88, 99, 24),  // 6to4 relays
    v4(192, 168, 0, 16),  // private
    v4(198, 18, 0, 15),   // benchmarks
    v4(198, 51, 100, 24), // documentation
    v4(203, 0, 113, 24),  // documentation
    v4(224, 0, 0, 4),     // multicast
    v4(240, 0, 0, 4),     // reserved, broadcast
];

const GLOBAL_UNICAST: Ipv6Net = v6(0x2000, 0, 0, 3);

/// Within global unicast. Everything outside it (mapped, compatible, NAT64, ULA, link-local, multicast, …) is refused anyway.
const NOT_PUBLIC_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 0, 23),     // protocol assignments: Teredo, ORCHID, benchmarks
    v6(0x2001, 0xdb8, 0, 32), // documentation
    v6(0x2002, 0, 0, 16),     // 6to4
    v6(0x3fff, 0, 0, 20),     // documentation
];

/// Whether the whole internet can reach `address`.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => !NOT_PUBLIC_V4.iter().any(|net| net.contains(&a)),
        IpAddr::V6(a) => GLOBAL_UNICAST.contains(&a) && !NOT_PUBLIC_V6.iter().any(|net| net.contains(&a)),
    }
}

/// How far a request may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Public addresses and those the operator allowed.
    Public,
    /// Only those the operator allowed, because the request is not encrypted.
    AllowedOnly,
}

/// The operator's exceptions.
#[derive(Clone, Debug)]
pub(super) struct Policy(std::sync::Arc<[IpNet]>);

impl Policy {
    pub(super) fn new(allow: &[IpNet]) -> Self {
        Self(allow.into())
    }

    /// Whether there is no exception at all.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }

    pub(super) fn permits(&self, address: IpAddr, reach: Reach) -> bool {
        self.allows(address) || (reach == Reach::Public && is_public(address))
    }

    /// The permitted ones of `found`; an error if none is left.
    pub(super) fn filter(&self, mut found: Vec<IpAddr>, reach: Reach) -> Result<Vec<IpAddr>, EgressError> {
        found.retain(|address| self.permits(*address, reach));
        match reach {
            _ if !found.is_empty() => Ok(found),
            Reach::Public => Err(EgressError::NotAllowed("address_not_allowed")),
            Reach::AllowedOnly => Err(EgressError::NotAllowed("https_required")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.31.196.1",
            "192.88.99.1",
            "192.168.255.255",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "::8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:808:808::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn ordinary_addresses_are_public() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2600::1",
            "2a00:1450::1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn only_named_networks_are_reached_without_encryption() {
        let policy = Policy::new(&["10.1.0.0/16".parse().unwrap()]);
        for (address, public, allowed_only) in
            [("10.1.2.3", true, true), ("10.2.0.1", false, false), ("8.8.8.8", true, false), ("::ffff:10.1.2.3", false, false)]
        {
            let address = address.parse().unwrap();
            assert_eq!(
                (policy.permits(address, Reach::Public), policy.permits(address, Reach::AllowedOnly)),
                (public, allowed_only)
            );
        }
    }
}

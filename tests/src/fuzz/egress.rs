//! URLs that customers want called (T35): one whose host is an address is let through only if the address is public by a second opinion.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use domain::{core::ports::UrlGuard, delivery::webhooks::EndpointUrl};
use futures::executor::block_on;
use infra::{
    config::{DnsConfig, EgressConfig},
    egress::Egress,
};
use url::Host;

use super::text;

static GUARD: LazyLock<Egress> = LazyLock::new(|| {
    infra::install_tls_provider();
    // Never asked: names are left out below.
    let nobody = DnsConfig { resolver: Some(([127, 0, 0, 1], 9).into()) };
    Egress::new(&EgressConfig { allow_networks: Vec::new(), timeout_seconds: 1, ca_file: None }, &nobody)
        .unwrap_or_else(|e| panic!("{e:?}"))
});

pub(super) fn url(data: &[u8]) {
    let Ok(endpoint) = text(data).parse::<EndpointUrl>() else { return };
    let address: IpAddr = match endpoint.url().host() {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.into(),
        Some(Host::Domain(name)) => {
            assert!(name.parse::<IpAddr>().is_err() && !name.is_empty(), "{endpoint:?}: an address passes for a name");
            return;
        }
        None => panic!("{endpoint:?} has no host"),
    };
    let verdict = block_on(GUARD.check("url", endpoint.url()));
    if verdict.is_ok() {
        assert!(endpoint.url().scheme() == "https" && outside(address), "{endpoint:?} may be called");
    }
}

/// Certainly not inside: only what the standard library knows, so weaker than the guard.
fn outside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => outside_v4(v4),
        IpAddr::V6(v6) => outside_v6(v6),
    }
}

fn outside_v4(v4: Ipv4Addr) -> bool {
    let inside = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified();
    !inside && !v4.is_multicast() && !v4.is_broadcast() && !v4.is_documentation() && v4.octets()[0] != 0 && v4.octets()[0] < 224
}

fn outside_v6(v6: Ipv6Addr) -> bool {
    let mapped = v6.to_ipv4().is_none_or(outside_v4);
    let inside =
        v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_multicast();
    mapped && !inside
}

//! Name resolution for customers' URLs: our own resolver, so that its answers can be judged before anything connects, and so
//! that a test (or an operator) can name the server.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use domain::Error;
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{
    EgressError,
    addresses::{Policy, Reach},
};
use crate::config::DnsConfig;

/// One lost packet is asked again after this time.
const ATTEMPT: Duration = Duration::from_secs(1);
/// For all attempts: less than connecting may take in all, so that a silent name server is reported as what it is.
const PATIENCE: Duration = Duration::from_millis(2500);
/// A changed record is seen within this time, whatever its owner claims.
const LONGEST_CACHED: Duration = Duration::from_secs(300);

/// The resolver; clones share the cache.
#[derive(Clone)]
pub(super) struct Names(TokioResolver);

impl Names {
    pub(super) fn new(dns: &DnsConfig) -> Result<Self, Error> {
        let mut builder = match dns.resolver {
            None => TokioResolver::builder_tokio().map_err(Error::internal)?,
            Some(server) => TokioResolver::builder_with_config(only(server), TokioRuntimeProvider::default()),
        };
        let options = builder.options_mut();
        options.timeout = ATTEMPT;
        options.attempts = 2;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.cache_size = 2048;
        options.positive_max_ttl = Some(LONGEST_CACHED);
        options.negative_max_ttl = Some(LONGEST_CACHED / 10);
        builder.build().map(Self).map_err(Error::internal)
    }

    /// Every address of `name`, none of them judged.
    pub(super) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, EgressError> {
        // With the final dot no search domain of ours is tried on a customer's name.
        let absolute = if name.ends_with('.') { name.to_owned() } else { format!("{name}.") };
        let found = tokio::time::timeout(PATIENCE, self.0.lookup_ip(absolute)).await;
        let found = found.map_err(|_| EgressError::NoAddress)?.map_err(|_| EgressError::NoAddress)?;
        let addresses: Vec<IpAddr> = found.iter().collect();
        if addresses.is_empty() { Err(EgressError::NoAddress) } else { Ok(addresses) }
    }

    /// Those that may be called.
    pub(super) async fn permitted(&self, name: &str, policy: &Policy, reach: Reach) -> Result<Vec<IpAddr>, EgressError> {
        policy.filter(self.addresses(name).await?, reach).map_err(|_| EgressError::NoAddress)
    }
}

fn only(server: SocketAddr) -> ResolverConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    ResolverConfig::from_name_servers(vec![NameServerConfig::new(server.ip(), true, connections.into())])
}

/// The resolver as the HTTP client sees it: it only ever learns permitted addresses, at the moment it connects.
pub(super) struct Guarded {
    pub(super) names: Names,
    pub(super) policy: Policy,
    pub(super) reach: Reach,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, policy, reach) = (self.names.clone(), self.policy.clone(), self.reach);
        Box::pin(async move {
            let permitted = names.permitted(name.as_str(), &policy, reach).await?;
            // Port 0 stands for the URL's own.
            let sockets = permitted.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(sockets) as Addrs)
        })
    }
}

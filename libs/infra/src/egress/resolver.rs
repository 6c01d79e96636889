//! Name resolution for customers' URLs: our own resolver, so that its answers can be judged before anything connects, and so
//! that a test (or an operator) can name the server.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use domain::{Error, tenancy::domains::Miss};
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
    proto::rr::{RData, Record},
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
        Self::asking(dns.resolver.as_slice(), 2048)
    }

    /// Asks these servers (none: the system's), and remembers so many answers.
    pub(super) fn asking(servers: &[SocketAddr], remembered: u64) -> Result<Self, Error> {
        let mut builder = match servers {
            [] => TokioResolver::builder_tokio().map_err(Error::internal)?,
            some => TokioResolver::builder_with_config(only(some), TokioRuntimeProvider::default()),
        };
        let options = builder.options_mut();
        options.timeout = ATTEMPT;
        options.attempts = 2;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.cache_size = remembered;
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

    /// The values of a TXT record, as bytes: what a customer's DNS says is nobody's text yet.
    pub(super) async fn texts(&self, name: &str) -> Result<Vec<Vec<u8>>, Miss> {
        let found = tokio::time::timeout(PATIENCE, self.0.txt_lookup(format!("{name}."))).await;
        match found.map_err(|_| Miss::Unanswered)? {
            Ok(lookup) => Ok(lookup.answers().iter().filter_map(text).collect()),
            Err(e) if e.is_no_records_found() => Err(Miss::Absent),
            Err(_) => Err(Miss::Unanswered),
        }
    }

    /// Those that may be called.
    pub(super) async fn permitted(&self, name: &str, policy: &Policy, reach: Reach) -> Result<Vec<IpAddr>, EgressError> {
        policy.filter(self.addresses(name).await?, reach).map_err(|_| EgressError::NoAddress)
    }
}

/// A value may come in several strings, which belong together.
fn text(record: &Record) -> Option<Vec<u8>> {
    match &record.data {
        RData::TXT(text) => Some(text.txt_data.concat()),
        _ => None,
    }
}

fn only(servers: &[SocketAddr]) -> ResolverConfig {
    let server = |server: &SocketAddr| {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = server.port();
            connection
        });
        NameServerConfig::new(server.ip(), true, connections.into())
    };
    ResolverConfig::from_name_servers(servers.iter().map(server).collect())
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

//! The only way out to an address that a customer chose: webhooks, log streams, identity providers' metadata and keys, logos.
//!
//! A customer's URL must not become a request into our own network (T35). So: addresses are judged after the name was resolved
//! and the connection is made to exactly those addresses, which leaves a name that changes its answer in between ("rebinding") no
//! opening; addresses written into the URL, which no resolver sees, are judged here; redirects are not followed and no proxy is
//! asked; plain http is only spoken to networks that the operator named (and to fetch what proves a host, see `proofs`); time and size are bounded; errors tell a customer which
//! stage failed and nothing about what is behind it.

mod addresses;
mod clients;
mod error;
mod guard;
mod pictures;
mod proofs;
mod resolver;
#[cfg(test)]
pub(crate) mod tests;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

pub use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

pub(crate) use self::clients::operator_client;
use self::{
    addresses::{Policy, Reach},
    resolver::{Guarded, Names},
};
pub use self::{error::EgressError, proofs::ProofFinder};
use crate::config::{DnsConfig, EgressConfig};

/// The guarded HTTP client. Clones share connections and the name cache.
#[derive(Clone)]
pub struct Egress(Arc<Inner>);

struct Inner {
    policy: Policy,
    names: Names,
    /// Reaches public and allowed addresses; for https.
    secure: reqwest::Client,
    /// Reaches only what the operator allowed; for http.
    plain: reqwest::Client,
    ceiling: Duration,
}

/// A request to a customer's URL.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// GET, POST, …
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers; those that belong to the connection itself are refused.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// For everything together; `egress.timeout_seconds` is the ceiling.
    pub timeout: Duration,
    /// Bytes of the answer's body to keep.
    pub max_response: usize,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The status; redirects are answers like any other.
    pub status: u16,
    /// Headers in the order received, names in lower case; those that are not text are left out.
    pub headers: Vec<(String, String)>,
    /// The first `max_response` bytes of the body.
    pub body: Vec<u8>,
    /// Whether that is not all of it: there was more, or it was cut off, broken, or did not come in time.
    pub truncated: bool,
    /// From the call of [`Egress::send`] to the last byte.
    pub elapsed: Duration,
}

impl Incoming {
    /// The first header of this name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Headers that frame the message or steer the connection: setting them could smuggle a second request or reach another host.
const CONNECTION_HEADERS: [&str; 10] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "upgrade",
    "te",
    "trailer",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
];

impl Egress {
    /// Builds the clients. Fails where the system's name resolution, its certificates or `egress.ca_file` cannot be read.
    pub fn new(egress: &EgressConfig, dns: &DnsConfig) -> Result<Self, domain::Error> {
        let policy = Policy::new(&egress.allow_networks);
        let names = Names::new(dns)?;
        let guarded = |reach| Guarded { names: names.clone(), policy: policy.clone(), reach };
        let trusted = clients::authorities(egress.ca_file.as_deref())?;
        let secure = clients::guarded_client(guarded(Reach::Public), &trusted)?;
        let plain = clients::guarded_client(guarded(Reach::AllowedOnly), &trusted)?;
        Ok(Self(Arc::new(Inner { policy, names, secure, plain, ceiling: Duration::from_secs(egress.timeout_seconds) })))
    }

    /// The longest that any call may take (`egress.timeout_seconds`).
    pub fn ceiling(&self) -> Duration {
        self.0.ceiling
    }

    /// The addresses of `host` (a name, or an address itself) that may be connected to. For protocols other than HTTP, such as
    /// a customer's mail server: connect to one of these, do not resolve again. Without encryption only what the operator allowed.
    pub async fn addresses(&self, host: &str, encrypted: bool) -> Result<Vec<IpAddr>, EgressError> {
        let reach = if encrypted { Reach::Public } else { Reach::AllowedOnly };
        match guard::address(host) {
            Some(address) => self.0.policy.filter(vec![address], reach),
            // Answering before asking keeps a customer from using us to look into internal names.
            None if !encrypted && self.0.policy.is_empty() => Err(EgressError::NotAllowed("https_required")),
            None => self.0.names.permitted(host, &self.0.policy, reach).await,
        }
    }

    /// The same of an address alone: a name is judged when it is connected to.
    pub fn literal(&self, host: &str, encrypted: bool) -> Result<(), EgressError> {
        let reach = if encrypted { Reach::Public } else { Reach::AllowedOnly };
        match guard::address(host) {
            Some(address) => self.0.policy.filter(vec![address], reach).map(|_| ()),
            None if !encrypted && self.0.policy.is_empty() => Err(EgressError::NotAllowed("https_required")),
            None => Ok(()),
        }
    }

    /// Sends a request and reads the answer, both within `timeout`. With the status there is an answer, whatever becomes of its body:
    /// what came of it is kept.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Incoming, EgressError> {
        let (started, max) = (Instant::now(), outgoing.max_response);
        let deadline = tokio::time::Instant::now() + outgoing.timeout.min(self.0.ceiling);
        let response = tokio::time::timeout_at(deadline, self.exchange(outgoing)).await.map_err(|_| EgressError::Timeout)??;
        let (status, headers) = (response.status().as_u16(), texts(response.headers()));
        let mut body = Vec::new();
        let whole = tokio::time::timeout_at(deadline, read(response, max, &mut body)).await;
        Ok(Incoming { status, headers, body, truncated: whole != Ok(true), elapsed: started.elapsed() })
    }

    async fn exchange(&self, outgoing: Outgoing) -> Result<reqwest::Response, EgressError> {
        let Outgoing { method, url, headers, body, .. } = outgoing;
        let reach = guard::reach(&url)?;
        if reach == Reach::AllowedOnly && self.0.policy.is_empty() {
            return Err(EgressError::NotAllowed("https_required"));
        }
        if let Some(address) = guard::literal(&url) {
            self.0.policy.filter(vec![address], reach)?;
        }
        let client = if reach == Reach::Public { &self.0.secure } else { &self.0.plain };
        let mut request = client.request(method, url).headers(header_map(headers)?);
        if !body.is_empty() {
            request = request.body(body);
        }
        request.send().await.map_err(|e| error::classify(&e))
    }
}

/// Reads at most `max` bytes; answers whether that was all. What is left of the answer is dropped, and its connection with it.
async fn read(mut response: reqwest::Response, max: usize, body: &mut Vec<u8>) -> bool {
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = max - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() > room {
                    return false;
                }
            }
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

fn header_map(headers: Vec<(String, String)>) -> Result<HeaderMap, EgressError> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let refused = EgressError::NotAllowed("header_not_allowed");
        let name = HeaderName::try_from(name).map_err(|_| refused)?;
        if CONNECTION_HEADERS.contains(&name.as_str()) {
            return Err(refused);
        }
        map.append(name, HeaderValue::try_from(value).map_err(|_| refused)?);
    }
    Ok(map)
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&HeaderName, &HeaderValue)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()));
    headers.iter().filter_map(text).collect()
}

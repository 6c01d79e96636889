//! The only way out to an address that a customer chose: webhooks, log streams, identity providers' metadata and keys, logos.
//!
//! A customer's URL must not become a request into our own network (T35). So: addresses are judged after the name was resolved
//! and the connection is made to exactly those addresses, which leaves a name that changes its answer in between ("rebinding") no
//! opening; addresses written into the URL, which no resolver sees, are judged here; redirects are not followed and no proxy is
//! asked; plain http is only spoken to networks that the operator named; time and size are bounded; errors tell a customer which
//! stage failed and nothing about what is behind it.

mod addresses;
mod clients;
mod error;
mod guard;
mod resolver;
#[cfg(test)]
mod tests;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

pub use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

pub(crate) use self::clients::operator_client;
pub use self::error::EgressError;
use self::{
    addresses::{Policy, Reach},
    resolver::{Guarded, Names},
};
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
    /// Whether there was more.
    pub truncated: bool,
    /// From the call of [`Egress::send`] to the last byte.
    pub elapsed: Duration,
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
    /// Builds the clients. Fails where the system's name resolution or certificates cannot be read.
    pub fn new(egress: &EgressConfig, dns: &DnsConfig) -> Result<Self, domain::Error> {
        let policy = Policy::new(&egress.allow_networks);
        let names = Names::new(dns)?;
        let guarded = |reach| Guarded { names: names.clone(), policy: policy.clone(), reach };
        let secure = clients::guarded_client(guarded(Reach::Public))?;
        let plain = clients::guarded_client(guarded(Reach::AllowedOnly))?;
        Ok(Self(Arc::new(Inner { policy, names, secure, plain, ceiling: Duration::from_secs(egress.timeout_seconds) })))
    }

    /// The longest that any call may take (`egress.timeout_seconds`).
    pub fn ceiling(&self) -> Duration {
        self.0.ceiling
    }

    /// The addresses of `host` (a name, or an address itself) that may be connected to. For protocols other than HTTP, such as
    /// a customer's mail server: connect to one of these, do not resolve again.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, EgressError> {
        let literal = host.trim_matches(['[', ']']).parse::<IpAddr>();
        let found = match literal {
            Ok(address) => vec![address],
            Err(_) => self.0.names.addresses(host).await?,
        };
        self.0.policy.filter(found, Reach::Public)
    }

    /// Sends a request and reads the answer, both within `timeout`.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Incoming, EgressError> {
        let started = Instant::now();
        let limit = outgoing.timeout.min(self.0.ceiling);
        // Around everything, so that a trickling body ends as well as a silent server.
        match tokio::time::timeout(limit, self.exchange(outgoing)).await {
            Ok(answer) => answer.map(|incoming| Incoming { elapsed: started.elapsed(), ..incoming }),
            Err(_) => Err(EgressError::Timeout),
        }
    }

    async fn exchange(&self, outgoing: Outgoing) -> Result<Incoming, EgressError> {
        let Outgoing { method, url, headers, body, max_response, .. } = outgoing;
        let reach = guard::reach(&url)?;
        if let Some(address) = guard::literal(&url) {
            self.0.policy.filter(vec![address], reach)?;
        }
        let client = if reach == Reach::Public { &self.0.secure } else { &self.0.plain };
        let mut request = client.request(method, url).headers(header_map(headers)?);
        if !body.is_empty() {
            request = request.body(body);
        }
        let response = request.send().await.map_err(|e| error::classify(&e))?;
        let (status, headers) = (response.status().as_u16(), texts(response.headers()));
        let (body, truncated) = read(response, max_response).await?;
        Ok(Incoming { status, headers, body, truncated, elapsed: Duration::ZERO })
    }
}

/// Reads at most `max` bytes. What is left of the answer is dropped, and its connection with it.
async fn read(mut response: reqwest::Response, max: usize) -> Result<(Vec<u8>, bool), EgressError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| error::classify(&e))? {
        let room = max - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok((body, true));
        }
    }
    Ok((body, false))
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

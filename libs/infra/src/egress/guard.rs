//! The rules about a URL itself, and the early judgement of one that a customer wants to store.

use std::net::IpAddr;

use async_trait::async_trait;
use domain::{Violation, core::ports::UrlGuard};
use url::{Host, Url};

use super::{Egress, EgressError, addresses::Reach};

/// Longer URLs are a mistake or an attack.
const LONGEST: usize = 2048;

/// How far a request to `url` may reach, if the URL is acceptable at all.
pub(super) fn reach(url: &Url) -> Result<Reach, EgressError> {
    let reach = match url.scheme() {
        "https" => Reach::Public,
        "http" => Reach::AllowedOnly,
        _ => return Err(EgressError::NotAllowed("bad_url")),
    };
    if !url.has_host() || url.port() == Some(0) || url.as_str().len() > LONGEST {
        return Err(EgressError::NotAllowed("bad_url"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EgressError::NotAllowed("credentials_in_url"));
    }
    Ok(reach)
}

/// The address written into the URL, if it is one. All notations (decimal, octal, hexadecimal) were made one by the URL parser.
pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

/// A host of other protocols, if it is an address.
pub(super) fn address(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

impl Egress {
    async fn judge(&self, url: &Url) -> Result<(), &'static str> {
        let reach = reach(url).map_err(code)?;
        let refusal = if reach == Reach::Public { "address_not_allowed" } else { "https_required" };
        let found = match (literal(url), url.host_str()) {
            (Some(address), _) => vec![address],
            // Answering before asking keeps a customer from using us to look into internal names.
            _ if reach == Reach::AllowedOnly && self.0.policy.is_empty() => return Err(refusal),
            // A name that does not resolve and one that leads into a network of ours get the same answer.
            (None, name) => self.0.names.addresses(name.unwrap_or_default()).await.map_err(|_| refusal)?,
        };
        // Connecting uses the permitted ones only; storing demands that all are, since a mixture is a mistake or an attempt.
        if found.iter().all(|address| self.0.policy.permits(*address, reach)) { Ok(()) } else { Err(refusal) }
    }
}

fn code(error: EgressError) -> &'static str {
    match error {
        EgressError::NotAllowed(code) => code,
        _ => "bad_url",
    }
}

fn message(code: &'static str) -> &'static str {
    match code {
        "https_required" => "must begin with https://.",
        "address_not_allowed" => "must have a host that leads to public addresses only.",
        "credentials_in_url" => "must not hold a user name or password.",
        _ => "must be a complete URL, such as https://example.com/hook.",
    }
}

#[async_trait]
impl UrlGuard for Egress {
    async fn check(&self, field: &str, url: &Url) -> Result<(), Violation> {
        self.judge(url).await.map_err(|code| Violation::new(field, code, message(code)))
    }
}

//! Looking for what proves that a domain is an organization's: a TXT record, or a file that the host serves.
//!
//! The file is the one thing that is fetched from public addresses without encryption: there is no certificate yet. It goes through the same
//! judgement of addresses as everything else (T35), follows no redirect, which would let somebody prove a host through an open redirector of
//! its own, and is compared, never shown. Nothing is remembered from one look to the next.

use std::{pin::pin, time::Duration};

use async_trait::async_trait;
use domain::{
    Error,
    core::ports::Proofs,
    tenancy::domains::{Challenge, FILE, Finding, Miss, Proof},
};
use futures::future::{Either, select};

use super::{
    addresses::{Policy, Reach},
    clients, read,
    resolver::{Guarded, Names},
};
use crate::config::{DnsConfig, DomainsConfig, EgressConfig};

/// For the whole file: whoever asked waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A token has 36 characters; what is longer is something else.
const LONGEST_FILE: usize = 256;

/// Finds proofs. Clones share its connections.
#[derive(Clone)]
pub struct ProofFinder {
    names: Names,
    files: reqwest::Client,
    port: u16,
}

impl ProofFinder {
    /// Asks the name servers that are configured for proofs, else those for everything.
    pub fn new(domains: &DomainsConfig, egress: &EgressConfig, dns: &DnsConfig) -> Result<Self, Error> {
        let servers = if domains.resolvers.is_empty() { dns.resolver.as_slice() } else { &domains.resolvers };
        let names = Names::asking(servers, 0)?;
        let policy = Policy::new(&egress.allow_networks);
        let files = clients::guarded_client(Guarded { names: names.clone(), policy, reach: Reach::Public }, &[])?;
        Ok(Self { names, files, port: domains.http_port })
    }

    async fn record(&self, challenge: &Challenge) -> Result<(), Miss> {
        let values = self.names.texts(&challenge.record).await?;
        let is_token = |value: &Vec<u8>| value.trim_ascii() == challenge.token.as_bytes();
        if values.iter().any(is_token) { Ok(()) } else { Err(if values.is_empty() { Miss::Absent } else { Miss::Different }) }
    }

    async fn file(&self, challenge: &Challenge) -> Result<(), Miss> {
        tokio::time::timeout(PATIENCE, self.fetch(challenge)).await.unwrap_or(Err(Miss::Unanswered))
    }

    async fn fetch(&self, challenge: &Challenge) -> Result<(), Miss> {
        // A domain's name is never an address, so the resolver sees every one of them.
        let url = format!("http://{}:{}{FILE}", challenge.domain, self.port);
        let request = self.files.get(url).header("accept", "text/plain");
        let response = request.send().await.map_err(|_| Miss::Unanswered)?;
        match response.status().as_u16() {
            200 => {}
            404 | 410 => return Err(Miss::Absent),
            _ => return Err(Miss::Different),
        }
        let mut body = Vec::new();
        let whole = read(response, LONGEST_FILE, &mut body).await;
        if whole && body.trim_ascii() == challenge.token.as_bytes() { Ok(()) } else { Err(Miss::Different) }
    }
}

#[async_trait]
impl Proofs for ProofFinder {
    async fn find(&self, challenge: &Challenge) -> Finding {
        let record = pin!(self.record(challenge));
        if !challenge.by_file {
            return match record.await {
                Ok(()) => Finding::Proven(Proof::Dns),
                Err(record) => Finding::Missing { record, file: None },
            };
        }
        // Either will do: whichever is found first ends the search.
        let (record, file) = match select(record, pin!(self.file(challenge))).await {
            Either::Left((Ok(()), _)) => return Finding::Proven(Proof::Dns),
            Either::Right((Ok(()), _)) => return Finding::Proven(Proof::Http),
            Either::Left((Err(record), file)) => (Err(record), file.await),
            Either::Right((Err(file), record)) => (record.await, Err(file)),
        };
        match (record, file) {
            (Ok(()), _) => Finding::Proven(Proof::Dns),
            (_, Ok(())) => Finding::Proven(Proof::Http),
            (Err(record), Err(file)) => Finding::Missing { record, file: Some(file) },
        }
    }
}

#[cfg(test)]
mod tests;

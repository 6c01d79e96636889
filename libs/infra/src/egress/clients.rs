//! The HTTP clients' settings, and the only place that builds any.

use std::{fs, path::Path, sync::Arc, time::Duration};

use domain::Error;
use reqwest::{Certificate, Client, ClientBuilder, redirect::Policy};

use super::resolver::Guarded;

const CONNECT: Duration = Duration::from_secs(3);

#[expect(clippy::disallowed_methods, reason = "the one place that builds HTTP clients")]
fn builder() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("Tenantry/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        // A compressed body could be a thousand times what was received.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .connect_timeout(CONNECT)
}

/// More authorities to trust, of a PEM file.
pub(super) fn authorities(file: Option<&Path>) -> Result<Vec<Certificate>, Error> {
    let Some(path) = file else { return Ok(Vec::new()) };
    let unusable = |e: String| Error::internal(format!("egress.ca_file {}: {e}", path.display()));
    let pem = fs::read(path).map_err(|e| unusable(e.to_string()))?;
    Certificate::from_pem_bundle(&pem).map_err(|e| unusable(e.to_string()))
}

/// A client for customers' URLs.
pub(super) fn guarded_client(names: Guarded, trusted: &[Certificate]) -> Result<Client, Error> {
    let builder = builder()
        .tls_certs_merge(trusted.iter().cloned())
        .dns_resolver(Arc::new(names))
        .pool_max_idle_per_host(4)
        .pool_idle_timeout(Duration::from_secs(20));
    builder.http2_max_header_list_size(32 * 1024).build().map_err(Error::internal)
}

/// A client for an address that the operator configured, which may well be private: the trace collector.
pub(crate) fn operator_client(timeout: Duration) -> Result<Client, Error> {
    builder().timeout(timeout).build().map_err(Error::internal)
}

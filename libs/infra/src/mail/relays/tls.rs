//! Encryption to customers' mail servers, and to their syslog receivers: TLS 1.2 or newer, and certificates that are checked.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use domain::Error;
use rustls::{
    CertificateError, ClientConfig,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Failure, Reason, Step};

/// Whom we trust.
pub(crate) struct Encryption {
    more: Vec<CertificateDer<'static>>,
    /// Made when it is first needed: the system's certificates are worth a megabyte.
    made: OnceLock<Option<TlsConnector>>,
}

impl Encryption {
    /// The system's authorities and those of a PEM file. Fails for one that cannot be read.
    pub(crate) fn new(file: Option<&Path>) -> Result<Self, Error> {
        let more = match file {
            None => Vec::new(),
            Some(path) => CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect)
                .map_err(|e| Error::internal(format!("egress.ca_file {}: {e}", path.display())))?,
        };
        Ok(Self { more, made: OnceLock::new() })
    }

    fn connector(&self) -> Option<&TlsConnector> {
        let make = || self.make().inspect_err(|error| tracing::error!(%error, "no certificates to trust")).ok();
        self.made.get_or_init(make).as_ref()
    }

    fn make(&self) -> Result<TlsConnector, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = Verifier::new_with_extra_roots(self.more.clone(), provider.clone())?;
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }

    /// The certificate must be for `host`, whatever address it led to.
    pub(crate) async fn connect(&self, host: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, Failure> {
        let failed = |reason| Failure::at(Step::Tls, reason);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| failed(Reason::Handshake))?;
        let connector = self.connector().ok_or_else(|| failed(Reason::Handshake))?;
        connector.connect(name, stream).await.map_err(|error| classify(&error))
    }
}

fn classify(error: &std::io::Error) -> Failure {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(what)) = tls else {
        let reason = if tls.is_some() { Reason::Handshake } else { Reason::Closed };
        return Failure::at(Step::Tls, reason);
    };
    let reason = match what {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Reason::Expired,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Reason::WrongName,
        CertificateError::UnknownIssuer => Reason::UnknownIssuer,
        _ => Reason::BadCertificate,
    };
    Failure::at(Step::Certificate, reason)
}

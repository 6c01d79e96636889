//! What a customer may learn about a failed call: the stage, nothing else. No addresses, no library's wording.

use std::error::Error;

/// Why a call of a customer's URL failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// Refused before or while connecting; the code says why: `address_not_allowed`, `https_required`, `credentials_in_url`,
    /// `bad_url`, `header_not_allowed`.
    #[error("the request is not allowed ({0})")]
    NotAllowed(&'static str),
    /// The name does not resolve, or to nothing that may be called. One answer for both: the difference would tell which names there
    /// are in the operator's network.
    #[error("the host name leads to no address that may be called")]
    NoAddress,
    /// Nobody answers at the address.
    #[error("the connection could not be made")]
    Connect,
    /// No agreement on encryption, or a certificate that does not fit.
    #[error("the TLS handshake failed")]
    Tls,
    /// Not finished in time.
    #[error("the request was not answered in time")]
    Timeout,
    /// An answer that is not HTTP, or was cut off.
    #[error("the answer is not valid HTTP")]
    Protocol,
}

/// Finds the stage in the client's chain of causes.
pub(super) fn classify(error: &reqwest::Error) -> EgressError {
    let mut tls = false;
    let mut cause = Some(error as &(dyn Error + 'static));
    while let Some(e) = cause {
        if let Some(ours) = e.downcast_ref::<EgressError>() {
            return *ours;
        }
        tls |= e.is::<rustls::Error>();
        // An `io::Error` passes over the error it wraps when asked for its source.
        let wrapped = e.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
        cause = wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| e.source());
    }
    match error {
        _ if error.is_timeout() => EgressError::Timeout,
        _ if tls => EgressError::Tls,
        _ if error.is_connect() => EgressError::Connect,
        _ => EgressError::Protocol,
    }
}

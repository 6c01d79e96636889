//! Everything outside the process except the database: configuration, logs and traces, metrics, the shared forgetful store, the
//! one guarded HTTP client, and mail. The adapters here implement the ports of `domain`; nothing here knows a use case.

pub mod config;
pub mod egress;
pub mod geoip;
pub mod identity_providers;
pub mod kv;
pub mod log_streams;
pub mod mail;
pub mod metrics;
pub mod payments;
pub mod telemetry;

/// Makes aws-lc-rs the process's rustls provider. Call it first thing in `main`; calling it again does nothing.
pub fn install_tls_provider() {
    // An error means that a provider is installed already, which is what was wanted.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

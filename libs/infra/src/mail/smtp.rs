//! The mail server: connections, encryption, and which of its refusals are worth another attempt.

use std::{fs, time::Duration};

use domain::Error;
use lettre::{
    AsyncSmtpTransport, Tokio1Executor,
    transport::smtp::{
        self, PoolConfig,
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};

use super::MailError;
use crate::config::{MailConfig, SmtpSecurity};

/// A pool of connections to the mail server.
pub(super) type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// For each command; a slow server must not hold a worker.
const PATIENCE: Duration = Duration::from_secs(10);
/// Codes by which a server refuses us, not the mail: log-in missing, wrong, or its encryption. An operator can repair these.
const OUR_FAULT: [&str; 4] = ["530", "534", "535", "538"];

pub(super) fn transport(mail: &MailConfig) -> Result<Transport, Error> {
    let tls = match mail.smtp_security {
        SmtpSecurity::None => Tls::None,
        SmtpSecurity::Starttls => Tls::Required(parameters(mail)?),
        SmtpSecurity::Tls => Tls::Wrapper(parameters(mail)?),
    };
    let mut builder = Transport::builder_dangerous(&mail.smtp_host).port(mail.smtp_port).tls(tls).timeout(Some(PATIENCE));
    if !mail.smtp_username.is_empty() {
        let password = mail.smtp_password.expose().to_owned();
        builder = builder.credentials(Credentials::new(mail.smtp_username.clone(), password));
    }
    Ok(builder.pool_config(PoolConfig::new().max_size(8).idle_timeout(Duration::from_secs(60))).build())
}

fn parameters(mail: &MailConfig) -> Result<TlsParameters, Error> {
    let mut builder = TlsParameters::builder(mail.smtp_host.clone());
    if let Some(path) = &mail.smtp_ca_file {
        let unusable = |e: String| Error::internal(format!("mail.smtp_ca_file {}: {e}", path.display()));
        let pem = fs::read(path).map_err(|e| unusable(e.to_string()))?;
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(|e| unusable(e.to_string()))?);
    }
    builder.build().map_err(Error::internal)
}

pub(super) fn classify(error: &smtp::Error) -> MailError {
    let code = error.status().map(|code| code.to_string()).unwrap_or_default();
    if error.is_permanent() && !OUR_FAULT.contains(&code.as_str()) {
        MailError::Permanent(error.to_string())
    } else {
        MailError::Transient(error.to_string())
    }
}

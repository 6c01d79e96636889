//! Sections about what the processes call: mail server, customers' URLs, name servers, webhooks, receivers of logs, payment providers.

use std::{net::SocketAddr, path::PathBuf};

use domain::{
    applications::billing::{PaymentMode, PaymentProvider},
    tenancy::domains::DomainName,
};
use ipnet::IpNet;
use serde::Deserialize;

use super::{Secret, parse};

/// How mails leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTransport {
    /// Into files below the data directory.
    File,
    /// To a mail server.
    Smtp,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpSecurity {
    /// STARTTLS, required.
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// Not at all.
    None,
}

/// `[mail]`: how mails leave.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// Files or a mail server.
    pub transport: MailTransport,
    /// Sender address.
    #[serde(deserialize_with = "parse::email")]
    pub from_email: String,
    /// Sender name.
    pub from_name: String,
    /// Mail server.
    #[serde(deserialize_with = "parse::host")]
    pub smtp_host: String,
    /// Its port.
    pub smtp_port: u16,
    /// User name there; empty for no authentication.
    pub smtp_username: String,
    /// Password there.
    pub smtp_password: Secret,
    /// Encryption to the mail server.
    pub smtp_security: SmtpSecurity,
    /// One more certificate authority to trust, if any.
    #[serde(deserialize_with = "parse::optional_file")]
    pub smtp_ca_file: Option<PathBuf>,
}

/// `[egress]`: calls of customers' URLs and mail servers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EgressConfig {
    /// Networks that may be called although they are not public; plain http is allowed there.
    #[serde(deserialize_with = "parse::networks")]
    pub allow_networks: Vec<IpNet>,
    /// The most that any call may take.
    pub timeout_seconds: u64,
    /// One more certificate authority to trust, if any.
    #[serde(deserialize_with = "parse::optional_file")]
    pub ca_file: Option<PathBuf>,
}

/// `[dns]`: name resolution.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsConfig {
    /// A name server, or `None` for the system's.
    #[serde(deserialize_with = "parse::resolver")]
    pub resolver: Option<SocketAddr>,
}

/// `[domains]`: customers' domains, and how they are proven.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainsConfig {
    /// Name servers that are asked for proofs; none: those of `dns.resolver`.
    #[serde(deserialize_with = "parse::resolvers")]
    pub resolvers: Vec<SocketAddr>,
    /// Names that are nobody's host, with all below them.
    #[serde(deserialize_with = "parse::domains")]
    pub reserved: Vec<DomainName>,
    /// The port at which a host serves the file that proves it.
    pub http_port: u16,
}

/// `[webhooks]`: deliveries.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhooksConfig {
    /// Attempts, including the first.
    pub max_attempts: u32,
    /// Seconds before the second attempt; doubles each time.
    pub first_retry_seconds: u64,
    /// Seconds an endpoint may take.
    pub timeout_seconds: u64,
    /// Failures in a row after which an endpoint is left alone for a while; 0: never.
    pub open_after_failures: u32,
    /// Days without a success after which an endpoint is switched off; 0: never.
    pub disable_after_days: u32,
    /// Deliveries that may be open at an endpoint.
    pub open_at_endpoint: u32,
    /// … at all endpoints of an organization.
    pub open_in_organization: u32,
    /// … at an endpoint that has never answered 2xx.
    pub open_at_unverified: u32,
}

/// `[log_streams]`: forwarding logs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogStreamsConfig {
    /// Streams that one process works on at the same time.
    pub concurrency: usize,
    /// Milliseconds that a record waits for others.
    pub gather_ms: u64,
    /// Seconds a receiver may take.
    pub timeout_seconds: u64,
    /// Days without a success after which a stream is switched off; 0: never.
    pub disable_after_days: u32,
}

/// `[billing]`: payment providers, and how the platform bills organizations.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BillingConfig {
    /// Who bills organizations for the platform; `None`: nobody.
    #[serde(deserialize_with = "parse::payment_provider")]
    pub provider: Option<PaymentProvider>,
    /// The platform's key there.
    #[serde(deserialize_with = "parse::provider_secret")]
    pub api_key: Secret,
    /// What it signs its calls with; empty: none are believed.
    #[serde(deserialize_with = "parse::provider_secret")]
    pub webhook_secret: Secret,
    /// Whether money moves there.
    #[serde(deserialize_with = "parse::payment_mode")]
    pub mode: PaymentMode,
    /// Prices or products, each with the tier that it buys.
    #[serde(deserialize_with = "parse::pairs")]
    pub tiers: Vec<(String, String)>,
    /// The meter that is told how many users were active; empty: none is.
    pub usage_meter: String,
    /// Stripe's address.
    #[serde(deserialize_with = "parse::base_url")]
    pub stripe_url: String,
    /// Polar's.
    #[serde(deserialize_with = "parse::base_url")]
    pub polar_url: String,
    /// That of Polar's sandbox.
    #[serde(deserialize_with = "parse::base_url")]
    pub polar_sandbox_url: String,
    /// Seconds that a provider may take.
    pub timeout_seconds: u64,
}

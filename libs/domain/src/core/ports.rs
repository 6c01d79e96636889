//! What use cases need from outside, apart from the database. The adapters live in `infra`; defining the ports here keeps them
//! independent of the use cases.

use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;
use url::Url;

use crate::{
    Result, Time, Violation,
    applications::billing::{
        PaymentProvider,
        calls::{Account, Checkout, Customer, Session, Usage},
        told::Call,
    },
    core::{
        rate::{Admission, Limit},
        value::BadValue,
    },
    delivery::{
        log_streams::{Receiver, ReceiverUrl, verdict},
        mails::Mail,
    },
    identity::{
        connections::{
            ClientIdentifier, ClientPassword, Protocol, ProviderUrl,
            certificates::Certificate,
            documents::{Keys, Miss, Published},
        },
        federation::{Bindings, Expected, ProviderTokens, RelyingParty, Sending, asserted::Claims, attempts::Failure},
        risk::Location,
        saml::{
            AuthnRequest, Dispatch, Expectation, Finding as SamlFinding, Logout, LogoutExpectation, LogoutRequest,
            LogoutResponse, Outcome, SpKey, SpMetadata,
            idp::{Carried, IdpMetadata, Reply, RequestExpectation, Requested},
        },
    },
    tenancy::{
        domains::{Challenge, Finding},
        smtp::{Sender, Server, SmtpPassword, Trial},
    },
};

/// One request to be counted under one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateRequest {
    /// What is counted. Nothing personal in clear: keys are seen by whoever operates the store.
    pub key: String,
    /// How often it may come.
    pub limit: Limit,
    /// Earlier requests that were let through without a question and are reported only now: charged whatever the answer is.
    pub unreported: u32,
    /// How long ago the latest of those came.
    pub unreported_age: Duration,
}

impl RateRequest {
    /// A request with nothing to report.
    pub fn new(key: String, limit: Limit) -> Self {
        Self { key, limit, unreported: 0, unreported_age: Duration::ZERO }
    }
    /// [`RateRequest::unreported_age`] in microseconds.
    pub fn unreported_age_micros(&self) -> i64 {
        i64::try_from(self.unreported_age.as_micros()).unwrap_or(i64::MAX / 4)
    }
}

/// Shared, forgetful state: rate limits and wake-ups. Losing all of it may cost time, never safety; whatever must survive
/// lives in the database.
#[async_trait]
pub trait Kv: Send + Sync {
    /// Decides on one request under several limits, atomically and in one round trip: all must allow it, and if one does not, none
    /// is charged for it. One answer for each, in their order. No key may come twice.
    async fn admit(&self, requests: &[RateRequest]) -> Result<Vec<Admission>>;
    /// Gives back one request that was let through, under the key that it was counted under: it turned out not to be what is counted. Best
    /// effort: what is lost is counted.
    async fn give_back(&self, request: &RateRequest);
    /// Tells every worker that there is work. Best effort: workers poll as well.
    async fn wake(&self);
    /// Resolves at the next [`wake`](Kv::wake), of any process that shares this store.
    async fn woken(&self);
    /// Whether the store answers, for the readiness probe.
    async fn healthy(&self) -> bool;
}

/// The way to pictures that customers name.
#[async_trait]
pub trait Pictures: Send + Sync {
    /// What is at a URL that was judged, at most a byte more than a logo may have. `Err` names `field` and what is wrong.
    async fn fetch(&self, field: &str, url: &Url) -> std::result::Result<Vec<u8>, Violation>;
}

/// Where addresses are.
pub trait Locations: Send + Sync {
    /// What is known of an address; `None`: nothing.
    fn locate(&self, address: IpAddr) -> Option<Location>;
}

/// The way to what organizations publish to prove that a domain is theirs.
#[async_trait]
pub trait Proofs: Send + Sync {
    /// Looks for it now, within some five seconds.
    async fn find(&self, challenge: &Challenge) -> Finding;
}

/// The way to customers' own mail servers.
#[async_trait]
pub trait MailServers: Send + Sync {
    /// Judges a server before it is stored: `Err` names the field and what is wrong. A name is judged when it is connected to: refusing it
    /// here would tell which names there are in the operator's network.
    fn check(&self, server: &Server) -> std::result::Result<(), Violation>;
    /// Hands a mail over, within 20 seconds, and tells how each step went.
    async fn try_out(&self, server: &Server, password: Option<&SmtpPassword>, sender: &Sender, mail: &Mail) -> Trial;
}

/// The way to what identity providers publish, and to their token endpoints.
#[async_trait]
pub trait IdentityProviders: Send + Sync {
    /// Fetches and reads a discovery document, or SAML metadata.
    async fn fetch(&self, protocol: Protocol, from: &ProviderUrl) -> std::result::Result<Published, Miss>;
    /// Reads one that was uploaded.
    fn read(&self, protocol: Protocol, document: &str) -> std::result::Result<Published, Miss>;
    /// Fetches a provider's keys.
    async fn keys(&self, from: &ProviderUrl) -> std::result::Result<Keys, Miss>;
    /// Reads a certificate, in PEM or as base64 of its DER.
    fn certificate(&self, text: &str) -> std::result::Result<Certificate, BadValue>;
    /// Asks a token endpoint for something that it must refuse, to learn whether it knows the client.
    async fn try_client(
        &self,
        token: &ProviderUrl,
        id: &ClientIdentifier,
        secret: &ClientPassword,
    ) -> std::result::Result<(), Miss>;
}

/// What is spoken with identity providers when somebody signs in through one (OpenID Connect, OAuth 2). It says what they answered, and decides nothing.
#[async_trait]
pub trait Upstreams: Send + Sync {
    /// Where a browser is sent. `Err`: the connection lacks something.
    fn authorization_url(&self, client: &RelyingParty<'_>, sending: &Sending<'_>) -> std::result::Result<String, Failure>;
    /// Exchanges a code.
    async fn exchange(
        &self,
        client: &RelyingParty<'_>,
        code: &str,
        bindings: &Bindings,
    ) -> std::result::Result<ProviderTokens, Failure>;
    /// The claims of an ID token, if all of it is right.
    fn verify(
        &self,
        client: &RelyingParty<'_>,
        tokens: &ProviderTokens,
        expected: &Expected<'_>,
    ) -> std::result::Result<Claims, Failure>;
    /// The claims that the userinfo address tells; of the ID token's subject, if there was one.
    async fn userinfo(
        &self,
        client: &RelyingParty<'_>,
        tokens: &ProviderTokens,
        subject: Option<&str>,
    ) -> std::result::Result<Claims, Failure>;
}

/// The way to the receivers of log streams.
#[async_trait]
pub trait LogReceivers: Send + Sync {
    /// Judges where a receiver is, before that is stored: `Err` names `field` and what is wrong, without telling what is behind the address.
    async fn check(&self, field: &str, url: &ReceiverUrl) -> std::result::Result<(), Violation>;
    /// Sends a receiver a record that says that it is a test.
    async fn try_out(&self, to: &Receiver) -> std::result::Result<(), verdict::Failure>;
}

/// The way to payment providers. What one refuses is a `Conflict` (`payment_key_refused`, `payment_refused`); `Unavailable`: it is away.
#[async_trait]
pub trait Payments: Send + Sync {
    /// Reads a genuine call that was sent at a moment. `Invalid` for what is no event as the provider documents it.
    fn read(&self, provider: PaymentProvider, body: &[u8], sent: Time) -> Result<Call>;
    /// Makes a page to pay on.
    async fn checkout(&self, account: &Account, wanted: &Checkout) -> Result<Session>;
    /// Makes an organization a customer, and answers the provider's id of it.
    async fn customer(&self, account: &Account, who: &Customer) -> Result<String>;
    /// Makes a page on which a customer manages what they pay.
    async fn portal(&self, account: &Account, customer: &str, return_url: &str) -> Result<String>;
    /// Tells a meter how many users of an organization were active in a month so far. More often than once does no harm.
    async fn usage(&self, account: &Account, meter: &str, usage: &Usage) -> Result<()>;
}

/// Judges a URL that a customer gave us, before it is stored: scheme, credentials, port and every address it resolves to.
/// The client that later calls it checks again at connect time, because a name may resolve differently then.
#[async_trait]
pub trait UrlGuard: Send + Sync {
    /// `Err` names `field` and what is wrong, without telling what is behind the address.
    async fn check(&self, field: &str, url: &Url) -> std::result::Result<(), Violation>;
}

/// SAML 2.0 in the role of a service provider. `Unavailable` is the only error of what waits: so much is being judged that there is no place.
/// `Internal` of the rest: a key of ours that cannot be used.
#[async_trait]
pub trait SamlServiceProvider: Send + Sync {
    /// Judges an answer, given as the form's field `SAMLResponse` as it arrived. Nothing in it decides what it is judged by, and what it
    /// says is read from bytes that a signature was verified for.
    async fn judge(&self, response: String, expected: Expectation) -> Result<Outcome>;
    /// Makes a key with a self-signed certificate in which `name` is the subject, from the day of `now` on for ten years.
    async fn new_key(&self, name: String, now: Time) -> Result<SpKey>;
    /// Makes a request to sign somebody in.
    fn ask(&self, request: &AuthnRequest) -> Result<Dispatch>;
    /// Makes our metadata, in XML.
    fn metadata(&self, about: &SpMetadata) -> Result<String>;
    /// Reads a logout message, given as the query that arrived, raw. `Err`: the check that it failed.
    fn logout(&self, query: &str, expected: &LogoutExpectation) -> std::result::Result<Logout, SamlFinding>;
    /// Makes a request to sign somebody out.
    fn ask_logout(&self, request: &LogoutRequest) -> Result<Dispatch>;
    /// Makes the answer to such a request of a provider.
    fn answer_logout(&self, response: &LogoutResponse) -> Result<Dispatch>;
}

/// SAML 2.0 in the role of an identity provider, with the same errors.
#[async_trait]
pub trait SamlIdentityProvider: Send + Sync {
    /// Reads a request of a service. `Err`: the check that it failed.
    async fn read_request(
        &self,
        carried: Carried,
        expected: RequestExpectation,
    ) -> Result<std::result::Result<Requested, SamlFinding>>;
    /// Makes an answer, as the form's field `SAMLResponse` holds it.
    async fn reply(&self, reply: Reply) -> Result<String>;
    /// Makes our metadata, in XML.
    fn idp_metadata(&self, about: &IdpMetadata) -> Result<String>;
    /// Whether an assertion can be encrypted for who holds the key of this certificate (DER).
    fn can_encrypt_for(&self, certificate: &[u8]) -> bool;
}

/// SAML 2.0 in both roles.
pub trait Saml: SamlServiceProvider + SamlIdentityProvider {}

impl<T: SamlServiceProvider + SamlIdentityProvider> Saml for T {}

//! Customers' own mail servers: a customer chose the address, so it is judged after the name was resolved, and the connection is made to
//! what was judged (T35). Each mail is a connection of its own.
//!
//! The conversation is ours and not `lettre`'s, which bounds neither how long a server may take nor how much it may say in one line,
//! and keeps what came before the encryption: whoever sits on the line could put words into the server's mouth.

mod talk;
pub(crate) mod tls;
mod trial;
mod wire;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use domain::{
    Clock, Error, Violation,
    core::ports::MailServers,
    delivery::mails::Mail,
    tenancy::smtp::{Failure, Reason, Security, Sender, Server, SmtpPassword, Step, Trial},
};
use lettre::message::Mailbox;
use tokio::net::TcpStream;

use self::{talk::Talk, tls::Encryption, trial::Course};
use super::{MailError, RenderedMail, message, names, render};
use crate::{
    config::Config,
    egress::{Egress, EgressError},
};

/// For each step.
const PATIENCE: Duration = Duration::from_secs(10);
/// Addresses of one name that are tried.
const ADDRESSES: usize = 3;
/// For all of them: a server that is a little quicker than each must be holds nobody up either.
const WHOLE: Duration = Duration::from_secs(60);
/// For a test, whose caller waits.
const TRIAL: Duration = Duration::from_secs(20);

/// Sends mails through customers' servers. Clones share the trusted certificates.
#[derive(Clone)]
pub struct Relays(Arc<Inner>);

struct Inner {
    egress: Egress,
    encryption: Encryption,
    clock: Arc<dyn Clock>,
    /// What we say that we are.
    hello: String,
    patience: Duration,
}

/// Why a mail was not handed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// The server did not take it.
    #[error("{0}")]
    Failed(Failure),
    /// The mail itself cannot be sent by anybody.
    #[error("{0}")]
    Mail(MailError),
}

impl From<Failure> for RelayError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Relays {
    /// Nothing is connected yet.
    pub fn new(config: &Config, egress: Egress, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let patience = PATIENCE.min(egress.ceiling());
        let encryption = Encryption::new(config.egress.ca_file.as_deref())?;
        Ok(Self(Arc::new(Inner { egress, encryption, clock, hello: hello(&config.server.public_url), patience })))
    }

    /// Hands a mail over. Sending it twice is the caller's risk.
    pub async fn send(
        &self,
        server: &Server,
        password: Option<&SmtpPassword>,
        sender: &Sender,
        mail: &RenderedMail,
    ) -> Result<(), RelayError> {
        let bytes = self.written(sender, mail).map_err(RelayError::Mail)?;
        let course = Course::default();
        let talk = self.0.converse(&course, server, password, (sender, mail), &bytes);
        match tokio::time::timeout(WHOLE, talk).await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(Failure::at(course.step(), Reason::Timeout).into()),
        }
    }

    fn written(&self, sender: &Sender, mail: &RenderedMail) -> Result<Vec<u8>, MailError> {
        let address =
            sender.email.as_str().parse().map_err(|_| MailError::Permanent("the sender's address is not valid".into()))?;
        let name = sender.name.as_ref().map(|name| names::address(name.as_str())).filter(|name| !name.is_empty());
        Ok(message::build(mail, &Mailbox::new(name, address), self.0.clock.now())?.formatted())
    }
}

#[async_trait]
impl MailServers for Relays {
    async fn try_out(&self, server: &Server, password: Option<&SmtpPassword>, sender: &Sender, mail: &Mail) -> Trial {
        let course = Course::default();
        // Our own mail, for an address that was parsed: it can be written.
        let unwritten = || Failure::at(Step::Data, Reason::Closed);
        let host = self.0.hello.replace(|c: char| !c.is_ascii_alphanumeric() && !".-".contains(c), "");
        let id = format!("test-{}@{host}", self.0.clock.now().timestamp_micros());
        let written = render(mail.template, mail.context.clone()).map_err(|_| unwritten()).and_then(|parts| {
            let mail = parts.addressed(mail.to.as_str(), id);
            self.written(sender, &mail).map(|bytes| (mail, bytes)).map_err(|_| unwritten())
        });
        let failure = match written {
            Err(failure) => Some(failure),
            Ok((mail, bytes)) => {
                let talk = self.0.converse(&course, server, password, (sender, &mail), &bytes);
                match tokio::time::timeout(TRIAL, talk).await {
                    Ok(outcome) => outcome.err(),
                    Err(_) => Some(Failure::at(course.step(), Reason::Timeout)),
                }
            }
        };
        course.end(failure)
    }

    fn check(&self, server: &Server) -> Result<(), Violation> {
        let refused = |code, message| Err(Violation::new("host", code, message));
        match self.0.egress.literal(server.host.as_str(), server.security != Security::None) {
            Err(EgressError::NotAllowed("https_required")) => {
                Err(Violation::new("security", Reason::EncryptionRequired.as_str(), Reason::EncryptionRequired.hint()))
            }
            Err(_) => refused(Reason::AddressNotAllowed.as_str(), Reason::AddressNotAllowed.hint()),
            Ok(()) => Ok(()),
        }
    }
}

/// The host of the public URL, as mail servers are greeted: a name, or an address in brackets.
fn hello(public_url: &str) -> String {
    let url = url::Url::parse(public_url).ok();
    match url.as_ref().and_then(url::Url::host) {
        Some(url::Host::Domain(name)) => name.to_owned(),
        Some(url::Host::Ipv4(address)) => format!("[{address}]"),
        Some(url::Host::Ipv6(address)) => format!("[IPv6:{address}]"),
        None => "localhost".to_owned(),
    }
}

impl Inner {
    async fn converse(
        &self,
        course: &Course,
        server: &Server,
        password: Option<&SmtpPassword>,
        (sender, mail): (&Sender, &RenderedMail),
        bytes: &[u8],
    ) -> Result<(), Failure> {
        let stream = self.open(course, server).await?;
        let mut talk = Talk::new(stream, course, self.patience);
        talk.encrypt(server, &self.hello, &self.encryption).await?;
        if let Some(password) = password.filter(|_| !server.username.as_str().is_empty()) {
            talk.sign_in(server.username.as_str(), password.expose()).await?;
        }
        talk.hand_over(sender.email.as_str(), &mail.to, bytes).await
    }

    /// A connection to one of the server's addresses.
    async fn open(&self, course: &Course, server: &Server) -> Result<TcpStream, Failure> {
        course.begin(Step::Resolve);
        let encrypted = server.security != Security::None;
        let addresses = self.egress.addresses(server.host.as_str(), encrypted).await.map_err(|error| {
            let reason = match error {
                EgressError::NotAllowed("https_required") => Reason::EncryptionRequired,
                EgressError::NotAllowed(_) => Reason::AddressNotAllowed,
                _ => Reason::NoAddress,
            };
            Failure::at(Step::Resolve, reason)
        })?;
        course.begin(Step::Connect);
        let mut last = Failure::at(Step::Connect, Reason::Unreachable);
        for address in addresses.into_iter().take(ADDRESSES) {
            match self.connect(address, server.port.0).await {
                Ok(stream) => return Ok(stream),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    async fn connect(&self, address: IpAddr, port: u16) -> Result<TcpStream, Failure> {
        let connecting = TcpStream::connect(SocketAddr::new(address, port));
        match tokio::time::timeout(self.patience / 2, connecting).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(_)) => Err(Failure::at(Step::Connect, Reason::Unreachable)),
            Err(_) => Err(Failure::at(Step::Connect, Reason::Timeout)),
        }
    }
}

#[cfg(test)]
mod tests;

//! What can go wrong at a mail server, and what follows from it. A reply's numbers decide; its words are not kept, since a customer can
//! point the settings at whatever answers and would read it through us (T35).

use std::fmt;

/// The steps of handing over a mail, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Finding the server's address.
    Resolve,
    /// Connecting to it.
    Connect,
    /// Its greeting, and what it says that it can do.
    Greeting,
    /// Agreeing on encryption.
    Tls,
    /// Its certificate.
    Certificate,
    /// Signing in.
    Auth,
    /// Whether it takes mail from our sender.
    Sender,
    /// Whether it takes mail to the receiver.
    Recipient,
    /// The mail itself.
    Data,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 9] = [
        Self::Resolve,
        Self::Connect,
        Self::Greeting,
        Self::Tls,
        Self::Certificate,
        Self::Auth,
        Self::Sender,
        Self::Recipient,
        Self::Data,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Greeting => "greeting",
            Self::Tls => "tls",
            Self::Certificate => "certificate",
            Self::Auth => "auth",
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::Data => "data",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $hint:literal;)*) => {
        /// Why a step failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason { $($(#[$doc])* $variant),* }
        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// Stable, for programs.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $name),* } }
            /// For people: what it is and what to do.
            pub const fn hint(self) -> &'static str { match self { $(Self::$variant => $hint),* } }
        }
    };
}

reasons! {
    /// The host is an address that may not be called.
    AddressNotAllowed = "address_not_allowed", "The host must lead to public addresses only.";
    /// The name does not resolve, or to nothing that may be called.
    NoAddress = "no_address", "The host name leads to no address that may be called. Check its spelling and its DNS records.";
    /// Unprotected, where that is not allowed.
    EncryptionRequired = "encryption_required", "Without encryption only servers in networks that the operator named are called. Use `starttls` or `tls`.";
    /// Nobody listens.
    Unreachable = "unreachable", "Nobody answers at this host and port. Check the port and the firewall in front of it.";
    /// It took too long.
    Timeout = "timeout", "The server did not answer in time. Port 465 needs `tls`, port 587 `starttls`.";
    /// The connection ended.
    Closed = "connection_closed", "The server closed the connection.";
    /// Not the answer of a mail server.
    NotSmtp = "not_smtp", "What answers is no mail server that we understand. Check the port, and whether it expects `tls`.";
    /// The server said no.
    Refused = "refused", "The server refused this step; its reply code says why.";
    /// There is no STARTTLS.
    NoStarttls = "starttls_not_offered", "The server does not offer STARTTLS. Use the port for `tls`, usually 465.";
    /// There is no agreement on encryption.
    Handshake = "handshake_failed", "There was no agreement on encryption. TLS 1.2 or newer is needed.";
    /// The certificate has expired.
    Expired = "certificate_expired", "The server's certificate has expired.";
    /// The certificate is for another name.
    WrongName = "certificate_wrong_name", "The server's certificate is for another name. Use the name that it is for as `host`.";
    /// Nobody whom we trust signed the certificate.
    UnknownIssuer = "certificate_unknown_issuer", "The server's certificate was not issued by an authority that is trusted here.";
    /// Something else is wrong with it.
    BadCertificate = "certificate_invalid", "The server's certificate is not valid.";
    /// No way of signing in that we know.
    NoMechanism = "auth_not_offered", "The server offers neither AUTH PLAIN nor AUTH LOGIN on this connection.";
}

/// A negative reply: its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The code: 535.
    pub code: u16,
    /// The enhanced one (RFC 3463), if there is one: 5.7.8.
    pub enhanced: Option<(u16, u16, u16)>,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.enhanced {
            Some((class, subject, detail)) => write!(f, "{} {class}.{subject}.{detail}", self.code),
            None => write!(f, "{}", self.code),
        }
    }
}

impl Reply {
    /// Reads what [`Reply`] is shown as.
    pub fn stored(text: &str) -> Option<Self> {
        let (code, rest) = text.split_once(' ').unwrap_or((text, ""));
        Some(Self { code: code.parse().ok()?, enhanced: enhanced(rest) })
    }
}

/// An enhanced status code at the start of a reply's text.
pub(super) fn enhanced(text: &str) -> Option<(u16, u16, u16)> {
    let mut numbers = text.split_whitespace().next()?.split('.').map(|part| part.parse::<u16>().ok().filter(|n| *n < 1000));
    match (numbers.next()??, numbers.next()??, numbers.next()??, numbers.next()) {
        (class @ (2 | 4 | 5), subject, detail, None) => Some((class, subject, detail)),
        _ => None,
    }
}

/// Why a mail was not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Failure {
    /// Where it ended.
    pub step: Step,
    /// Why.
    pub reason: Reason,
    /// What the server replied, if it did.
    pub reply: Option<Reply>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step.as_str(), self.reason.as_str())?;
        self.reply.map_or(Ok(()), |reply| write!(f, " ({reply})"))
    }
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: there is no such receiver, whoever asks.
    GiveUp,
    /// This mail leaves another way; the server goes on.
    Elsewhere,
    /// This mail is tried again; the server goes on.
    Again,
    /// The server is not to be had just now.
    Down,
    /// The settings do not work until somebody changes something.
    Broken,
}

impl Failure {
    /// A step that failed without a reply.
    pub const fn at(step: Step, reason: Reason) -> Self {
        Self { step, reason, reply: None }
    }

    /// A step to which the server said no. `text` is what stands behind the code.
    pub fn refused(step: Step, code: u16, text: &str) -> Self {
        Self { step, reason: Reason::Refused, reply: Some(Reply { code, enhanced: enhanced(text) }) }
    }

    /// What follows.
    pub fn remedy(&self) -> Remedy {
        use Reason::{Closed, Handshake, NoAddress, NotSmtp, Refused, Timeout, Unreachable};
        match (self.reason, self.reply) {
            (Refused, Some(reply)) => self.after(reply),
            // What breaks off in the middle of a mail may be about that mail.
            (Timeout | Closed | NotSmtp, _) if self.step >= Step::Recipient => Remedy::Again,
            (NoAddress | Unreachable | Timeout | Closed | NotSmtp | Handshake, _) => Remedy::Down,
            _ => Remedy::Broken,
        }
    }

    fn after(&self, reply: Reply) -> Remedy {
        let subject = reply.enhanced.map(|(_, subject, _)| subject);
        match (reply.code, self.step) {
            // "I am going", whatever was asked.
            (421, _) => Remedy::Down,
            (400..=499, Step::Recipient | Step::Data) => Remedy::Again,
            (400..=499, _) => Remedy::Down,
            // The address and the mailbox are the receiver's; policy, security and the protocol the server's.
            (550..=553, Step::Recipient) if subject.is_none_or(|subject| subject == 1 || subject == 2) => Remedy::GiveUp,
            (_, Step::Recipient | Step::Data) => Remedy::Elsewhere,
            _ => Remedy::Broken,
        }
    }
}

//! Mails: eight templates, and the way out to a mail server or, for trying out, into files.
//!
//! Names in a mail come from customers, and the reader trusts the mail because it comes from us. So a name cannot begin a header,
//! a line or a tag of its own, stands in quotation marks, never opens the subject, and holds nothing that a mail program makes a link of.

mod message;
mod names;
mod relays;
mod smtp;
mod templates;
#[cfg(test)]
mod tests;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use domain::{Clock, Error};
use lettre::{AsyncTransport, message::Mailbox};

pub(crate) use self::relays::tls::Encryption;
pub use self::{
    relays::{RelayError, Relays},
    templates::{Parts, Template, own_text, render},
};
use crate::config::{DataConfig, MailConfig, MailTransport};

/// A mail that is ready to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedMail {
    /// The receiver's address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The body for readers without HTML.
    pub text: String,
    /// The body for the others.
    pub html: String,
    /// What stays the same when the mail is sent again, so that receivers can tell: `msg-…@host`, with or without angle brackets.
    pub message_id: String,
}

/// Why a mail did not leave. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// Worth another attempt later.
    #[error("the mail was not sent for now: {0}")]
    Transient(String),
    /// No attempt will ever succeed.
    #[error("the mail cannot be sent: {0}")]
    Permanent(String),
}

/// Sends mails the configured way. Clones share the connections.
#[derive(Clone)]
pub struct Mailer {
    from: Mailbox,
    clock: Arc<dyn Clock>,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Files { dir: PathBuf, count: Arc<AtomicU32> },
    Smtp(smtp::Transport),
}

impl Mailer {
    /// Prepares the configured way; nothing is connected yet. Fails for a certificate file that cannot be read.
    pub fn new(mail: &MailConfig, data: &DataConfig, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let address = mail.from_email.parse().map_err(Error::internal)?;
        let from = Mailbox::new(Some(names::address(&mail.from_name)).filter(|name| !name.is_empty()), address);
        let way = match mail.transport {
            MailTransport::File => Way::Files { dir: data.dir.join("mail"), count: Arc::default() },
            MailTransport::Smtp => Way::Smtp(smtp::transport(mail)?),
        };
        Ok(Self { from, clock, way })
    }

    /// Sends one mail. Sending it twice is the caller's risk; the message id tells receivers that it is the same.
    pub async fn send(&self, message: &RenderedMail) -> Result<(), MailError> {
        let built = message::build(message, &self.from, self.clock.now())?;
        match &self.way {
            Way::Smtp(transport) => transport.send(built).await.map(|_| ()).map_err(|e| smtp::classify(&e)),
            Way::Files { dir, count } => {
                // The time sorts, the counter keeps two mails of one microsecond apart.
                let time = self.clock.now().format("%Y%m%dT%H%M%S%.6fZ");
                let path = dir.join(format!("{time}-{:06}.eml", count.fetch_add(1, Relaxed)));
                write(&path, &built.formatted()).await.map_err(|e| MailError::Transient(e.to_string()))?;
                tracing::info!(path = %path.display(), "mail written to a file; set mail.transport to send it");
                Ok(())
            }
        }
    }
}

/// Only whole files appear under their final name, and only the owner may read them: mails hold one-time links.
async fn write(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(dir) = path.parent() {
        tokio::fs::create_dir_all(dir).await?;
    }
    let partial = path.with_extension("partial");
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(&partial).await?;
    tokio::io::AsyncWriteExt::write_all(&mut file, bytes).await?;
    file.sync_all().await?;
    tokio::fs::rename(partial, path).await
}

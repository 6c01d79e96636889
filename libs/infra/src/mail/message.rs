//! From a rendered mail to bytes on the wire. What could begin a header of its own is cleaned or refused here, whatever the
//! templates did before.

use std::time::SystemTime;

use domain::Time;
use lettre::{
    Message,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
};

use super::{MailError, RenderedMail, names};

pub(super) fn build(mail: &RenderedMail, from: &Mailbox, now: Time) -> Result<Message, MailError> {
    let to = mail.to.parse().map_err(|_| permanent("the receiver's address is not valid"))?;
    let id = message_id(&mail.message_id)?;
    let mut message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(names::one_line(&mail.subject))
        .message_id(Some(id))
        .date(SystemTime::from(now))
        .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
        .map_err(|e| permanent(&e.to_string()))?;
    // Keeps holiday notices from answering (RFC 3834).
    let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    message.headers_mut().insert_raw(automatic);
    Ok(message)
}

fn message_id(id: &str) -> Result<String, MailError> {
    let bare = id.trim_start_matches('<').trim_end_matches('>');
    let good = |c: char| c.is_ascii_alphanumeric() || "._-@+".contains(c);
    match bare.matches('@').count() {
        1 if bare.chars().all(good) => Ok(format!("<{bare}>")),
        _ => Err(permanent("the message id is not valid")),
    }
}

fn permanent(why: &str) -> MailError {
    MailError::Permanent(why.to_owned())
}

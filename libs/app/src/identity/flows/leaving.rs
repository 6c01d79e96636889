//! Somebody signs out (OpenID Connect RP-Initiated Logout): their browser's session ends, and with it everything that clients got in it.

use domain::{Event, PLATFORM, Result};
use store::{Change, NoEvent, WriteTx, identity::sessions::BrowserSession};

use super::{Browser, Cookies};
use crate::{App, Call};

/// What a client, or a person, asks for.
#[derive(Clone, Debug, Default)]
pub struct LogoutRequest {
    /// The client.
    pub client_id: Option<String>,
    /// An ID token that the client got; expired ones will do.
    pub id_token_hint: Option<String>,
    /// The session's name in ID tokens (`sid`).
    pub logout_hint: Option<String>,
    /// Where the browser is to go then.
    pub back: Option<String>,
    /// Comes back there.
    pub state: Option<String>,
    /// Whether the person was asked, or need not be.
    pub confirmed: bool,
}

/// What comes of it.
#[derive(Debug)]
pub enum Leaving {
    /// The person is asked first, who has this address: any page could have sent them here.
    Ask(String),
    /// Nobody is signed in any more. The browser goes there; `None`: it stays.
    Gone(Option<String>),
    /// The browser was to go where it must not.
    BadRequest(&'static str),
}

impl App {
    /// Signs somebody out of their browser.
    pub async fn log_out_browser(&self, call: &Call, browser: &Browser, asked: &LogoutRequest) -> Result<(Leaving, Cookies)> {
        self.fresh_keys(call.now).await?;
        let hint = asked.id_token_hint.as_deref().and_then(|hint| self.id_token_hint(hint, call.now));
        let client = asked.client_id.as_deref().or(hint.as_ref().map(|hint| hint.aud.as_str()));
        if let Some(back) = &asked.back {
            let client = match client {
                Some(client) => self.store.public_browser_client(client).await?,
                None => None,
            };
            if !client.is_some_and(|client| client.sign_in.leaves_to(back)) {
                let why = "The application asked to go on to an address that is not registered for it.";
                return Ok((Leaving::BadRequest(why), Cookies::default()));
            }
        }
        let back = asked.back.as_deref().map(|back| with_state(back, asked.state.as_deref()));
        let session = match browser.session_hash() {
            Some(hash) => self.store.browser_session(&hash, call.now, self.settings.session_longest).await?,
            None => None,
        };
        let Some(session) = session else { return Ok((Leaving::Gone(back), Cookies::default())) };
        let named = session.id.to_string();
        let fits = hint.is_some_and(|hint| hint.sid == session.id) || asked.logout_hint.as_ref() == Some(&named);
        if !fits && !asked.confirmed {
            return Ok((Leaving::Ask(session.user.email.to_string()), Cookies::default()));
        }
        let back = self.end_of_browser(call, &session, back).await?;
        Ok((Leaving::Gone(back), Cookies { session: Some(String::new()), ..Cookies::default() }))
    }

    /// Ends a browser's session, and answers where the browser goes: whoever came through a SAML provider is signed out there as well, and goes on from
    /// there.
    pub(super) async fn end_of_browser(
        &self,
        call: &Call,
        session: &BrowserSession,
        back: Option<String>,
    ) -> Result<Option<String>> {
        // Nobody stays signed in here because of a message to somebody else.
        let there = self.leave_by_saml(call, &session.did).await.unwrap_or_else(|e| {
            tracing::warn!(error = %e, "nobody was signed out at a SAML provider");
            None
        });
        let user_id = session.user.id;
        let remembered = self.anonymously(call, async |tx: &WriteTx| {
            tx.acts(domain::Actor::User { id: user_id, email: session.user.email.clone() });
            if !tx.revoke_session(user_id, session.id).await? {
                return Ok(Change::silent(false, NoEvent::Unchanged));
            }
            let remembered = match &there {
                Some(there) => there.remember(tx, back.as_deref()).await?,
                None => false,
            };
            Ok(Change::new(remembered, PLATFORM, Event::LoggedOut { user_id, session_id: session.id }))
        });
        let remembered = remembered.await?;
        Ok(there.filter(|_| remembered).map(|there| there.url).or(back))
    }
}

/// The registered address as it was sent, and the state behind it.
fn with_state(back: &str, state: Option<&str>) -> String {
    let Some(state) = state else { return back.to_owned() };
    let encoded: String = url::form_urlencoded::byte_serialize(state.as_bytes()).collect();
    format!("{back}{}state={encoded}", if back.contains('?') { '&' } else { '?' })
}

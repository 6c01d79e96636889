//! Where a sign-in leads: to tokens of our own API, or to the session of a browser that is in the middle of a flow.

use crypto::{Purpose, opaque};
use domain::{
    Error, Event, OrgId, PLATFORM, Result, ServiceId, SessionId,
    core::value::Slug,
    identity::{
        accounts::User,
        authentications::{Authentications, Method},
        sessions::{Session, TokenPair},
    },
};
use store::{
    WriteTx,
    identity::{flows::Mine, sessions::BrowserSession},
};

use super::SignedIn;
use crate::{
    App, Call,
    identity::{federation::Proof, flows::Cookies, login_throttling, second_factor::Waits, tokens::For},
};

/// Where a sign-in leads.
#[derive(Clone, Copy)]
pub(crate) enum Door<'a> {
    /// To tokens of our own API.
    Api,
    /// To the session of a browser.
    Browser {
        /// In the middle of this.
        flow: Mine<'a>,
        /// What the cookie hashes to that the browser has.
        cookie: Option<&'a str>,
        /// Who is signed in in it.
        before: Option<&'a BrowserSession>,
        /// What they prove by it, if a provider said something that has to be.
        proof: Option<&'a Proof>,
        /// The service that is signed in to, if it is an organization's: who uses it needs no membership there.
        service: Option<ServiceId>,
    },
}

impl Door<'_> {
    /// The service that is signed in to.
    pub(crate) const fn service(&self) -> Option<ServiceId> {
        match self {
            Self::Api => None,
            Self::Browser { service, .. } => *service,
        }
    }
    /// What a policy judges: what was done, with what the browser's session did before, if that is the same person's.
    pub(crate) fn judged(&self, user: &User, did: &Authentications) -> Authentications {
        let before = match self {
            Self::Browser { before: Some(before), .. } if before.user.id == user.id => before.did.clone(),
            _ => Authentications::default(),
        };
        did.iter().copied().fold(before, Authentications::and)
    }
    /// Whether it leads to pages, on which a second factor can be set up.
    pub(crate) const fn has_pages(&self) -> bool {
        matches!(self, Self::Browser { .. })
    }
}

/// What a sign-in gives.
pub(crate) enum Admitted {
    /// Tokens; or, with an empty refresh token, what a second factor is to be sent with.
    Tokens(TokenPair),
    /// What the browser's cookie says from now on.
    Cookie(String),
    /// Nothing yet: the flow waits for a second factor.
    Waits,
}

/// Somebody who is in.
pub(crate) struct In {
    /// What the door gives.
    pub(crate) admitted: Admitted,
    /// Their session.
    pub(crate) session: Session,
    /// What else is to be told: whose session ended with it, which identity became theirs.
    pub(crate) told: Vec<(OrgId, Event)>,
}

/// How a sign-in ended.
pub(crate) struct Arrived {
    /// What it gives.
    pub(crate) admitted: Admitted,
    /// What the device shows of itself from now on.
    pub(crate) device: Option<String>,
}

impl Arrived {
    /// The answer of our own API.
    pub(crate) fn tokens(self) -> Result<SignedIn> {
        match self.admitted {
            Admitted::Tokens(tokens) => Ok(SignedIn { tokens, device: self.device }),
            Admitted::Cookie(_) | Admitted::Waits => Err(Error::internal("a browser came through the API's door")),
        }
    }

    /// What a browser keeps.
    pub(crate) fn cookies(self) -> Result<Cookies> {
        let session = match self.admitted {
            Admitted::Cookie(text) => Some(text),
            Admitted::Waits => None,
            Admitted::Tokens(_) => return Err(Error::internal("a browser got tokens")),
        };
        Ok(Cookies { session, device: self.device, ..Cookies::default() })
    }
}

fn flow_over() -> Error {
    Error::conflict("flow_over", "This sign-in is over. Begin again at the application.")
}

impl App {
    /// Makes the session of a sign-in that nothing stands in the way of, and what the door gives.
    pub(crate) async fn enter(
        &self,
        tx: &WriteTx,
        (user, did): (&User, &Authentications),
        to: &For<'_>,
        (door, call): (Door<'_>, &Call),
    ) -> Result<In> {
        tx.remember_network(&login_throttling::pair(user.id, call)).await?;
        let session = Session {
            id: SessionId::new(tx.uuid()),
            user_id: user.id,
            method: first_of(did).as_str().to_owned(),
            did: did.clone(),
            ip_address: tx.origin().ip_address.clone(),
            user_agent: tx.origin().user_agent.clone(),
            created_at: tx.now(),
            last_seen_at: tx.now(),
            expires_at: tx.now() + self.settings.refresh_ttl,
        };
        match door {
            Door::Api => {
                tx.insert_session(&session).await?;
                let tokens = self.grant(tx, user, &session, to).await?;
                tx.record_sign_in(to.org(), session.id, None).await?;
                Ok(In { admitted: Admitted::Tokens(tokens), session, told: Vec::new() })
            }
            Door::Browser { flow, cookie, proof, .. } => {
                let (session, told) = match proof {
                    Some(proof) => {
                        let (done, told) = proof.given(tx, user, super::wrong).await?;
                        (Session { did: session.did.clone().and(done), ..session }, told)
                    }
                    None => (session, Vec::new()),
                };
                let entered = self.enter_browser(tx, session, flow, cookie).await?;
                Ok(In { told: [entered.told, told].concat(), ..entered })
            }
        }
    }

    /// A browser that somebody is signed in in goes on with their session, if it is the same person; the cookie is another one in any case.
    async fn enter_browser(&self, tx: &WriteTx, session: Session, flow: Mine<'_>, cookie: Option<&str>) -> Result<In> {
        let mut told = Vec::new();
        let fresh = opaque::mint(Purpose::BrowserSession, self.ids.as_ref());
        let before = match cookie {
            Some(hash) => tx.lock_browser_session(hash, self.settings.session_longest).await?,
            None => None,
        };
        let session = match before {
            Some(before) if before.user.id == session.user_id => {
                let until = tx.end_of_session(before.id, session.expires_at, self.settings.session_longest).await?;
                let did = tx.browser_session_did(&before, session.did.iter().copied(), (&fresh.hash, until)).await?;
                Session { id: before.id, did, ..session }
            }
            before => {
                // Nobody could sign the person out any more who was signed in here.
                if let Some(before) = before {
                    tx.revoke_session(before.user.id, before.id).await?;
                    let user_id = before.user.id;
                    told.push((PLATFORM, Event::SessionsRevoked { user_id, count: 1, reason: "replaced".to_owned() }));
                }
                tx.insert_browser_session(&session, &fresh.hash).await?;
                session
            }
        };
        if !tx.sign_in_flow(flow).await? {
            return Err(flow_over());
        }
        Ok(In { admitted: Admitted::Cookie(fresh.text), session, told })
    }

    /// Lets a sign-in wait for its second factor, for which who has no app is perhaps mailed a code.
    pub(crate) async fn ask_at(
        &self,
        tx: &WriteTx,
        (user, proven, did): (&User, &str, &Authentications),
        (waits, mails): (&Waits, bool),
        (door, call): (Door<'_>, &Call),
    ) -> Result<Admitted> {
        self.wait_for_second(tx, (user, proven, did), (waits, mails), call).await?;
        match door {
            Door::Api => Ok(Admitted::Tokens(self.preauth(user, waits, tx.now())?)),
            Door::Browser { flow, .. } if tx.flow_waits(flow, Some((user.id, waits.id))).await? => Ok(Admitted::Waits),
            Door::Browser { .. } => Err(flow_over()),
        }
    }

    /// A sign-in waits no more, though it did not get in: the flow begins anew.
    pub(crate) async fn wait_no_more(&self, tx: &WriteTx, door: Door<'_>) -> Result<()> {
        if let Door::Browser { flow, .. } = door {
            tx.flow_waits(flow, None).await?;
        }
        Ok(())
    }
}

/// The first factor of a session that begins.
pub(super) fn first_of(did: &Authentications) -> Method {
    did.iter().map(|one| one.method).find(|method| method.is_first()).unwrap_or(Method::Password)
}

/// The organization that is entered, and its name in URLs.
pub(crate) type To = Option<(OrgId, Slug)>;

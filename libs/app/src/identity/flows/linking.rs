//! Somebody links a provider with the account that they have. It begins with a token of that account and an address of ours that is good for one browser;
//! there they are signed in, or sign in, by something of their own that is recent, see which account and which provider it is about, go there, come back,
//! see whom the provider named, and say yes. So nobody links somebody else's identity by sending them an address (T25): whoever opens it sees, and has to
//! be, the account that it is for.

use crypto::{Purpose, opaque};
use domain::{
    ConnectionId, Error, PLATFORM, Result,
    applications::authorization_requests::{AuthorizationRequest, LinkRequest},
    core::value::Name,
    identity::{
        authentications::Authentications,
        entry::{Entry, counting},
        federation::{
            attempts::{Failure, Reason, Stage},
            choosing::{RECENT, is_recent},
        },
        flows::{Dead, FlowId, Step},
    },
};
use store::{
    Change, NoEvent, WriteTx,
    identity::{
        flows::{Entered, Flow, Named},
        sessions::BrowserSession,
    },
};

use super::{
    Browser, Loaded, Stop, Turn,
    finish::{CHANGED, changed},
    own_flow,
};
use crate::{App, Call, Caller};

/// What somebody is asked who links a provider.
#[derive(Debug)]
pub struct LinkAsk {
    /// The flow.
    pub flow: Flow,
    /// The account.
    pub email: String,
    /// The provider's name for people.
    pub provider: Name,
    /// Whose it is.
    pub organization: Entered,
    /// Whom the provider named: as it calls them, and their address; `None`: they were not there yet.
    pub named: Option<(String, Option<String>)>,
}

/// What somebody answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkAnswer {
    /// They want to go to the provider.
    Go,
    /// It is they whom it named.
    Yes,
    /// They do not want it.
    No,
}

impl App {
    /// Begins to link a provider of an organization that the caller is a member of, by its connection's id or name: where their browser goes. `NotFound`;
    /// `Conflict` (`ambiguous_provider`, `identity_taken`); `Forbidden` (`recent_sign_in_required`) unless they just showed by something of their own that
    /// it is they (T25).
    pub async fn begin_to_link(&self, c: &Caller, provider: &str) -> Result<String> {
        let id = provider.parse::<ConnectionId>().ok();
        self.as_person(c, async |tx, person| {
            person.require_unconfined()?;
            if !person.is_fresh(c.call.now) {
                return Err(Error::forbidden(
                    "recent_sign_in_required",
                    "Sign in again with something of your own, and then link it.",
                ));
            }
            let (org, connection) = tx.linkable(person.id, (id, provider)).await?;
            // An account of an organization's own signs in there; what is the account's own of a platform account concerns no organization.
            let organization = match person.realm == PLATFORM {
                true => None,
                false => tx.organization_now(person.realm).await?.map(|view| view.organization),
            };
            let organization = organization.map(|org| Entered { id: org.id, slug: org.slug, name: org.name.to_string() });
            let request = AuthorizationRequest {
                organization: organization.as_ref().map(|org| org.slug.to_string()),
                max_age: Some(RECENT.num_seconds()),
                link: Some(LinkRequest { user: person.id, org, connection }),
                ..AuthorizationRequest::default()
            };
            let flow = own_flow(tx, request, organization, &c.call).await?;
            let flow = Flow { email: Some(person.email.clone()), ..flow };
            let name = opaque::mint(Purpose::PushedRequest, self.ids.as_ref());
            tx.insert_flow(&flow, Some(&name.hash)).await?;
            let url = format!("{}/link/{}", self.settings.public_url, name.text);
            Ok(Change::silent(url, NoEvent::Housekeeping))
        })
        .await
    }

    /// What somebody is asked who has signed in to link a provider.
    pub(super) async fn ask_about_link(&self, call: &Call, loaded: Loaded, link: LinkRequest) -> Result<Turn> {
        let Some(session) = &loaded.session else { return Ok(Turn::Stop(Stop::Over)) };
        if !is_recent(&own(&loaded, session, link.connection), call.now) {
            let again = async |tx: &WriteTx| Ok(Change::silent(tx.refresh_flow(loaded.mine()).await?, NoEvent::Housekeeping));
            self.anonymously(call, again).await?;
            return Ok(Turn::Continue(loaded.flow.id));
        }
        let organization = self.store.public_organization_named(Named::Id(link.org)).await?;
        let Some(organization) = organization else { return Ok(Turn::Stop(Stop::Over)) };
        let is_member = self.store.public_entrance(link.org, link.user).await?.is_some_and(|entrance| entrance.role.is_some());
        if !is_member {
            return Ok(Turn::Stop(Stop::Dead(Dead::NoAccess, Some(organization))));
        }
        let ways = self.store.public_ways(link.org).await?;
        let way = ways.into_iter().find(|way| way.id == link.connection && self.speaks(way.protocol));
        let Some(way) = way else { return Ok(Turn::Stop(Stop::Over)) };
        let email = session.user.email.to_string();
        let named = loaded.proof.map(|proof| {
            let address = proof.asserted.address.email().map(ToString::to_string);
            (proof.asserted.shown().to_owned(), address)
        });
        Ok(Turn::Link(Box::new(LinkAsk { flow: loaded.flow, email, provider: way.name, organization, named })))
    }

    /// Takes somebody's answer, from a page that had seen so many sign-ins of the flow.
    pub async fn answer_for_link(
        &self,
        call: &Call,
        browser: &Browser,
        id: FlowId,
        (answer, seen): (LinkAnswer, Option<i32>),
    ) -> Result<Turn> {
        self.admit_browser("flow-steps", call).await?;
        let loaded = match self.load(call, browser, id).await? {
            Ok(loaded) => loaded,
            Err(stop) => return Ok(Turn::Stop(stop)),
        };
        let is_done = matches!(self.missing(call, &loaded), Ok(Step::Done));
        let Some(link) = loaded.flow.request.link.filter(|_| seen == Some(loaded.flow.sign_ins) && is_done) else {
            return Ok(Turn::Continue(id));
        };
        match answer {
            LinkAnswer::Go => {
                let go = async |tx: &WriteTx| {
                    Ok(Change::silent(tx.choose_connection(loaded.mine(), link.connection).await?, NoEvent::Housekeeping))
                };
                self.anonymously(call, go).await.map(|_| Turn::Continue(id))
            }
            LinkAnswer::No => {
                let end = async |tx: &WriteTx| Ok(Change::silent(tx.end_flow(loaded.mine()).await?, NoEvent::Housekeeping));
                let ended = self.anonymously(call, end).await?;
                Ok(if ended { Turn::Linked { linked: false } } else { Turn::Stop(Stop::Over) })
            }
            LinkAnswer::Yes => self.say_yes(call, &loaded, link).await,
        }
    }

    async fn say_yes(&self, call: &Call, loaded: &Loaded, link: LinkRequest) -> Result<Turn> {
        match self.anonymously(call, async |tx| self.linked(tx, call, loaded, link).await).await {
            Ok(()) => Ok(Turn::Linked { linked: true }),
            Err(e) if matches!(e.code, CHANGED | "flow_over") => Ok(Turn::Continue(loaded.flow.id)),
            Err(e) if e.code == "identity_taken" => {
                let failure = Failure::at(Stage::Account, Reason::IdentityTaken);
                self.failed_upstream(call, loaded, (link.org, link.connection), (failure, None)).await
            }
            Err(e) => Err(e),
        }
    }

    /// The identity is theirs, if all of it is still so: who is signed in, how recently they showed it, and that the provider's word counts.
    async fn linked(&self, tx: &WriteTx, call: &Call, loaded: &Loaded, link: LinkRequest) -> Result<Change<()>> {
        let (Some(known), Some(proof)) = (&loaded.session, &loaded.proof) else { return Err(changed()) };
        let session = tx.lock_session(known.id, self.settings.session_longest).await?.ok_or_else(changed)?;
        let user = &session.user;
        if user.id != link.user
            || proof.login.user != Some(link.user)
            || !is_recent(&own(loaded, &session, link.connection), call.now)
        {
            return Err(changed());
        }
        if user.realm != PLATFORM {
            let entry = self.entry(tx, user, (Some(user.realm), None), (&session.did, call)).await;
            if !matches!(entry, Ok(Entry::Enter(_))) {
                return Err(changed());
            }
        }
        tx.acts(domain::Actor::User { id: user.id, email: user.email.clone() });
        let told = proof.take(tx, user).await?;
        if !tx.end_flow(loaded.mine()).await? {
            return Err(changed());
        }
        let mut told = told.into_iter();
        let Some((org, event)) = told.next() else { return Ok(Change::silent((), NoEvent::Unchanged)) };
        Ok(told.fold(Change::new((), org, event), |change, (org, event)| change.and(org, event)))
    }
}

/// What who is signed in did that is their own: of an organization's own account also what its providers say, but not the one that it is about.
fn own(loaded: &Loaded, session: &BrowserSession, connection: ConnectionId) -> Authentications {
    let policy = loaded.entrance.as_ref().map(|entrance| &entrance.policy);
    counting(policy, &session.did)
        .counted(|one| Some(*one).filter(|one| one.through.is_none_or(|through| through.id != connection)))
}

//! A flow ends: the client is answered with a code, or with a refusal.

use crypto::{Purpose, opaque};
use domain::{
    Error, Event, PLATFORM, Result,
    applications::{
        authorization_requests::{AuthorizationRequest, ResponseMode},
        client_grants::TokenClient,
        clients::OrganizationUsage,
    },
    identity::{
        entry::Entry,
        flows::{CODE_LASTS, Dead},
    },
};
use store::{Change, WriteTx, applications::codes::Code, identity::sessions::BrowserSession};

use super::{Answer, Loaded, Stop, Turn, member_entry, subject};
use crate::{App, Call, core::limits::rate_request, identity::account_page::is_account};

/// What changed between the look and the transaction: the flow is looked at again.
pub(super) const CHANGED: &str = "flow_changed";

impl App {
    /// Answers the client of a flow that misses nothing. `kept`: it is kept; one that is not had a browser that was signed in well enough before.
    pub(super) async fn issue(&self, call: &Call, loaded: Loaded, kept: bool) -> Result<Turn> {
        if is_account(&loaded.client) {
            return self.to_account(call, &loaded, kept).await;
        }
        if let Some(session) = &loaded.session {
            let limit = self.settings.limits.account.writes;
            self.admit("sign_in", &[rate_request("codes", &session.id.to_string(), limit)]).await?;
        }
        // What a client takes back counts at once.
        if !loaded.comes_back() {
            return Ok(Turn::Stop(Stop::BadRedirect));
        }
        if let Some(hint) = &loaded.flow.request.id_token_hint
            && let Some(named) = self.hinted(hint, &loaded.client, call)
            && Some(named) != loaded.user().map(|user| subject(user.id))
        {
            let text = ("login_required", "Somebody else signed in than `id_token_hint` names.");
            return self.answer_silently(call, loaded, text, kept).await;
        }
        match loaded.flow.request.to.mode {
            ResponseMode::Fragment => return Box::pin(self.issue_tokens(call, loaded, kept)).await,
            ResponseMode::Saml => return Box::pin(self.issue_assertion(call, loaded, kept)).await,
            ResponseMode::Query | ResponseMode::FormPost => {}
        }
        let code = opaque::mint(Purpose::Code, self.ids.as_ref());
        let outcome = self
            .anonymously(call, async |tx| {
                if kept && !tx.end_flow(loaded.mine()).await? {
                    return Err(changed());
                }
                self.write_code(tx, call, &loaded, &code.hash).await
            })
            .await;
        match outcome {
            Ok(()) => {
                let to = loaded.flow.request.to;
                let mut fields = vec![("code", code.text)];
                fields.extend(to.state.clone().map(|state| ("state", state)));
                fields.push(("iss", self.issuer()));
                Ok(Turn::Answer(Answer { to, fields, confirm: None }))
            }
            Err(e) if e.code == CHANGED => Ok(Turn::Stop(Stop::Over)),
            Err(e) => Err(e),
        }
    }

    /// Leads to the page of the person's own account, which has no use for a code.
    async fn to_account(&self, call: &Call, loaded: &Loaded, kept: bool) -> Result<Turn> {
        if kept {
            let end = async |tx: &WriteTx| Ok(Change::silent(tx.end_flow(loaded.mine()).await?, store::NoEvent::Housekeeping));
            self.anonymously(call, end).await?;
        }
        Ok(Turn::Account)
    }

    /// The person's session and their organization's policy, looked at once more in the transaction that ends the flow.
    pub(super) async fn still_signed_in(&self, tx: &WriteTx, call: &Call, loaded: &Loaded) -> Result<BrowserSession> {
        let Some(known) = &loaded.session else { return Err(changed()) };
        let Some(session) = tx.lock_session(known.id, self.settings.session_longest).await? else { return Err(changed()) };
        let org = loaded.flow.organization.as_ref().map(|org| org.id);
        if let TokenClient::Of(own, _) = &loaded.client.of
            && org != Some(*own)
        {
            return Err(changed());
        }
        if let Some(org) = org {
            let entrance = match tx.entrance(org, session.user.id).await? {
                Some(entrance) if entrance.role.is_none() => {
                    let may_come = self.still_allowed(tx, loaded, &session.user).await?;
                    Some(entrance.for_guest(may_come))
                }
                entrance => entrance,
            };
            let entry = member_entry(entrance.as_ref(), &session.user, (&session.did, call))?;
            if !matches!(entry, Some(Entry::Enter(_))) {
                return Err(changed());
            }
        } else if loaded.client.sign_in.organization_usage == OrganizationUsage::Require || session.user.realm != PLATFORM {
            return Err(changed());
        }
        tx.acts(domain::Actor::User { id: session.user.id, email: session.user.email.clone() });
        Ok(session)
    }

    /// Records that somebody signed in at a client.
    pub(super) async fn record_entry(&self, tx: &WriteTx, loaded: &Loaded, session: &BrowserSession) -> Result<()> {
        let log = loaded.flow.organization.as_ref().map_or(PLATFORM, |org| org.id);
        let service = match loaded.client.of {
            TokenClient::Platform => None,
            TokenClient::Of(..) => Some(loaded.client.id),
        };
        tx.record_sign_in(log, session.id, service).await
    }

    async fn write_code(&self, tx: &WriteTx, call: &Call, loaded: &Loaded, hash: &str) -> Result<Change<()>> {
        let session = self.still_signed_in(tx, call, loaded).await?;
        let (log, client) = (loaded.flow.organization.as_ref().map_or(PLATFORM, |org| org.id), &loaded.client);
        // What nobody asks for any more is not kept with it.
        let request = AuthorizationRequest { login_hint: None, id_token_hint: None, ..loaded.flow.request.clone() };
        let ip_address = tx.origin().ip_address.clone();
        let code = Code { client: (client.org(), client.id), session: session.id, org: log, request, ip_address };
        tx.insert_code(hash, &code, tx.now() + CODE_LASTS).await?;
        self.record_entry(tx, loaded, &session).await?;
        let event =
            Event::ClientAuthorized { user_id: session.user.id, session_id: session.id, client_id: client.client_id.clone() };
        Ok(Change::new((), log, event))
    }

    /// Tells the client that whoever signed in does not belong to its organization.
    pub(super) async fn deny(&self, call: &Call, loaded: &Loaded) -> Result<Turn> {
        if loaded.answers_nobody() {
            return Ok(Turn::Stop(Stop::Dead(Dead::NoAccess, loaded.flow.organization.clone())));
        }
        if !loaded.comes_back() {
            return Ok(Turn::Stop(Stop::BadRedirect));
        }
        let ended = async |tx: &WriteTx| Ok(Change::silent(tx.end_flow(loaded.mine()).await?, store::NoEvent::Housekeeping));
        self.anonymously(call, ended).await?;
        let text = ("access_denied", "This account has no access to that organization.");
        self.refuse_to_client(call, loaded, text, Some(&loaded.client)).await
    }
}

pub(super) fn changed() -> Error {
    Error::conflict(CHANGED, "This sign-in changed meanwhile.")
}

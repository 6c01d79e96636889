//! A test sign-in: whoever looks after a connection goes through it in their browser, and sees on a page what became of it, each step with what to do.
//! Nobody is signed in by it, nothing is linked and nobody is made; a connection that is switched off can be tried, before people come through it.

use crypto::{Purpose, opaque};
use domain::{
    ConnectionId, Result,
    applications::authorization_requests::{AuthorizationRequest, TrialRequest},
    authorization::resource::Connections,
    core::value::{Name, Slug},
    identity::{
        federation::{
            LASTS,
            asserted::Asserted,
            attempts::{Attempt, AttemptId, Failure, Outcome, Reason, Stage},
            linking::Decision,
        },
        flows::FlowId,
    },
};
use store::{
    Change, NoEvent, WriteTx,
    identity::{
        federation::{Upstream, logins::UpstreamLogin},
        flows::{Entered, Flow},
    },
};

use super::{
    arriving::{counts_once, weigh},
    attempts::{attempt, in_trouble},
};
use crate::{
    App, Call, Caller,
    identity::flows::{Browser, Loaded, Stop, Turn, own_flow},
};

/// What a test sign-in shows.
#[derive(Debug)]
pub struct Trial {
    /// The flow.
    pub flow: Flow,
    /// The connection's name for people.
    pub provider: Name,
    /// Whose it is.
    pub organization: Entered,
    /// What became of it; `None`: nobody was there yet.
    pub result: Option<TrialResult>,
}

/// What became of it.
#[derive(Debug)]
pub enum TrialResult {
    /// Somewhere on the way it did not go on.
    Failed(Box<Attempt>),
    /// The provider named somebody.
    Named(Box<Asserted>, Decision),
}

impl App {
    /// Begins a test sign-in through a connection: where the browser goes of whoever looks after it. The first browser that comes has it, for ten minutes.
    pub async fn begin_trial(&self, c: &Caller, slug: &Slug, id: ConnectionId) -> Result<String> {
        self.in_org::<Connections, _>(c, slug, async |tx, scope| {
            tx.lock_connection(scope, id).await?;
            let trial = Some(TrialRequest { org: scope.org(), connection: id });
            let request = AuthorizationRequest { trial, ..AuthorizationRequest::default() };
            let flow = own_flow(tx, request, None, &c.call).await?;
            let name = opaque::mint(Purpose::PushedRequest, self.ids.as_ref());
            tx.insert_flow(&flow, Some(&name.hash)).await?;
            let url = format!("{}/try/{}", self.settings.public_url, name.text);
            Ok(Change::silent(url, NoEvent::Housekeeping))
        })
        .await
    }

    /// Where a test sign-in is: on its way to the provider, or on the page that says what became of it.
    pub(crate) async fn go_on_trying(&self, call: &Call, loaded: Loaded, trial: TrialRequest) -> Result<Turn> {
        if let Some(connection) = loaded.flow.connection {
            return self.send_upstream(call, loaded, connection).await;
        }
        let organization = self.store.public_organization_named(store::identity::flows::Named::Id(trial.org)).await?;
        let upstream = self.store.upstream_to_try(trial.org, trial.connection).await?;
        let (Some(organization), Some(upstream)) = (organization, upstream) else { return Ok(Turn::Stop(Stop::Over)) };
        let result = match (&loaded.flow.trouble, loaded.flow.upstream) {
            (Some(trouble), _) => {
                let attempt = self.store.public_attempt((trial.org, trial.connection), trouble.attempt).await?;
                attempt.map(|attempt| TrialResult::Failed(Box::new(attempt)))
            }
            (None, Some(login)) => match self.store.public_upstream_login_of_flow(login, call.now).await? {
                Some(login) => self.named_in_trial(call, &upstream, login).await?,
                None => None,
            },
            (None, None) => None,
        };
        Ok(Turn::Try(Box::new(Trial { flow: loaded.flow, provider: upstream.connection.name, organization, result })))
    }

    async fn named_in_trial(&self, call: &Call, upstream: &Upstream, login: UpstreamLogin) -> Result<Option<TrialResult>> {
        let asserted = self.store.upstream_asserted(&login).await?;
        let decision = self
            .anonymously(call, async |tx: &WriteTx| {
                let weighed = weigh(tx, (upstream, &login), &asserted, None).await?;
                Ok(Change::silent(weighed.map(|weighed| weighed.decision), NoEvent::Unchanged))
            })
            .await?;
        Ok(decision.map(|decision| TrialResult::Named(Box::new(asserted), decision)))
    }

    /// Sends the browser of a test sign-in to the provider, once more if it was there.
    pub async fn try_again(&self, call: &Call, browser: &Browser, id: FlowId) -> Result<Turn> {
        self.admit_browser("flow-steps", call).await?;
        let loaded = match self.load(call, browser, id).await? {
            Ok(loaded) => loaded,
            Err(stop) => return Ok(Turn::Stop(stop)),
        };
        if let Some(trial) = loaded.flow.request.trial {
            let go = async |tx: &WriteTx| {
                Ok(Change::silent(tx.choose_connection(loaded.mine(), trial.connection).await?, NoEvent::Housekeeping))
            };
            self.anonymously(call, go).await?;
        }
        Ok(Turn::Continue(id))
    }

    /// Keeps what a provider said for the page, or why it did not go on.
    pub(super) async fn arrive_to_try(
        &self,
        call: &Call,
        (loaded, login): (&Loaded, &UpstreamLogin),
        upstream: &Upstream,
        asserted: &Asserted,
    ) -> Result<Turn> {
        let id = AttemptId::new(self.ids.uuid(call.now));
        self.anonymously(call, async |tx: &WriteTx| {
            keep(tx, (loaded, login), (upstream, asserted), id).await?;
            Ok(Change::silent((), NoEvent::Housekeeping))
        })
        .await?;
        Ok(Turn::Continue(loaded.flow.id))
    }
}

async fn keep(
    tx: &WriteTx,
    (loaded, login): (&Loaded, &UpstreamLogin),
    (upstream, asserted): (&Upstream, &Asserted),
    id: AttemptId,
) -> Result<()> {
    let of = (login.org, login.connection);
    let failed = async |stage, reason| in_trouble(tx, loaded, of, (id, Failure::at(stage, reason)), (Some(asserted), None)).await;
    if !counts_once(tx, login, asserted).await? {
        return failed(Stage::Assertion, Reason::Replayed).await;
    }
    match weigh(tx, (upstream, login), asserted, None).await? {
        None => failed(Stage::Connection, Reason::ConnectionDisabled).await,
        Some(weighed) => match weighed.decision {
            Decision::Refuse(reason) => failed(Stage::Account, reason).await,
            _ => {
                tx.keep_for_trial(login, asserted, (loaded.mine(), tx.now() + LASTS)).await?;
                let record = attempt(id, Outcome::Tested, (Some(asserted), None), tx);
                tx.record_attempt(login.org, login.connection, &record).await
            }
        },
    }
}

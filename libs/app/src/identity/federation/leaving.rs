//! A browser is sent to an identity provider. What binds the answer to it is random, and kept by its hash or sealed.

use crypto::{Purpose, opaque};
use domain::{
    ConnectionId, OrgId, Result,
    identity::federation::{
        Bindings, LASTS, RelyingParty, Sending, UpstreamLoginId,
        attempts::{Failure, Reason, Stage},
    },
};
use store::{Change, NoEvent};

use crate::{
    App, Call,
    identity::flows::{Loaded, Stop, Turn},
};

impl App {
    /// Sends the browser of a flow to the connection that was chosen in it.
    pub(crate) async fn send_upstream(&self, call: &Call, loaded: Loaded, id: ConnectionId) -> Result<Turn> {
        self.admit_browser("flow-steps", call).await?;
        let flow = loaded.flow.id;
        let Some(org) = loaded.flow.organization.as_ref().map(|org| org.id) else { return Ok(Turn::Stop(Stop::Over)) };
        let Some(upstream) = self.store.public_upstream(org, id).await? else {
            let failure = Failure::at(Stage::Connection, Reason::ConnectionDisabled);
            return self.failed_upstream(call, &loaded, (org, id), (failure, None)).await;
        };
        let fresh = self.must_be_fresh(&loaded, org).await?;
        let bindings = self.bindings();
        let redirect_uri = self.callback_url(id);
        let party =
            RelyingParty { connection: &upstream.connection, secret: upstream.secret.as_ref(), redirect_uri: &redirect_uri };
        let hint = loaded.flow.email.as_ref().map(|email| email.as_str());
        let sending = Sending { bindings: &bindings, login_hint: hint.or(loaded.flow.request.login_hint.as_deref()), fresh };
        let url = match self.upstreams.authorization_url(&party, &sending) {
            Ok(url) => url,
            Err(failure) => return self.failed_upstream(call, &loaded, (org, id), (failure, None)).await,
        };
        let (login, state) = (UpstreamLoginId::new(self.ids.uuid(call.now)), opaque::hash(&bindings.state));
        let of = (org, id, upstream.connection.generation);
        let sent = self
            .anonymously(call, async |tx| {
                let sent = tx.sent_to_connection(loaded.mine(), id).await?;
                if sent {
                    let until = tx.now() + LASTS;
                    tx.insert_upstream_login((login, &state), of, (loaded.mine(), fresh), (&bindings, until)).await?;
                }
                Ok(Change::silent(sent, NoEvent::Housekeeping))
            })
            .await?;
        Ok(if sent { Turn::Away(url) } else { Turn::Continue(flow) })
    }

    fn bindings(&self) -> Bindings {
        let mint = || opaque::mint(Purpose::Upstream, self.ids.as_ref()).text;
        Bindings { state: mint(), nonce: mint(), verifier: mint() }
    }

    /// Whether the provider has to ask them again, and its answer to say that it did.
    async fn must_be_fresh(&self, loaded: &Loaded, org: OrgId) -> Result<bool> {
        let asked = loaded.flow.request.prompt.login || loaded.flow.request.max_age.is_some();
        Ok(asked || self.store.public_sign_in_policy(org).await?.max_age.is_some())
    }
}

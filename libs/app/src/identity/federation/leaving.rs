//! A browser is sent to an identity provider. What binds the answer to it is random, and kept by its hash or sealed.

use crypto::{Purpose, opaque};
use domain::{
    ConnectionId, OrgId, Result,
    applications::authorization_requests::AuthorizationRequest,
    identity::{
        connections::Protocol,
        federation::{
            Bindings, Binds, LASTS, RelyingParty, Sending, UpstreamLoginId,
            attempts::{Failure, Reason, Stage},
        },
        saml::Dispatch,
    },
};
use store::{Change, NoEvent, identity::federation::Upstream};

use crate::{
    App, Call,
    identity::flows::{Loaded, Stop, Turn},
};

impl App {
    /// Sends the browser of a flow to the connection that was chosen in it.
    pub(crate) async fn send_upstream(&self, call: &Call, loaded: Loaded, id: ConnectionId) -> Result<Turn> {
        self.admit_browser("flow-steps", call).await?;
        let flow = loaded.flow.id;
        let Some(org) = loaded.org() else { return Ok(Turn::Stop(Stop::Over)) };
        let Some(upstream) = self.upstream_of(&loaded.flow.request, (org, id)).await? else {
            let failure = Failure::at(Stage::Connection, Reason::ConnectionDisabled);
            return self.failed_upstream(call, &loaded, (org, id), (failure, None)).await;
        };
        let fresh = self.must_be_fresh(&loaded, org).await?;
        let state = opaque::mint(Purpose::Upstream, self.ids.as_ref());
        let way = match upstream.connection.protocol {
            Protocol::Saml => self.by_saml(call, &upstream.connection, (&state.text, fresh)).await?,
            Protocol::Oidc | Protocol::Oauth2 => self.by_code(&loaded, &upstream, (state.text, fresh)),
        };
        let (binds, way) = match way {
            Ok(found) => found,
            Err(failure) => return self.failed_upstream(call, &loaded, (org, id), (failure, None)).await,
        };
        let (login, state) = (UpstreamLoginId::new(self.ids.uuid(call.now)), state.hash);
        let of = (org, id, upstream.connection.generation);
        let sent = self
            .anonymously(call, async |tx| {
                let sent = tx.sent_to_connection(loaded.mine(), id).await?;
                if sent {
                    let until = tx.now() + LASTS;
                    tx.insert_upstream_login((login, &state), of, (loaded.mine(), fresh), (&binds, until)).await?;
                }
                Ok(Change::silent(sent, NoEvent::Housekeeping))
            })
            .await?;
        Ok(if sent { Turn::Away(way) } else { Turn::Continue(flow) })
    }

    /// A connection for whoever goes through it: one that is switched off is only tried.
    pub(super) async fn upstream_of(
        &self,
        request: &AuthorizationRequest,
        (org, id): (OrgId, ConnectionId),
    ) -> Result<Option<Upstream>> {
        match request.trial {
            Some(_) => self.store.upstream_to_try(org, id).await,
            None => self.store.public_upstream(org, id).await,
        }
    }

    /// To where a code is given (OpenID Connect, OAuth 2).
    fn by_code(
        &self,
        loaded: &Loaded,
        upstream: &Upstream,
        (state, fresh): (String, bool),
    ) -> Result<(Binds, Dispatch), Failure> {
        let mint = || opaque::mint(Purpose::Upstream, self.ids.as_ref()).text;
        let bindings = Bindings { state, nonce: mint(), verifier: mint() };
        let redirect_uri = self.callback_url(upstream.connection.id);
        let party =
            RelyingParty { connection: &upstream.connection, secret: upstream.secret.as_ref(), redirect_uri: &redirect_uri };
        // What the account is called that is linked is none of the provider's business.
        let typed = loaded.flow.email.as_ref().filter(|_| loaded.flow.request.link.is_none());
        let hint = typed.map(|email| email.as_str()).or(loaded.flow.request.login_hint.as_deref());
        let sending = Sending { bindings: &bindings, login_hint: hint, fresh };
        let url = self.upstreams.authorization_url(&party, &sending)?;
        Ok((Binds::Code(bindings), Dispatch::Redirect(url)))
    }

    /// Whether the provider has to ask them again, and its answer to say that it did.
    async fn must_be_fresh(&self, loaded: &Loaded, org: OrgId) -> Result<bool> {
        let request = &loaded.flow.request;
        // Who links a provider has shown who they are, and nobody is signed in by that.
        if request.link.is_some() {
            return Ok(false);
        }
        let asked = request.prompt.login || request.max_age.is_some();
        Ok(asked || self.store.public_sign_in_policy(org).await?.max_age.is_some())
    }
}

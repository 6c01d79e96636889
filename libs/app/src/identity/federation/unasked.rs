//! A SAML provider sends somebody whom no request of ours sent there (IdP-initiated). What it says is not read: anybody can post it, and sign others in as
//! themselves by it. But it shows that somebody wants to come; so the browser is led to the connection's application, which begins a sign-in of its own
//! (OpenID Connect Core, 4), and from there comes back to the provider with a request.

use domain::{
    ConnectionId, Error, OrgId, Result,
    applications::{client_grants::TokenClient, clients::OrganizationUsage, uris::PageUri},
    identity::{connections::Protocol, saml::Dispatch},
};
use store::applications::browser_clients::BrowserClient;

use crate::{
    App, Call,
    identity::flows::{Stop, Turn},
};

/// For how long a browser that was led on is not led on again: provider and application could send it round and round.
pub const ONE_HOP: i64 = 30;

impl App {
    /// Where a browser is led whose response nobody asked for: to where its cookies count.
    pub(super) async fn unasked(&self, connection: ConnectionId) -> Result<Turn> {
        Ok(match self.begins_at(connection).await? {
            Some(_) => Turn::Away(Dispatch::Redirect(format!("{}/auth/c/{connection}/saml/begin", self.settings.public_url))),
            None => Turn::Stop(Stop::Over),
        })
    }

    /// Leads a browser to the application of a connection, which begins a sign-in. `was_led`: it was led there a moment ago.
    pub async fn begin_unasked(&self, call: &Call, connection: ConnectionId, was_led: bool) -> Result<Turn> {
        self.admit_browser("flow-steps", call).await?;
        if was_led {
            return Ok(Turn::Stop(Stop::BadRequest(
                "The application did not sign you in. Open it yourself, and try again there.",
            )));
        }
        Ok(match self.begins_at(connection).await? {
            Some((org, uri)) => {
                let joint = if uri.as_str().contains('?') { '&' } else { '?' };
                let query = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("iss", &self.issuer())
                    .append_pair("organization", &org.to_string())
                    .finish();
                Turn::Away(Dispatch::Redirect(format!("{}{joint}{query}", uri.as_str())))
            }
            None => Turn::Stop(Stop::Over),
        })
    }

    /// Where a sign-in begins that a connection's provider wants, and to which organization. `None`: nowhere.
    async fn begins_at(&self, id: ConnectionId) -> Result<Option<(OrgId, PageUri)>> {
        let Some(org) = self.store.public_saml_connection(id).await? else { return Ok(None) };
        let Some(upstream) = self.store.public_upstream(org, id).await? else { return Ok(None) };
        let connection = &upstream.connection;
        let Some(named) = connection.saml.default_client.as_deref().filter(|_| self.saml.is_some() && connection.enabled) else {
            return Ok(None);
        };
        let client = self.store.public_browser_client(named).await?;
        Ok(client.filter(|client| signs_in_to(client, org)).and_then(|client| Some((org, client.sign_in.initiate_login_uri?))))
    }

    /// `Invalid` unless it is a client at which people of the organization sign in, and that can begin a sign-in.
    pub(crate) async fn check_default_client(&self, org: OrgId, protocol: Protocol, named: &str) -> Result<()> {
        let no = |code, text: &'static str| Err(Error::field("saml_default_client_id", code, text));
        if protocol != Protocol::Saml {
            return no("not_saml", "Only a SAML provider sends people whom nobody asked for.");
        }
        let client = self.store.public_browser_client(named).await?.filter(|client| signs_in_to(client, org));
        match client {
            None => no(
                "unknown_client",
                "Name a client of the platform, or of a service of this organization, at which people sign in to it.",
            ),
            Some(client) if client.sign_in.initiate_login_uri.is_none() => {
                no("no_initiate_login_uri", "This client has no `initiate_login_uri`: it could not begin a sign-in.")
            }
            Some(_) => Ok(()),
        }
    }
}

/// Whether people sign in to an organization at a client.
fn signs_in_to(client: &BrowserClient, org: OrgId) -> bool {
    match client.of {
        TokenClient::Platform => client.sign_in.organization_usage != OrganizationUsage::Deny,
        TokenClient::Of(own, _) => own == org,
    }
}

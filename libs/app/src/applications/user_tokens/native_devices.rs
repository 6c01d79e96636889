//! Devices, as the native contract has them: a service's device names its client and nothing more, for what is installed keeps no secret. So it gets
//! little: who signed in, and nothing that renews it. What was begun so is fetched so, and what a client began with its secret is fetched with that.

use crypto::{Purpose, opaque};
use domain::{
    Result,
    applications::{
        client_grants::refuse,
        device_codes::{DeviceRequest, UserCode},
        resource_servers::Scopes,
    },
    core::value::{ServiceSlug, Slug},
};
use store::{applications::browser_clients::BrowserClient, identity::federation::Way};

use super::{
    UserTokens,
    devices::{DEAD, DeviceAuthorization},
    invalid_grant,
};
use crate::{App, Call, core::limits::by_network};

/// What a device gets that only names its client.
const SCOPES: &str = "openid email profile";

/// A device that waits, as whoever typed its code may know it.
#[derive(Clone, Debug)]
pub struct WaitingDevice {
    /// The organization.
    pub organization: Slug,
    /// The service.
    pub service: ServiceSlug,
    /// The organization's identity providers.
    pub ways: Vec<Way>,
}

fn unknown() -> domain::Error {
    refuse(
        "unauthorized_client",
        "There is no such client of that service, or it signs nobody in on devices: it needs a `device_activation_uri`.",
    )
}

impl App {
    /// Lets a service's device wait until somebody answers for it. `Protocol` (`unauthorized_client`).
    pub async fn authorize_services_device(
        &self,
        call: &Call,
        client_id: &str,
        (org, service): (&str, &str),
    ) -> Result<DeviceAuthorization> {
        self.admit("sign_in", &by_network("devices", call, self.settings.limits.sign_in)).await?;
        let client = self.store.public_browser_client(client_id).await?;
        let is_it = |client: &BrowserClient| {
            client.sign_in.device_flow
                && client.of.slug().is_some_and(|slug| slug.as_str() == org)
                && client.service.as_ref().is_some_and(|named| named.slug.as_str() == service)
        };
        let client = client.filter(is_it).ok_or_else(unknown)?;
        let asked = DeviceRequest { scopes: Scopes::stored(SCOPES), native: true, ..DeviceRequest::default() };
        self.let_device_wait(call, &client, &asked).await
    }

    /// What waits with this code. Counted as codes that are typed on our page. `Protocol`: `expired_token`, or `invalid_grant` for a code that nothing
    /// shows, or that somebody has typed.
    pub async fn waiting_device_of_code(&self, call: &Call, code: &UserCode) -> Result<WaitingDevice> {
        self.admit("sign_in", &by_network("device-codes", call, self.settings.limits.sign_in)).await?;
        let none = || invalid_grant("No device shows this code, or somebody has typed it already.");
        let device = self.store.public_shown_device(&opaque::hash(code.plain())).await?.ok_or_else(none)?;
        if device.expires_at <= call.now {
            return Err(refuse("expired_token", "Nobody answered in time. Begin again at the device."));
        }
        let client = self.store.client_of_flow(device.client).await?.filter(|client| client.sign_in.device_flow);
        let client = client.ok_or_else(none)?;
        let (Some(organization), Some(named)) = (client.of.slug(), client.service.as_ref()) else { return Err(none()) };
        let ways = self.store.public_ways(client.org()).await?;
        Ok(WaitingDevice { organization: organization.clone(), service: named.slug.clone(), ways })
    }

    /// Exchanges the code of a service's device once somebody has approved. `Protocol` with the codes of RFC 8628 and 6749.
    pub async fn services_device_tokens(&self, call: &Call, client_id: &str, code: &str) -> Result<UserTokens> {
        let limit = self.settings.limits.account.reads;
        self.admit("clients", &by_network(&format!("client {client_id}"), call, limit)).await?;
        let client = self.store.public_token_client(client_id, "", call.now).await?.ok_or_else(unknown)?;
        if !opaque::recognises(Purpose::DeviceCode, code) {
            return Err(invalid_grant(DEAD));
        }
        self.tokens_of_device(call, &client, (code, true), None).await
    }
}

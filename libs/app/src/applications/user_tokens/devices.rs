//! Devices that have no browser (RFC 8628): one asks for a code, shows it, and asks again and again whether somebody has answered. Its tokens are of a
//! session of its own, which did what the approving one did: it is seen and ended by itself.

use crypto::{Purpose, opaque};
use domain::{
    GrantId, PLATFORM, Result, SessionId,
    applications::{
        client_grants::refuse,
        clients::{AuthMethod, OrganizationUsage},
        device_codes::{DeviceRequest, INTERVAL, LASTS, Told, UserCode, judge},
    },
    identity::sessions::{GrantRow, Session},
};
use store::{
    Change, NoEvent, WriteTx,
    applications::{
        browser_clients::BrowserClient,
        device_codes::{AskingDevice, DeviceCode},
        token_clients::Presented,
    },
    identity::sessions::{ClientsGrant, LivingGrant},
};

use super::{UserTokens, invalid_grant};
use crate::{
    App, Call,
    applications::{
        client_tokens::ClientProof,
        dpop::{Shown, kept_with},
    },
    core::limits::by_network,
};

pub(super) const DEAD: &str = "This device code is not valid any more. Begin the sign-in again.";
/// How often another code is made up if one is taken.
const TRIES: usize = 5;

/// What a device shows, and asks with.
#[derive(Clone, Debug)]
pub struct DeviceAuthorization {
    /// What it asks with.
    pub device_code: String,
    /// What somebody types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// Seconds until both are worth nothing.
    pub expires_in: i64,
    /// Seconds between two questions.
    pub interval: i32,
}

impl App {
    /// Lets a device wait until somebody answers for it. `Protocol` with the codes of RFC 6749.
    pub async fn authorize_device(&self, call: &Call, proof: &ClientProof, asked: &DeviceRequest) -> Result<DeviceAuthorization> {
        let shown = self.authenticate_client(call, proof).await?;
        if shown.auth_method == AuthMethod::None {
            self.admit("sign_in", &by_network("devices", call, self.settings.limits.sign_in)).await?;
        }
        let client = self.store.public_browser_client(&shown.client_id).await?.filter(|client| client.sign_in.device_flow);
        let client = client.ok_or_else(|| refuse("unauthorized_client", "This client signs nobody in on devices."))?;
        self.let_device_wait(call, &client, asked).await
    }

    /// Lets a device of a client wait that may have some.
    pub(super) async fn let_device_wait(
        &self,
        call: &Call,
        client: &BrowserClient,
        asked: &DeviceRequest,
    ) -> Result<DeviceAuthorization> {
        let code = opaque::mint(Purpose::DeviceCode, self.ids.as_ref());
        let device = self.waiting_device(call, client, (asked, code.hash)).await?;
        let user_code = self.let_wait(call, &device).await?;
        Ok(DeviceAuthorization {
            device_code: code.text,
            user_code: user_code.shown(),
            verification_uri: format!("{}device", self.issuer()),
            expires_in: LASTS.num_seconds(),
            interval: INTERVAL,
        })
    }

    async fn waiting_device(
        &self,
        call: &Call,
        client: &BrowserClient,
        (asked, hash): (&DeviceRequest, String),
    ) -> Result<DeviceCode> {
        if asked.organization.is_some() && client.sign_in.organization_usage == OrganizationUsage::Deny {
            return Err(refuse("invalid_request", "This client signs nobody in to an organization."));
        }
        let wanted = (&asked.scopes, asked.audience.as_deref(), asked.organization.as_deref());
        let (scopes, audience, organization) = self.look_up(client, wanted).await?.map_err(|(code, why)| refuse(code, why))?;
        Ok(DeviceCode {
            hash,
            client: (client.org(), client.id),
            request: DeviceRequest { scopes, audience, organization: asked.organization.clone(), native: asked.native },
            org: organization.map(|org| org.id),
            ip_address: call.origin.ip_address.clone(),
            user_agent: call.origin.user_agent.clone(),
            created_at: call.now,
            expires_at: call.now + LASTS,
        })
    }

    async fn let_wait(&self, call: &Call, device: &DeviceCode) -> Result<UserCode> {
        self.anonymously(call, async |tx| {
            for _ in 0..TRIES {
                let code = UserCode::of(&self.ids.secret());
                if tx.insert_device(device, &opaque::hash(code.plain()), INTERVAL).await? {
                    return Ok(Change::silent(code, NoEvent::Housekeeping));
                }
            }
            Err(domain::Error::internal("every code is taken"))
        })
        .await
    }

    /// Exchanges a device's code once somebody has approved. `Protocol` with the codes of RFC 8628 and 6749: `authorization_pending`, `slow_down`,
    /// `access_denied`, `expired_token`, `invalid_grant`.
    pub async fn device_tokens(&self, call: &Call, shown: &Shown, code: &str) -> Result<UserTokens> {
        let (client, key) = self.authenticate_holder(call, shown).await?;
        if !opaque::recognises(Purpose::DeviceCode, code) {
            return Err(invalid_grant(DEAD));
        }
        self.tokens_of_device(call, &client, (code, false), key).await
    }

    /// The tokens of a device whose client is known, or only named (`native`), bound to the key that it holds.
    pub(super) async fn tokens_of_device(
        &self,
        call: &Call,
        client: &Presented,
        (code, native): (&str, bool),
        key: Option<String>,
    ) -> Result<UserTokens> {
        self.fresh_keys(call.now).await?;
        let hash = opaque::hash(code);
        let refresh = opaque::mint(Purpose::Refresh, self.ids.as_ref());
        let work =
            async |tx: &WriteTx| self.device_asks(tx, call, (client, native), (&hash, &refresh.hash, key.as_deref())).await;
        let mut living = self.anonymously(call, work).await??;
        living.granted.key = key;
        let refreshes = living.granted.scopes.iter().any(|scope| scope.as_str() == "offline_access");
        self.tokens(&living, client, (None, refreshes.then_some(refresh.text)), call.now).await
    }

    async fn device_asks(
        &self,
        tx: &WriteTx,
        call: &Call,
        (client, native): (&Presented, bool),
        (hash, refresh_hash, key): (&str, &str, Option<&str>),
    ) -> Result<Change<Result<LivingGrant>>> {
        let asking = tx.lock_device(hash).await?.filter(|asking| asking.device.request.native == native);
        let asking = asking.ok_or_else(|| invalid_grant(DEAD))?;
        if asking.device.client != (client.of.org(), client.id) {
            // In another client's hands it is nobody's any more (T28).
            tx.use_device(hash, None).await?;
            return Ok(Change::silent(Err(invalid_grant(DEAD)), NoEvent::Housekeeping));
        }
        let (code, why, interval) = match judge(&asking.asked, tx.now()) {
            Told::Granted => {
                let living = self.grant_for_device(tx, call, &asking, (refresh_hash, kept_with(client, key))).await?;
                return Ok(Change::silent(Ok(living), NoEvent::TokenRenewed));
            }
            Told::Again => return self.code_again(tx, asking.grant).await,
            Told::Late => return Err(refuse("expired_token", "Nobody answered in time. Begin again.")),
            Told::Denied => return Err(refuse("access_denied", "The person refused.")),
            Told::Wait => {
                ("authorization_pending", "Nobody has answered yet. Ask again after `interval` seconds.", asking.asked.interval)
            }
            Told::Slower(interval) => {
                ("slow_down", "Too soon: wait five seconds more between two questions from now on.", interval)
            }
        };
        tx.device_asked(hash, interval).await?;
        Ok(Change::silent(Err(refuse(code, why)), NoEvent::Housekeeping))
    }

    /// The session and grant of a device that was approved: the approving person and their organization's policy are looked at once more.
    async fn grant_for_device(
        &self,
        tx: &WriteTx,
        call: &Call,
        asking: &AskingDevice,
        (refresh_hash, key): (&str, Option<String>),
    ) -> Result<LivingGrant> {
        let ended = || refuse("access_denied", "The sign-in in which this was approved has ended.");
        let longest = self.settings.session_longest;
        let approver = match asking.session {
            Some(session) => tx.lock_session(session, longest).await?.ok_or_else(ended)?,
            None => return Err(ended()),
        };
        let device = &asking.device;
        let (now, until) = (tx.now(), tx.now() + self.settings.refresh_ttl);
        let session = Session {
            id: SessionId::new(tx.uuid()),
            user_id: approver.user.id,
            method: "device".to_owned(),
            did: approver.did,
            ip_address: device.ip_address.clone(),
            user_agent: device.user_agent.clone(),
            created_at: now,
            last_seen_at: now,
            expires_at: until,
        };
        tx.insert_session(&session).await?;
        let org_id = device.org.unwrap_or(PLATFORM);
        let id = GrantId::new(tx.uuid());
        let granted = ClientsGrant {
            grant: GrantRow { id, session_id: session.id, user_id: session.user_id, org_id },
            client: device.client,
            scopes: device.request.scopes.clone(),
            audience: device.request.audience.clone(),
            ip_address: device.ip_address.clone(),
            key,
            created_at: now,
        };
        tx.insert_clients_grant(&granted, refresh_hash, until).await?;
        tx.use_device(&device.hash, Some(id)).await?;
        self.keep_consent(tx, device.client, session.user_id).await?;
        let living = tx.living_grant(id, longest).await?.ok_or_else(ended)?;
        self.may_go_on(&living, call)?;
        Ok(living)
    }
}

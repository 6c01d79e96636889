//! Somebody answers for a device (RFC 8628, 3.3): they type its code, sign in as at any client, see what asks and from where, and say yes or no. Who
//! typed it first answers: a code that was seen over a shoulder is of no use to anybody else (T33).

use crypto::opaque;
use domain::{
    Event, PLATFORM, Result,
    applications::{
        authorization_requests::{AnswersTo, AuthorizationRequest},
        device_codes::UserCode,
    },
    identity::flows::{FlowId, Step},
};
use store::{
    Change, NoEvent, WriteTx,
    applications::device_codes::DeviceCode,
    identity::flows::{Flow, Named},
};

use super::{
    Browser, Cookies, Loaded, Stop, Turn, View,
    begin::{Asked, new_flow},
};
use crate::{App, Call, core::limits::by_network};

/// A device that somebody is asked about.
#[derive(Debug)]
pub struct Approval {
    /// The sign-in.
    pub flow: Flow,
    /// The client's name, for people.
    pub client: String,
    /// Who answers.
    pub email: String,
    /// What asks, and from where.
    pub device: DeviceCode,
}

impl Approval {
    /// The page on which somebody else says who they are.
    pub fn of_somebody_else(self) -> View {
        View::of_somebody_else(self.flow, self.client)
    }
}

impl App {
    /// Begins a sign-in for the device whose code somebody typed. `None`: there is none, or somebody else has typed it. Counted against the network,
    /// for codes are short. `RateLimited`.
    pub async fn begin_for_device(&self, call: &Call, browser: &Browser, code: &UserCode) -> Result<(Option<FlowId>, Cookies)> {
        self.admit("sign_in", &by_network("device-codes", call, self.settings.limits.sign_in)).await?;
        let none = || Ok((None, Cookies::default()));
        let Some(device) = self.store.public_device(&opaque::hash(code.plain()), call.now).await? else { return none() };
        let client = self.store.client_of_flow(device.client).await?.filter(|client| client.sign_in.device_flow);
        let Some(client) = client else { return none() };
        let organization = match device.org {
            Some(org) => match self.store.public_organization_named(Named::Id(org)).await? {
                None => return none(),
                found => found,
            },
            None => None,
        };
        let (hash, cookies) = self.browser_of(browser);
        let request = request_of(&device);
        let flow = new_flow(
            FlowId::new(self.ids.uuid(call.now)),
            &client,
            Asked { request, organization, connection: None },
            device.expires_at,
            call,
        );
        let flow = Flow { browser: Some(hash), ..flow };
        let begun = async |tx: &WriteTx| {
            let is_first = tx.bind_device(&device.hash, flow.id).await?;
            if is_first {
                tx.insert_flow(&flow, None).await?;
            }
            Ok(Change::silent(is_first, NoEvent::Housekeeping))
        };
        let is_first = self.anonymously(call, begun).await?;
        Ok((is_first.then_some(flow.id), cookies))
    }

    /// What somebody is asked who has signed in for a device.
    pub(super) async fn ask_about_device(&self, call: &Call, (loaded, hash): (Loaded, &str)) -> Result<Turn> {
        let device = self.store.device_of_flow(hash, loaded.flow.id, call.now).await?;
        let (Some(device), Some(session)) = (device, &loaded.session) else { return Ok(Turn::Stop(Stop::Over)) };
        let email = session.user.email.to_string();
        Ok(Turn::Approve(Box::new(Approval { email, client: loaded.client.name, device, flow: loaded.flow })))
    }

    /// Takes somebody's yes or no, from a page that had seen so many sign-ins of the flow.
    pub async fn answer_for_device(
        &self,
        call: &Call,
        browser: &Browser,
        id: FlowId,
        (approves, seen): (bool, Option<i32>),
    ) -> Result<Turn> {
        self.admit_browser("flow-steps", call).await?;
        let loaded = match self.load(call, browser, id).await? {
            Ok(loaded) => loaded,
            Err(stop) => return Ok(Turn::Stop(stop)),
        };
        let Some(hash) = loaded.flow.request.device.clone() else { return Ok(Turn::Continue(id)) };
        let is_done = matches!(self.missing(call, &loaded), Ok(Step::Done));
        if seen != Some(loaded.flow.sign_ins) || !is_done {
            return Ok(Turn::Continue(id));
        }
        let work = async |tx: &WriteTx| {
            let org = loaded.flow.organization.as_ref().map_or(PLATFORM, |org| org.id);
            if !tx.end_flow(loaded.mine()).await? {
                return Ok(Change::silent(false, NoEvent::Unchanged));
            }
            if !approves {
                let answered = tx.answer_device(&hash, id, None).await?;
                return Ok(Change::silent(answered, NoEvent::Housekeeping));
            }
            let session = self.still_signed_in(tx, call, &loaded).await?;
            if !tx.answer_device(&hash, id, Some((session.id, org))).await? {
                return Ok(Change::silent(false, NoEvent::Unchanged));
            }
            self.record_entry(tx, &loaded, &session).await?;
            let (user_id, session_id) = (session.user.id, session.id);
            let event = Event::ClientAuthorized { user_id, session_id, client_id: loaded.client.client_id.clone() };
            Ok(Change::new(true, org, event))
        };
        match self.anonymously(call, work).await {
            Ok(true) => Ok(Turn::Answered { approved: approves }),
            Ok(false) => Ok(Turn::Stop(Stop::Over)),
            Err(e) if e.code == super::finish::CHANGED => Ok(Turn::Stop(Stop::Over)),
            Err(e) => Err(e),
        }
    }
}

/// What a flow is for that answers for a device: nobody is sent anywhere, and no code comes of it.
fn request_of(device: &DeviceCode) -> AuthorizationRequest {
    AuthorizationRequest {
        to: AnswersTo::default(),
        scopes: device.request.scopes.clone(),
        audience: device.request.audience.clone(),
        organization: device.request.organization.clone(),
        device: Some(device.hash.clone()),
        ..AuthorizationRequest::default()
    }
}

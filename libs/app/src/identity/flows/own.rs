//! Flows of our own pages: begun with a token of somebody, and gone on with in the first browser that comes with the address that they were answered.

use crypto::{Purpose, opaque};
use domain::{
    Result,
    applications::authorization_requests::AuthorizationRequest,
    identity::{federation::LASTS, flows::FlowId},
};
use store::{
    Change, NoEvent, WriteTx,
    identity::flows::{Entered, Flow, Mine},
};

use super::{
    Browser, Cookies, Stop, Turn,
    begin::{Asked, new_flow},
};
use crate::{App, Call};

/// A flow that no client asked for, and that nobody has come to yet.
pub(crate) async fn own_flow(
    tx: &WriteTx,
    request: AuthorizationRequest,
    organization: Option<Entered>,
    call: &Call,
) -> Result<Flow> {
    let client = tx.own_pages().await?;
    let asked = Asked { request, organization, connection: None };
    Ok(new_flow(FlowId::new(tx.uuid()), &client, asked, tx.now() + LASTS, call))
}

impl App {
    /// A browser comes with that address: the first has it, and may come again.
    pub async fn come_to_own(&self, call: &Call, browser: &Browser, name: &str) -> Result<(Turn, Cookies)> {
        self.admit_browser("flows", call).await?;
        let stop = |stop| Ok((Turn::Stop(stop), Cookies::default()));
        let flow = match opaque::recognises(Purpose::PushedRequest, name) {
            true => self.store.public_pushed_flow(&opaque::hash(name)).await?,
            false => None,
        };
        let Some(flow) = flow.filter(|flow| flow.request.is_ours() && flow.ended_at.is_none()) else {
            return stop(Stop::Over);
        };
        if flow.expires_at <= call.now {
            return stop(Stop::Over);
        }
        let (hash, cookies) = self.browser_of(browser);
        let is_first = flow.browser.is_none() && {
            let mine = Mine { id: flow.id, browser: &hash, sign_ins: flow.sign_ins };
            let until = call.now + domain::identity::flows::LASTS;
            let claim = async |tx: &WriteTx| Ok(Change::silent(tx.claim_flow(mine, until).await?, NoEvent::Housekeeping));
            self.anonymously(call, claim).await?
        };
        if !is_first && flow.browser.as_ref() != Some(&hash) {
            return stop(Stop::OtherBrowser);
        }
        Ok((Turn::Continue(flow.id), cookies))
    }
}

//! A passkey in a sign-in: asked for by a button, on a page of its own with the one script that it takes. One that was given is both factors, so it stands
//! in for an address, a password and a code.

use domain::{Error, Result};
use serde_json::Value;
use store::{Change, NoEvent, WriteTx};

use super::{Browser, Loaded, Turn};
use crate::{
    App, Call,
    identity::{login::doors::Arrived, passkeys::wrong_passkey},
};

impl App {
    /// Asks for a passkey: the flow misses that next.
    pub(super) async fn ask_in_flow(&self, call: &Call, loaded: &Loaded) -> Result<Turn> {
        if self.relying_party().is_err() {
            return Ok(Turn::Continue(loaded.flow.id));
        }
        self.anonymously(call, async |tx: &WriteTx| {
            let challenge = self.ask_for_passkey(tx).await?;
            tx.flow_asks_passkey(loaded.mine(), Some(challenge.id)).await?;
            Ok(Change::silent((), NoEvent::Housekeeping))
        })
        .await?;
        Ok(Turn::Continue(loaded.flow.id))
    }

    /// Does without a passkey: the flow misses what it missed before.
    pub(super) async fn do_without_passkey(&self, call: &Call, loaded: &Loaded) -> Result<Turn> {
        let work =
            async |tx: &WriteTx| Ok(Change::silent(tx.flow_asks_passkey(loaded.mine(), None).await?, NoEvent::Housekeeping));
        self.anonymously(call, work).await?;
        Ok(Turn::Continue(loaded.flow.id))
    }

    pub(super) async fn try_passkey(&self, call: &Call, browser: &Browser, loaded: &Loaded, text: &str) -> Result<Arrived> {
        let Some(challenge) = loaded.flow.passkey else { return Err(Error::internal("a passkey that nobody asked for")) };
        // What no device says uses the question up as well.
        let answer: Value = serde_json::from_str(text).unwrap_or_default();
        let to = loaded.flow.organization.as_ref().map(|org| (org.id, org.slug.clone()));
        let shown = (browser.device.as_deref(), loaded.door());
        match self.passkey_sign_in_at(call, (challenge, &answer), to, shown).await {
            // It is another account's than the one to be proven.
            Err(e) if e.code == "invalid_credentials" => Err(wrong_passkey()),
            outcome => outcome,
        }
    }
}

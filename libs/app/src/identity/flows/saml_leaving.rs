//! A service signs somebody out by SAML, in the browser that brings its message. Its word ends no other session: what somebody else's organization has
//! to do with that one is not the service's business.

use crypto::opaque;
use domain::{
    Result,
    identity::{
        connections::ProviderUrl,
        saml::{Dispatch, Logout, LogoutExpectation, LogoutResponse, MessageId, SKEW},
    },
};
use store::{Change, NoEvent};

use super::{
    Browser, Cookies,
    saml::{SamlAddress, SamlService, decoded},
};
use crate::{App, Call, identity::federation::SamlLogout};

impl App {
    /// Takes a logout message that a browser brings from a service, given as the query, raw.
    pub async fn saml_log_out(
        &self,
        call: &Call,
        browser: &Browser,
        (organization, service): SamlAddress<'_>,
        query: &str,
    ) -> Result<(SamlLogout, Cookies)> {
        let refused = || Ok((SamlLogout::Refused, Cookies::default()));
        self.admit_browser("saml-requests", call).await?;
        let Some(saml) = &self.saml else { return refused() };
        let Some(of) = self.saml_service(organization, service).await? else { return refused() };
        let settings = &of.saml.settings;
        let (Some(back), Some(certificate)) = (&settings.slo_url, &settings.request_certificate) else { return refused() };
        let expected = LogoutExpectation {
            issuer: settings.entity_id.clone(),
            certificates: vec![decoded(certificate)?],
            slo: format!("{}/slo", of.at),
            skew: SKEW,
            now: call.now,
        };
        let Ok(Logout::Requested { id, seen_until, name_id, session_indexes, relay_state }) = saml.logout(query, &expected)
        else {
            return refused();
        };
        let key = (of.saml.org_id, of.saml.service_id);
        let name = self.name_at_service(&of.saml, &of.slug, &name_id);
        let indexes: Vec<String> = session_indexes.iter().map(|index| opaque::hash(index)).collect();
        let meant = async |tx: &store::WriteTx| {
            let scope = format!("saml service logout {}", of.saml.service_id);
            let meant = match tx.see_once(&scope, &opaque::hash(&id), seen_until).await? {
                true => Some(tx.told_sessions(key, (&name, &indexes)).await?),
                false => None,
            };
            Ok(Change::silent(meant, NoEvent::Housekeeping))
        };
        let Some(meant) = self.anonymously(call, meant).await? else { return refused() };
        let session = match browser.session_hash() {
            Some(hash) => self.store.browser_session(&hash, call.now, self.settings.session_longest).await?,
            None => None,
        };
        let own = session.filter(|session| meant.contains(&(session.user.id, session.id)));
        // Of a session that nobody here knows there is nothing left to end.
        let is_success = own.is_some() || meant.is_empty();
        let answer = self.logout_answer(call, &of, back.as_str(), (id, is_success, relay_state)).await?;
        match own {
            Some(session) => {
                let to = self.end_of_browser(call, &session, answer).await?;
                let gone = Cookies { session: Some(String::new()), ..Cookies::default() };
                Ok((to.map_or(SamlLogout::Done, SamlLogout::To), gone))
            }
            None => Ok((answer.map_or(SamlLogout::Done, SamlLogout::To), Cookies::default())),
        }
    }

    /// Where the browser goes with our answer.
    async fn logout_answer(
        &self,
        call: &Call,
        of: &SamlService,
        to: &str,
        (in_response_to, is_success, relay_state): (String, bool, Option<String>),
    ) -> Result<Option<String>> {
        let Some(saml) = &self.saml else { return Ok(None) };
        let key = self.saml_signing_key(call, saml.as_ref(), (of.saml.org_id, of.saml.service_id)).await?;
        let (Some(key), Ok(destination)) = (key, to.parse::<ProviderUrl>()) else { return Ok(None) };
        let response = LogoutResponse {
            id: MessageId::new(self.ids.secret()),
            issued_at: call.now,
            destination,
            entity_id: self.identity_provider(of.saml.org_id, &of.slug).entity_id,
            in_response_to,
            is_success,
            relay_state,
            key,
        };
        match saml.answer_logout(&response)? {
            Dispatch::Redirect(url) => Ok(Some(url)),
            Dispatch::Post { .. } => Ok(None),
        }
    }
}

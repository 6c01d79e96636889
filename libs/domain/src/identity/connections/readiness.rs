//! Whether people can sign in through a connection, and if not, what is missing.

use super::{
    Connection, Endpoints, Protocol,
    certificates::State,
    documents::{Configuration, Miss},
};
use crate::Time;

/// Something that an organization should know of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable, for programs.
    pub code: &'static str,
    /// For people: what to do.
    pub hint: &'static str,
    /// Whether nobody can sign in until it is mended.
    pub stops: bool,
}

const fn stop(code: &'static str, hint: &'static str) -> Finding {
    Finding { code, hint, stops: true }
}
const fn tell(code: &'static str, hint: &'static str) -> Finding {
    Finding { code, hint, stops: false }
}

const NO_CERTIFICATE: Finding =
    stop("no_certificate", "There is no certificate that verifies signatures now. Upload metadata or a certificate.");
const NO_ISSUER: Finding = stop("no_issuer", "Say who the provider is: its issuer or entity ID, or its document.");
const NO_ENDPOINT: Finding = stop("no_endpoint", "Say where people sign in and where codes are exchanged, or give the document.");
const NO_IDENTITY: Finding =
    stop("no_identity", "Nothing tells who somebody is: give `userinfo_url`, or a document that names the keys.");
const WAITS: Finding = tell(
    "endpoints_changed",
    "The provider publishes other addresses. Check them with it, then set `discovery_url` again to accept them.",
);

impl Connection {
    /// Where the provider is: what was written down, else what it published.
    pub fn effective(&self) -> Endpoints {
        let mut all = self.endpoints.clone();
        let Some(published) = &self.documents.configuration.content else { return all };
        all.issuer.get_or_insert_with(|| published.issuer().clone());
        all.authorization = all.authorization.take().or_else(|| published.authorization().cloned());
        if let Configuration::Discovery(discovery) = published {
            all.token.get_or_insert_with(|| discovery.token_endpoint.clone());
            all.userinfo = all.userinfo.take().or_else(|| discovery.userinfo_endpoint.clone());
        }
        all
    }

    /// What is missing, and what should be looked at.
    pub fn findings(&self, now: Time) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut add = |is: bool, finding: Finding| {
            if is {
                found.push(finding);
            }
        };
        let (at, documents) = (self.effective(), &self.documents);
        let is_saml = self.protocol == Protocol::Saml;
        add(is_saml && !self.certificates.iter().any(|one| one.state(now) == State::Current), NO_CERTIFICATE);
        add(self.protocol != Protocol::Oauth2 && at.issuer.is_none(), NO_ISSUER);
        add(at.authorization.is_none() || !is_saml && at.token.is_none(), NO_ENDPOINT);
        let has_keys = documents.keys.content.is_some();
        add(!is_saml && at.userinfo.is_none() && !(has_keys && self.protocol == Protocol::Oidc), NO_IDENTITY);
        add(documents.configuration.waiting.is_some(), WAITS);
        for failing in [documents.configuration.failing, documents.keys.failing].into_iter().flatten() {
            add(true, failed(failing.reason));
        }
        found
    }

    /// Whether people can sign in through it, if it is enabled.
    pub fn is_ready(&self, now: Time) -> bool {
        self.findings(now).iter().all(|finding| !finding.stops)
    }
}

/// Fails, which stops nobody by itself: what was published before goes on to count.
const fn failed(reason: Miss) -> Finding {
    tell(reason.as_str(), reason.hint())
}

#[cfg(test)]
mod tests;

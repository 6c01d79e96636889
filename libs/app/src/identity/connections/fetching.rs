//! Getting hold of what a provider publishes, before it is written down.

use domain::{
    Error, OrgId, Result, Time,
    core::{ports::RateRequest, rate::Limit},
    identity::connections::{
        Connection, Issuer, Protocol, ProviderUrl,
        certificates::{Certificate, joined},
        documents::{Configuration, Documents, Keys, Miss, Published, REFRESH},
    },
};

use crate::App;

/// Fetches for one organization that somebody asks for: twenty at once, then one each ten seconds.
const FETCHES: Limit = Limit { burst: 20, period: std::time::Duration::from_secs(10) };

/// Where a document comes from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// It was sent along.
    Upload(&'a str),
    /// It is to be fetched.
    Url(&'a ProviderUrl),
    /// There is none.
    None,
}

impl<'a> Source<'a> {
    /// An upload goes before an address: from there it is fetched later.
    pub(super) fn of(document: Option<&'a str>, url: Option<&'a ProviderUrl>) -> Self {
        match (document, url) {
            (Some(document), _) => Self::Upload(document),
            (None, Some(url)) => Self::Url(url),
            (None, None) => Self::None,
        }
    }
}

/// What was found.
pub(super) struct Fetched {
    configuration: Option<std::result::Result<Configuration, Miss>>,
    certificates: Vec<Certificate>,
    keys: Option<std::result::Result<Keys, Miss>>,
}

impl App {
    /// Reads or fetches a document, and the keys that it names. `Invalid` for an upload that is no use; `RateLimited`.
    pub(super) async fn fetch_published(&self, org: OrgId, protocol: Protocol, from: Source<'_>) -> Result<Fetched> {
        let found = match from {
            Source::None => return Ok(Fetched { configuration: None, certificates: Vec::new(), keys: None }),
            Source::Upload(text) => {
                let read = self.identity_providers.read(protocol, text).and_then(|read| read.living(self.clock.now()));
                Ok(read.map_err(|miss| Error::field("document", miss.as_str(), miss.hint()))?)
            }
            Source::Url(url) => {
                self.admit_fetch(org).await?;
                self.identity_providers.fetch(protocol, url).await.and_then(|found| found.living(self.clock.now()))
            }
        };
        Ok(match found {
            Err(miss) => Fetched { configuration: Some(Err(miss)), certificates: Vec::new(), keys: None },
            Ok(Published { configuration, certificates }) => {
                let keys = match configuration.keys() {
                    Some(url) => Some(self.identity_providers.keys(url).await),
                    None => None,
                };
                Fetched { configuration: Some(Ok(configuration)), certificates, keys }
            }
        })
    }

    pub(super) async fn admit_fetch(&self, org: OrgId) -> Result<()> {
        self.admit("connections", &[RateRequest::new(format!("connections:{org}"), FETCHES)]).await
    }
}

/// Extends [`Connection`] with what becomes of what was found.
pub(super) trait Adopt {
    /// Takes what somebody asked for in the place of what was there, and sets the next look.
    fn adopt(&mut self, found: &Fetched, now: Time);
}

impl Adopt for Connection {
    fn adopt(&mut self, found: &Fetched, now: Time) {
        if let Some(configuration) = &found.configuration {
            let configuration = fitting(configuration.clone(), self.endpoints.issuer.as_ref());
            self.certificates.retain(|certificate| certificate.by_hand);
            self.documents = Documents::default();
            if configuration.is_ok() {
                self.certificates = joined(&self.certificates, &found.certificates, now);
                if let Some(keys) = &found.keys {
                    self.documents.keys.adopt(keys.clone(), now);
                }
            }
            self.documents.configuration.adopt(configuration, now);
        }
        let has_keys = self.documents.keys.content.is_some();
        let is_watched = self.endpoints.discovery.is_some() || !self.certificates.is_empty() || has_keys;
        // Only what was looked at now puts the next look off: changing something else does not.
        let due = self.next_check_at.filter(|_| found.configuration.is_none());
        self.next_check_at = is_watched.then(|| due.unwrap_or(now + REFRESH));
    }
}

/// Who was written down goes before who answers.
fn fitting(found: std::result::Result<Configuration, Miss>, issuer: Option<&Issuer>) -> std::result::Result<Configuration, Miss> {
    let found = found?;
    if issuer.is_none_or(|issuer| issuer == found.issuer()) { Ok(found) } else { Err(Miss::IssuerMismatch) }
}

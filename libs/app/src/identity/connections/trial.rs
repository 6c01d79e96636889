//! Trying a connection out: each thing that has to be right, by itself, with a hint.

use domain::{
    ConnectionId, Event, Result, Time,
    authorization::{
        policy::{OrgScope, Read, decide, may_try},
        resource::Connections,
    },
    core::value::Slug,
    identity::connections::{Connection, Protocol, certificates::State, documents::Miss},
};
use store::Change;

use crate::{App, Caller};

/// What came of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is right.
    Passed,
    /// It is wrong: what to do.
    Failed(&'static str),
    /// There was nothing to look at.
    Skipped,
}

/// One thing that has to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// `document`, `keys`, `certificate`, `endpoints` or `client`.
    pub name: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

/// How a trial went.
pub struct Tried {
    /// Every check.
    pub checks: Vec<Check>,
}

impl Tried {
    /// Names of those that failed.
    pub fn failed(&self) -> impl Iterator<Item = &'static str> {
        self.checks.iter().filter(|check| matches!(check.outcome, Outcome::Failed(_))).map(|check| check.name)
    }
}

fn outcome<T>(found: std::result::Result<T, Miss>) -> Outcome {
    found.map_or_else(|miss| Outcome::Failed(miss.hint()), |_| Outcome::Passed)
}

impl App {
    /// Looks at everything that signing in through a connection needs, now. Changes nothing. `RateLimited`.
    pub async fn test_connection(&self, c: &Caller, slug: &Slug, id: ConnectionId) -> Result<Tried> {
        let standing = self.standing(c, slug).await?;
        may_try::<Connections>(&standing)?;
        let scope: OrgScope<'_, Connections, Read> = decide(&standing)?;
        let connection = self.store.get_connection(scope, id).await?;
        self.admit_fetch(scope.org()).await?;
        let mut checks = self.check_document(&connection).await;
        checks.push(certificate(&connection, self.clock.now()));
        checks.push(self.check_addresses(&connection).await);
        let secret = self.store.connection_secret(scope, id).await?;
        let client = match (connection.effective().token, secret) {
            (Some(token), Some(secret)) => {
                outcome(self.identity_providers.try_client(&token, &connection.client_id, &secret).await)
            }
            _ => Outcome::Skipped,
        };
        checks.push(Check { name: "client", outcome: client });
        let tried = Tried { checks };
        let event = Event::ConnectionTested {
            provider_id: id,
            connection_id: connection.slug.as_str().to_owned(),
            name: connection.name.to_string(),
            succeeded: tried.failed().next().is_none(),
            failed_checks: tried.failed().map(str::to_owned).collect(),
        };
        self.in_org::<Connections, _>(c, slug, async |_, scope| Ok(Change::new((), scope.org(), event.clone()))).await?;
        Ok(tried)
    }

    async fn check_document(&self, of: &Connection) -> Vec<Check> {
        let document = match &of.endpoints.discovery {
            Some(url) => {
                let found = self.identity_providers.fetch(of.protocol, url).await;
                let is_same = |issuer: &_| of.effective().issuer.as_ref().is_none_or(|known| known == issuer);
                let found = found.and_then(|found| found.living(self.clock.now()));
                outcome(found.and_then(
                    |found| {
                        if is_same(found.configuration.issuer()) { Ok(()) } else { Err(Miss::IssuerMismatch) }
                    },
                ))
            }
            None => Outcome::Skipped,
        };
        let keys = match of.documents.configuration.content.as_ref().and_then(|document| document.keys()) {
            Some(url) => outcome(self.identity_providers.keys(url).await),
            None => Outcome::Skipped,
        };
        vec![Check { name: "document", outcome: document }, Check { name: "keys", outcome: keys }]
    }

    /// Whether everything is known that people and codes are sent to, and may be called.
    async fn check_addresses(&self, of: &Connection) -> Check {
        let at = of.effective();
        let has_all = at.authorization.is_some() && (of.protocol == Protocol::Saml || at.token.is_some());
        let outcome = match self.check_endpoints(at.urls()).await {
            _ if !has_all => Outcome::Failed(Miss::Incomplete.hint()),
            Ok(()) => Outcome::Passed,
            Err(_) => Outcome::Failed(Miss::AddressNotAllowed.hint()),
        };
        Check { name: "endpoints", outcome }
    }
}

fn certificate(of: &Connection, now: Time) -> Check {
    let outcome = match of.protocol {
        Protocol::Saml if of.certificates.iter().any(|one| one.state(now) == State::Current) => Outcome::Passed,
        Protocol::Saml => Outcome::Failed(Miss::NoCertificate.hint()),
        Protocol::Oidc | Protocol::Oauth2 => Outcome::Skipped,
    };
    Check { name: "certificate", outcome }
}

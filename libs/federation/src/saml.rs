//! SAML 2.0 in the role of a service provider, behind [`domain::core::ports::SamlServiceProvider`]; [`idp`] is the role of an identity provider, over the same
//! pieces.
//!
//! A response is hostile until its signature holds, and then only what was signed is read. Its way:
//!
//! 1. `scan` looks at the bytes, before any parser; `guard` at the tree: what is left has one meaning.
//! 2. `verify` checks every signature twice, by code that has nothing in common, and gets the bytes that were signed; `encrypted` decrypts in
//!    between, where there is something to decrypt.
//! 3. `extract` reads those bytes; `checks` holds what they say against what was expected, and reports every check.
//!
//! samael supplies the second verification and nothing else: its own idea of a service provider reads the machine's clock, takes what has no
//! signature where there are no certificates, and lets one of several audiences do (clippy.toml bans it). The rest of SAML, requests,
//! metadata and logout, is written here over the same pieces.

mod canonical;
mod certificates;
mod checks;
mod encrypted;
mod extract;
mod guard;
mod idp;
mod judge;
mod logout;
mod metadata;
mod names;
mod pool;
mod redirect;
mod request;
mod scan;
mod signed_info;
mod verify;
mod write;

use async_trait::async_trait;
use domain::{
    Error, Result, Time,
    core::ports::{SamlIdentityProvider, SamlServiceProvider},
    identity::saml::{
        AuthnRequest, Dispatch, Expectation, Finding, Logout, LogoutExpectation, LogoutRequest, LogoutResponse, Outcome, SpKey,
        SpMetadata, Verdict,
        idp::{Carried, IdpMetadata, Reply, RequestExpectation, Requested},
    },
};

use self::pool::Pool;

/// Both roles, with their threads.
pub struct ServiceProvider {
    pool: Pool,
}

impl ServiceProvider {
    /// Starts the threads. `Err`: the operating system gives none.
    pub fn start() -> std::io::Result<Self> {
        Pool::start().map(|pool| Self { pool })
    }
}

#[async_trait]
impl SamlServiceProvider for ServiceProvider {
    async fn judge(&self, response: String, expected: Expectation) -> Result<Outcome> {
        self.pool.run(move || judge(&response, &expected)).await
    }
    async fn new_key(&self, name: String, now: Time) -> Result<SpKey> {
        let made = self.pool.run(move || crypto::xml::new_key(&name, now)).await?;
        made.map_err(|_| Error::internal("a SAML key could not be made"))
    }
    fn ask(&self, request: &AuthnRequest) -> Result<Dispatch> {
        request::ask(request)
    }
    fn metadata(&self, about: &SpMetadata) -> Result<String> {
        metadata::written(about)
    }
    fn logout(&self, query: &str, expected: &LogoutExpectation) -> std::result::Result<Logout, Finding> {
        logout(query, expected)
    }
    fn ask_logout(&self, request: &LogoutRequest) -> Result<Dispatch> {
        logout::ask(request)
    }
    fn answer_logout(&self, response: &LogoutResponse) -> Result<Dispatch> {
        logout::answer(response)
    }
}

#[async_trait]
impl SamlIdentityProvider for ServiceProvider {
    async fn read_request(
        &self,
        carried: Carried,
        expected: RequestExpectation,
    ) -> Result<std::result::Result<Requested, Finding>> {
        self.pool.run(move || read_request(&carried, &expected)).await
    }
    async fn reply(&self, reply: Reply) -> Result<String> {
        self.pool.run(move || self::reply(&reply)).await?
    }
    fn idp_metadata(&self, about: &IdpMetadata) -> Result<String> {
        Ok(idp::metadata::written(about))
    }
    fn can_encrypt_for(&self, certificate: &[u8]) -> bool {
        idp::response::encryption_key(certificate).is_ok()
    }
}

/// [`SamlIdentityProvider::read_request`] in the caller's thread.
pub fn read_request(carried: &Carried, expected: &RequestExpectation) -> std::result::Result<Requested, Finding> {
    idp::request::read(carried, expected).map_err(|refusal| judge::finding(refusal.check, Verdict::Failed, Some(&refusal.rule)))
}

/// [`SamlIdentityProvider::reply`] in the caller's thread.
pub fn reply(reply: &Reply) -> Result<String> {
    idp::response::written(reply)
}

/// [`SamlServiceProvider::judge`] in the caller's thread.
pub fn judge(response: &str, expected: &Expectation) -> Outcome {
    judge::judge(response, expected)
}

/// [`SamlServiceProvider::logout`], which needs no threads.
pub fn logout(query: &str, expected: &LogoutExpectation) -> std::result::Result<Logout, Finding> {
    logout::read(query, expected).map_err(|refusal| judge::finding(refusal.check, Verdict::Failed, Some(&refusal.rule)))
}

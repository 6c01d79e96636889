//! From a credential to a caller: the only place that knows what an `Authorization` header may hold.

use domain::{Error, Result, Time, identity::sessions::Credential};

use crate::App;

impl App {
    /// Who an `Authorization` header says. Only `Bearer` access tokens open this face; whether the session lives is asked at use.
    pub async fn authenticate(&self, authorization: Option<&str>, now: Time) -> Result<Credential> {
        let missing = || Error::unauthenticated("missing_token", "Send `Authorization: Bearer <access token>`.");
        let value = authorization.ok_or_else(missing)?;
        let (scheme, token) = value.split_once(' ').ok_or_else(missing)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(missing());
        }
        let claims = self.verify_access(token.trim(), now).await?;
        Ok(Credential::from(claims.as_ref()))
    }
}

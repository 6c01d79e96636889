//! An organization's own OAuth clients at social providers. Their secrets go in and do not come out.

use domain::{
    Error, Event, Result,
    authorization::{policy::decide, resource::OAuthCredentials as Resource},
    core::{secret::ProviderSecret, value::Slug},
    tenancy::{
        features::SocialProvider,
        oauth_credentials::{OAuthClientId, OAuthCredentials},
    },
};
use store::Change;

use crate::{App, Caller};

/// What an organization sets.
pub struct NewOAuthCredentials {
    /// At which provider.
    pub provider: SocialProvider,
    /// The client's id there.
    pub client_id: OAuthClientId,
    /// Its secret there.
    pub client_secret: ProviderSecret,
}

impl App {
    /// The organization's client at a provider, without its secret. `NotFound`: there is none.
    pub async fn get_oauth_credentials(&self, c: &Caller, slug: &Slug, provider: SocialProvider) -> Result<OAuthCredentials> {
        let standing = self.standing(c, slug).await?;
        self.store.oauth_credentials(decide(&standing)?, provider).await?.ok_or_else(none)
    }

    /// Lets people sign in at a provider through the organization's own client.
    pub async fn set_oauth_credentials(&self, c: &Caller, slug: &Slug, new: &NewOAuthCredentials) -> Result<OAuthCredentials> {
        self.in_org::<Resource, _>(c, slug, async |tx, scope| {
            let credentials = tx.put_oauth_credentials(scope, new.provider, &new.client_id, &new.client_secret).await?;
            let event = Event::OAuthCredentialsUpdated {
                oauth_credentials_id: credentials.id,
                provider: credentials.provider.as_str(),
                client_id: credentials.client_id.as_str().to_owned(),
            };
            Ok(Change::new(credentials, scope.org(), event))
        })
        .await
    }

    /// Lets people sign in there through the platform's client again.
    pub async fn delete_oauth_credentials(&self, c: &Caller, slug: &Slug, provider: SocialProvider) -> Result<()> {
        self.in_org::<Resource, _>(c, slug, async |tx, scope| {
            let known = tx.lock_oauth_credentials(scope, provider).await?.ok_or_else(none)?;
            tx.delete_oauth_credentials(scope, &known).await?;
            let event = Event::OAuthCredentialsDeleted {
                oauth_credentials_id: known.id,
                provider: provider.as_str(),
                client_id: known.client_id.as_str().to_owned(),
            };
            Ok(Change::new((), scope.org(), event))
        })
        .await
    }
}

fn none() -> Error {
    Error::not_found("client of the organization at this provider")
}

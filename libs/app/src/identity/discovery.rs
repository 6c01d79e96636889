//! What is told to a client that draws a sign-in page of its own, before anybody has signed in: no more than our own page tells whoever opens it. How an
//! organization's policy wants people to sign in is not among it, nor whether an address has an account (T40).

use domain::{
    Result,
    core::value::{Email, ServiceSlug, Slug},
    tenancy::branding::Branding,
};
use store::{
    applications::browser_clients::{BrowserClient, ServiceNamed},
    identity::{
        federation::Way,
        flows::{Entered, Named},
    },
};

use crate::App;

/// Where people with addresses of a domain sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovered {
    /// Whether one organization, and no other, proved the domain to be its own and lets that be known.
    pub is_known: bool,
    /// The provider to which its people are led.
    pub way: Option<Way>,
}

/// What a sign-in page shows.
#[derive(Clone, Debug, Default)]
pub struct SignInContext {
    /// The active organization that was named.
    pub organization: Option<(Entered, Branding)>,
    /// Its service that was named.
    pub service: Option<NamedService>,
    /// The organization's identity providers.
    pub ways: Vec<Way>,
}

/// A service, as a sign-in page names it.
#[derive(Clone, Debug)]
pub struct NamedService {
    /// What it is.
    pub named: ServiceNamed,
    /// Its name for people.
    pub name: String,
    /// Whether a sign-in may come back to where it was said to.
    pub comes_back: bool,
}

impl App {
    /// Where somebody with this address signs in. It says something about verified domains that are announced, and the same about every other address.
    pub async fn discover(&self, email: &Email) -> Result<Discovered> {
        match self.store.public_organizations_of_domain(email.domain()).await?.as_slice() {
            [one] => Ok(Discovered { is_known: true, way: self.store.public_route(one.id, email.domain()).await? }),
            _ => Ok(Discovered::default()),
        }
    }

    /// What the sign-in page of an organization, and of a service of it, shows. What is not there, or not active, is told alike: not at all.
    pub async fn sign_in_context(
        &self,
        (org, service): (Option<&Slug>, Option<&ServiceSlug>),
        redirect_uri: Option<&str>,
    ) -> Result<SignInContext> {
        let Some(org) = org else { return Ok(SignInContext::default()) };
        let Some(entered) = self.store.public_organization_named(Named::Slug(org)).await? else {
            return Ok(SignInContext::default());
        };
        let client = match service {
            Some(service) => self.store.public_client_of_service(entered.id, service).await?,
            None => None,
        };
        let ways = self.store.public_ways(entered.id).await?;
        let branding = self.store.public_branding(org).await?;
        let service = client.and_then(|client| named(client, redirect_uri));
        Ok(SignInContext { organization: Some((entered, branding)), service, ways })
    }
}

fn named(client: BrowserClient, redirect_uri: Option<&str>) -> Option<NamedService> {
    let comes_back = redirect_uri.is_some_and(|uri| client.sign_in.comes_back_to(uri));
    client.service.map(|named| NamedService { named, name: client.name, comes_back })
}

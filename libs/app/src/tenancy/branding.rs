//! How an organization looks. A logo is fetched once, when it is set, and served by us from then on: pages call nobody else, and what is
//! shown does not change behind anybody's back.

use std::time::Duration;

use domain::{
    Error, Event, Patch, Result,
    authorization::{
        policy::{decide, may_try},
        resource::Branding as Resource,
    },
    core::{ports::RateRequest, rate::Limit, value::Slug},
    delivery::webhooks::EndpointUrl,
    tenancy::{
        branding::{Branding, Color, Logo},
        features::Feature,
        organizations::OrganizationView,
    },
};
use store::{Change, NoEvent};

use crate::{App, Caller};

/// Fetches of logos for one organization: ten at once, then one a minute.
const FETCHES: Limit = Limit { burst: 10, period: Duration::from_secs(60) };

impl App {
    /// How the organization looks.
    pub async fn get_branding(&self, c: &Caller, slug: &Slug) -> Result<Branding> {
        let standing = self.standing(c, slug).await?;
        self.store.branding(decide(&standing)?).await
    }

    /// The same for everybody.
    pub async fn public_branding(&self, slug: &Slug) -> Result<Branding> {
        self.store.public_branding(slug).await
    }

    /// Its logo with its version, for everybody.
    pub async fn public_logo(&self, slug: &Slug) -> Result<(Logo, String)> {
        self.store.public_logo(slug).await
    }

    /// Changes it, all of it or nothing. `Forbidden` (`feature_not_in_tier`); `Invalid` for a logo that cannot be fetched or is none.
    pub async fn update_branding(
        &self,
        c: &Caller,
        slug: &Slug,
        logo_url: &Patch<EndpointUrl>,
        color: &Patch<Color>,
    ) -> Result<Branding> {
        let logo = match logo_url {
            Patch::Keep => Patch::Keep,
            Patch::Clear => Patch::Clear,
            Patch::Set(url) => Patch::Set((url.as_str().to_owned(), self.fetch_logo(c, slug, url).await?)),
        };
        self.in_org::<Resource, _>(c, slug, async |tx, scope| {
            allowed(scope.view())?;
            if matches!((&logo, color), (Patch::Keep, Patch::Keep)) {
                return Ok(Change::silent(tx.branding(scope).await?, NoEvent::Unchanged));
            }
            let branding = tx.set_branding(scope, &logo, color).await?;
            let event = Event::BrandingUpdated {
                organization_id: scope.org(),
                logo_url: branding.logo_url.clone(),
                primary_color: branding.primary_color.as_ref().map(|color| color.as_str().to_owned()),
            };
            Ok(Change::new(branding, scope.org(), event))
        })
        .await
    }

    /// Takes as long as somebody else's server does: no transaction waits for it, nor is it done for somebody who may not.
    async fn fetch_logo(&self, c: &Caller, slug: &Slug, url: &EndpointUrl) -> Result<Logo> {
        let standing = self.standing(c, slug).await?;
        may_try::<Resource>(&standing)?;
        let view = &standing.facts().view;
        allowed(view)?;
        let by = RateRequest::new(format!("logo:{}", view.organization.id), FETCHES);
        self.admit("logos", &[by]).await?;
        let refused = |violation| Error::invalid(vec![violation]);
        self.guard.check("logo_url", url.url()).await.map_err(refused)?;
        let bytes = self.pictures.fetch("logo_url", url.url()).await.map_err(refused)?;
        Logo::recognised(bytes).map_err(|bad| Error::field("logo_url", bad.code, bad.message))
    }
}

fn allowed(view: &OrganizationView) -> Result<()> {
    if view.has_feature(Feature::Branding) {
        return Ok(());
    }
    Err(Error::forbidden("feature_not_in_tier", "Branding is not part of this organization's tier."))
}

//! What is sold to users of an organization's service.

use domain::{
    Error, OrgId, PlanId, Result, ServiceId,
    authorization::policy::UserScope,
    core::value::{Email, ServiceSlug, Slug},
};
use sea_orm::DbErr;

use crate::{
    Store,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

/// What a user of a service may buy, and where their browser may come back to.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The organization.
    pub org: OrgId,
    /// The service.
    pub service: ServiceId,
    /// The user's address.
    pub email: Email,
    /// The plan's price at Stripe.
    pub stripe_price_id: Option<String>,
    /// Its product at Polar.
    pub polar_product_id: Option<String>,
    /// Where the service's browsers come back to.
    pub redirect_uris: Vec<String>,
    /// The organization's own host, if it has proven one.
    pub host: Option<String>,
    /// Whether they pay for this service already: who paid once more would pay twice.
    pub pays: bool,
}

/// To users of the service alone, in organizations that are active.
const OFFER: Sql = sql!(
    "select o.id, s.id, u.email, p.stripe_price_id, p.polar_product_id, c.redirect_uris,
      (select d.domain from domains d where d.org_id = o.id and d.kind = 'host' and d.verified_at is not null),
      exists (
        select 1
        from subscriptions b
        where b.org_id = o.id and b.service_id = s.id and b.user_id = u.id and b.provider is not null
          and b.status in ('active', 'trialing', 'past_due', 'unpaid', 'paused')
      )
    from organizations o
    join services s on s.org_id = o.id and s.slug = $2
    join clients c on c.org_id = o.id and c.id = s.id
    join service_users x on x.org_id = o.id and x.service_id = s.id and x.user_id = $3
    join users u on u.id = x.user_id and u.deleted_at is null
    join plans p on p.org_id = o.id and p.service_id = s.id and p.id = $4
    where o.slug = $1 and o.status = 'active' and o.deleted_at is null"
);

impl Store {
    /// A plan of a service that somebody uses. `NotFound` for everybody else, and everything that there is not.
    pub async fn own_offer(&self, who: UserScope<'_>, org: &Slug, service: &ServiceSlug, plan: PlanId) -> Result<Offer> {
        let values = vec![org.as_str().into(), service.as_str().into(), who.person().id.uuid().into(), plan.uuid().into()];
        let row = sql::one(&self.db, OFFER, values).await?.ok_or_else(|| Error::not_found("plan of a service that you use"))?;
        let read = || -> Result<Offer, DbErr> {
            let mut columns = Columns::of(&row);
            Ok(Offer {
                org: OrgId::new(columns.next()?),
                service: ServiceId::new(columns.next()?),
                email: Email::stored(columns.next()?),
                stripe_price_id: columns.next()?,
                polar_product_id: columns.next()?,
                redirect_uris: columns.next::<String>()?.split_whitespace().map(str::to_owned).collect(),
                host: columns.next()?,
                pays: columns.next()?,
            })
        };
        read().map_err(from_db)
    }
}

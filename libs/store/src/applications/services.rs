//! Services: an organization's applications, each over an OAuth client of the same id. What changes them is in [`changes`].

mod changes;
mod resource_servers;

use domain::{
    Error, OrgId, Result, ServiceId,
    applications::{
        services::{ListedService, ProviderScopes, Service, ServiceSettings, ServiceType},
        uris::{PageUri, RedirectUri},
    },
    authorization::{
        in_service::InService,
        policy::{OrgScope, Read, sees_all_services},
        resource::{OneService, Services},
    },
    core::value::{Name, ServiceSlug},
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};

pub(crate) use self::resource_servers::{RESOURCE_SERVERS, RESOURCE_SERVERS_IDENTIFIER};
use crate::{
    Store,
    core::{
        error::{Constraint, from_db},
        sql::{self, Columns, Sql, sql},
        table::{Table, WhenOld, WithOrganization},
    },
};

const SERVICES_SLUG: Constraint = Constraint { name: "services_slug", columns: "services.org_id, services.slug" };

pub(crate) const SERVICES: Table = Table {
    name: "services",
    unique: &[&SERVICES_SLUG],
    sealed: &[],
    when_old: WhenOld::Stays("until the organization deletes it"),
    with_organization: WithOrganization::GoesWith("clients"),
};

/// The columns of a [`Service`], of `services s` and `clients c`, in the order of [`read_service`].
const SERVICE: &str = "s.id, s.org_id, s.slug, c.client_id, c.name, s.service_type, s.github_scopes, s.microsoft_scopes,
    s.google_scopes, c.redirect_uris, s.device_activation_uri, c.initiate_login_uri, s.sign_up, s.implicit_grant, s.old_secret_until, s.created_at, s.updated_at,
    (select string_agg(r.identifier, ' ') from resource_servers r where r.org_id = s.org_id and r.service_id = s.id)";
/// What they are selected from.
const SOURCE: &str = "services s
    join clients c on c.org_id = s.org_id and c.id = s.id";

/// Reads what [`SERVICE`] selects.
fn read_service(columns: &mut Columns<'_>) -> Result<Service, DbErr> {
    let (id, org_id) = (ServiceId::new(columns.next()?), OrgId::new(columns.next()?));
    let (slug, client_id) = (ServiceSlug::stored(columns.next()?), columns.next()?);
    let settings = read_settings(columns)?;
    let (old_secret_until, created_at, updated_at) = (columns.next()?, columns.next()?, columns.next()?);
    let resource_uris = resource_servers::parse(columns.next()?);
    let settings = ServiceSettings { resource_uris, ..settings };
    Ok(Service { id, org_id, slug, client_id, settings, old_secret_until, created_at, updated_at })
}

fn read_settings(columns: &mut Columns<'_>) -> Result<ServiceSettings, DbErr> {
    let bad = |e: domain::BadValue| DbErr::Type(e.to_string());
    Ok(ServiceSettings {
        name: Name::stored(columns.next()?),
        service_type: columns.next::<String>()?.parse::<ServiceType>().map_err(bad)?,
        github_scopes: scopes(columns)?,
        microsoft_scopes: scopes(columns)?,
        google_scopes: scopes(columns)?,
        redirect_uris: columns.next::<String>()?.split_whitespace().map(|uri| RedirectUri::stored(uri.to_owned())).collect(),
        device_activation_uri: columns.next::<Option<String>>()?.map(PageUri::stored),
        initiate_login_uri: columns.next::<Option<String>>()?.map(PageUri::stored),
        sign_up: columns.next()?,
        implicit_grant: columns.next()?,
        resource_uris: Vec::new(),
    })
}

fn scopes(columns: &mut Columns<'_>) -> Result<ProviderScopes, DbErr> {
    ProviderScopes::parse(columns.next::<String>()?.split_whitespace()).map_err(|e| DbErr::Type(e.to_string()))
}

fn read_listed(row: &QueryResult) -> Result<ListedService, DbErr> {
    let mut columns = Columns::of(row);
    Ok(ListedService { service: read_service(&mut columns)?, plans: columns.next()?, subscriptions: columns.next()? })
}

const LIST: Sql = sql!(
    "select {service}, s.plans, s.subscriptions
    from {source}
    where s.org_id = $1 and ($2 = '' or s.service_type = $2)
    order by s.created_at, s.id
    limit $3 offset $4",
    service = SERVICE,
    source = SOURCE
);
/// Those that were given to `$5` directly.
const LIST_GRANTED: Sql = sql!(
    "select {service}, s.plans, s.subscriptions
    from {source}
    join service_grants g on g.org_id = s.org_id and g.service_id = s.id and g.user_id = $5
    where s.org_id = $1 and ($2 = '' or s.service_type = $2)
    order by s.created_at, s.id
    limit $3 offset $4",
    service = SERVICE,
    source = SOURCE
);
const GET: Sql = sql!(
    "select {service}, s.plans, s.subscriptions
    from {source}
    where s.org_id = $1 and s.id = $2",
    service = SERVICE,
    source = SOURCE
);

pub(super) async fn get(db: &impl ConnectionTrait, text: Sql, org: OrgId, id: ServiceId) -> Result<ListedService> {
    let row = sql::one(db, text, vec![org.uuid().into(), id.uuid().into()]).await?;
    read_listed(&row.ok_or_else(|| Error::not_found("service"))?).map_err(from_db)
}

impl Store {
    /// Services by age, perhaps of one type: so many, after so many; of whoever does not see all, those that were given to them directly.
    pub async fn list_services(
        &self,
        scope: OrgScope<'_, Services, Read>,
        service_type: Option<ServiceType>,
        (limit, offset): (u64, u64),
    ) -> Result<Vec<ListedService>> {
        let mut values = vec![
            scope.org().uuid().into(),
            service_type.map_or("", ServiceType::as_str).into(),
            limit.cast_signed().into(),
            offset.cast_signed().into(),
        ];
        let text = if sees_all_services(scope) {
            LIST
        } else {
            values.push(scope.require_person()?.id.uuid().into());
            LIST_GRANTED
        };
        sql::read_all(&sql::all(&self.db, text, values).await?, read_listed)
    }

    /// A service.
    pub async fn get_service(&self, scope: InService<'_, OneService, Read>) -> Result<ListedService> {
        get(&self.db, GET, scope.org(), scope.service()).await
    }
}

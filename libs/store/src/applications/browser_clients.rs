//! Clients at which people sign in: the platform's, and those of organizations' services.

use domain::{
    OrgId, PLATFORM, Result, ServiceId,
    applications::{
        client_grants::TokenClient,
        clients::{ApplicationType, OrganizationUsage, SignInSettings},
        resource_servers::TokenAlg,
        services::ServiceType,
        token_claims::TokenClaims,
        uris::{PageUri, RedirectUri},
    },
    core::value::{ServiceSlug, Slug},
    tenancy::organizations::OrgStatus,
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::token_clients::could_be_a_client;
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

/// A client at which people sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserClient {
    /// Its row.
    pub id: Uuid,
    /// Its name in OAuth.
    pub client_id: String,
    /// For people.
    pub name: String,
    /// Whose it is.
    pub of: TokenClient,
    /// How people sign in there.
    pub sign_in: SignInSettings,
    /// What it is to its organization, if it is one's.
    pub service: Option<ServiceNamed>,
}

/// A service, as people and requests name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceNamed {
    /// Its name in URLs.
    pub slug: ServiceSlug,
    /// What runs it.
    pub service_type: ServiceType,
    /// Whether it takes tokens in the fragment of its address.
    pub implicit_grant: bool,
}

/// The client of our own page of people's accounts.
pub const ACCOUNT: Uuid = Uuid::from_u128(0x0193_7a00_0000_7000_8000_6163_636f_756e);

impl BrowserClient {
    /// The client of our own page of people's accounts, at this address.
    pub fn of_account(public_url: &str) -> Self {
        let redirect_uris = vec![RedirectUri::stored(format!("{public_url}/account"))];
        let sign_in = SignInSettings { redirect_uris, ..SignInSettings::default() };
        let (client_id, name) = ("tenantry-account".to_owned(), "Your account".to_owned());
        Self { id: ACCOUNT, client_id, name, of: TokenClient::Platform, sign_in, service: None }
    }
    /// Whose it is; [`PLATFORM`]: the platform's.
    pub fn org(&self) -> OrgId {
        self.of.org()
    }
    /// The service that it is the client of; `None`: the platform's client.
    pub fn service_id(&self) -> Option<ServiceId> {
        self.service.as_ref().map(|_| ServiceId::new(self.id))
    }
}

fn wrong(e: domain::BadValue) -> DbErr {
    DbErr::Type(e.to_string())
}

fn uris(text: &str) -> Vec<RedirectUri> {
    text.split(' ').filter(|uri| !uri.is_empty()).map(|uri| RedirectUri::stored(uri.to_owned())).collect()
}

/// As they are stored.
pub(super) fn joined(uris: &[RedirectUri]) -> String {
    uris.iter().map(RedirectUri::as_str).collect::<Vec<_>>().join(" ")
}

/// Reads kind, redirect URIs, those after a sign-out, usage of organizations, the ID tokens' algorithm, whether devices sign in, where the client is told of
/// ends, and what its ID tokens tell.
pub(super) fn next_sign_in(columns: &mut Columns<'_>) -> Result<SignInSettings, DbErr> {
    let kind: Option<String> = columns.next()?;
    let (back, leaves): (String, Option<String>) = (columns.next()?, columns.next()?);
    let (usage, alg): (Option<String>, Option<String>) = (columns.next()?, columns.next()?);
    let device_flow = columns.next::<Option<bool>>()?.unwrap_or_default();
    Ok(SignInSettings {
        application_type: kind.map_or(Ok(ApplicationType::default()), |name| name.parse().map_err(wrong))?,
        redirect_uris: uris(&back),
        post_logout_redirect_uris: uris(&leaves.unwrap_or_default()),
        organization_usage: usage.map_or(Ok(OrganizationUsage::default()), |name| name.parse().map_err(wrong))?,
        id_token_alg: alg.map_or(Ok(TokenAlg::default()), |name| name.parse().map_err(wrong))?,
        device_flow,
        backchannel_logout_uri: columns.next::<Option<String>>()?.map(PageUri::stored),
        initiate_login_uri: columns.next::<Option<String>>()?.map(PageUri::stored),
        claims: TokenClaims::stored(columns.next::<Option<String>>()?.as_deref()),
    })
}

/// A client of an organization that is not there, or not active, is none.
const CLIENT: &str =
    "select c.id, c.client_id, c.name, c.org_id, o.slug, o.status, s.slug, s.service_type, s.device_activation_uri, s.implicit_grant, c.application_type, c.redirect_uris,
      c.post_logout_redirect_uris, c.organization_usage, c.id_token_alg, c.device_flow,
      c.backchannel_logout_uri, c.initiate_login_uri, c.token_claims
    from clients c
    left join organizations o on o.id = c.org_id and o.deleted_at is null
    left join services s on s.org_id = c.org_id and s.id = c.id";
const BY_NAME: Sql = sql!("{client} where c.client_id = $1", client = CLIENT);
const BY_ID: Sql = sql!("{client} where c.org_id = $1 and c.id = $2", client = CLIENT);
const BY_SERVICE: Sql = sql!("{client} where c.org_id = $1 and s.slug = $2", client = CLIENT);

fn client(row: &QueryResult) -> Result<Option<BrowserClient>, DbErr> {
    let mut columns = Columns::of(row);
    let (id, client_id, name, org) = (columns.next()?, columns.next()?, columns.next()?, OrgId::new(columns.next()?));
    let (slug, status): (Option<String>, Option<String>) = (columns.next()?, columns.next()?);
    let (named, kind, activation): (Option<String>, Option<String>, Option<String>) =
        (columns.next()?, columns.next()?, columns.next()?);
    let implicit_grant = columns.next::<Option<bool>>()?.unwrap_or_default();
    let kind = kind.map(|kind| kind.parse::<ServiceType>().map_err(wrong)).transpose()?;
    let mut sign_in = next_sign_in(&mut columns)?;
    let of = match slug {
        _ if org == PLATFORM => TokenClient::Platform,
        Some(slug) if status.as_deref() == Some(OrgStatus::Active.as_str()) => TokenClient::Of(org, Slug::stored(slug)),
        _ => return Ok(None),
    };
    if org != PLATFORM {
        // People sign in to the organization whose service it is.
        sign_in.organization_usage = OrganizationUsage::Require;
        sign_in.device_flow = activation.is_some();
        let native = kind.is_some_and(ServiceType::is_native);
        sign_in.application_type = if native { ApplicationType::Native } else { ApplicationType::Web };
    }
    let service = named.zip(kind).map(|(slug, service_type)| ServiceNamed {
        slug: ServiceSlug::stored(slug),
        service_type,
        implicit_grant,
    });
    Ok(Some(BrowserClient { id, client_id, name, of, sign_in, service }))
}

async fn one(db: &impl ConnectionTrait, sql: Sql, values: Vec<Value>) -> Result<Option<BrowserClient>> {
    let row = sql::one(db, sql, values).await?;
    row.map(|row| client(&row)).transpose().map(Option::flatten).map_err(from_db)
}

impl Store {
    /// The client of this name, which may be anything that a stranger sent.
    pub async fn public_browser_client(&self, client_id: &str) -> Result<Option<BrowserClient>> {
        if !could_be_a_client(client_id) {
            return Ok(None);
        }
        one(&self.db, BY_NAME, vec![client_id.into()]).await
    }

    /// The client of an active organization's service.
    pub async fn public_client_of_service(&self, org: OrgId, service: &ServiceSlug) -> Result<Option<BrowserClient>> {
        one(&self.db, BY_SERVICE, vec![org.uuid().into(), service.as_str().into()]).await
    }

    /// The client of a flow.
    pub async fn client_of_flow(&self, (org, id): (OrgId, Uuid)) -> Result<Option<BrowserClient>> {
        one(&self.db, BY_ID, vec![org.uuid().into(), id.into()]).await
    }
}

/// Our own pages, in whose flows people do something with their account that no client asks for. It has the platform's id; nobody can name it, for its
/// name has a blank, and it has no address to come back to.
const OWN_PAGES: Sql = sql!(
    "insert into clients (org_id, id, client_id, name, redirect_uris, organization_usage, auth_method, created_at, updated_at)
    values ($1, $1, 'our pages', 'our pages', '', 'deny', 'none', $2, $2)
    on conflict (org_id, id) do nothing"
);
const PUT_ACCOUNT: Sql = sql!(
    "insert into clients
      (org_id, id, client_id, name, auth_method, application_type, redirect_uris, organization_usage, id_token_alg, device_flow,
       created_at, updated_at)
    values ($1, $2, $3, $4, 'none', $5, $6, $7, $8, $9, $10, $10)
    on conflict (org_id, id) do nothing"
);

impl WriteTx {
    /// The client of our own pages.
    pub async fn own_pages(&self) -> Result<BrowserClient> {
        let row = || one(&self.tx, BY_ID, vec![PLATFORM.uuid().into(), PLATFORM.uuid().into()]);
        if let Some(client) = row().await? {
            return Ok(client);
        }
        sql::execute(&self.tx, OWN_PAGES, vec![PLATFORM.uuid().into(), self.now().into()]).await?;
        row().await?.ok_or_else(|| domain::Error::internal("our own pages have no client"))
    }

    /// Makes our own client, if it is not there.
    pub async fn put_account_client(&self, client: &BrowserClient) -> Result<()> {
        let settings = &client.sign_in;
        let values = vec![
            PLATFORM.uuid().into(),
            client.id.into(),
            client.client_id.as_str().into(),
            client.name.as_str().into(),
            settings.application_type.as_str().into(),
            joined(&settings.redirect_uris).into(),
            settings.organization_usage.as_str().into(),
            settings.id_token_alg.as_str().into(),
            false.into(),
            self.now().into(),
        ];
        sql::execute(&self.tx, PUT_ACCOUNT, values).await.map(|_| ())
    }

    /// The client of a flow.
    pub async fn client_of_flow(&self, (org, id): (OrgId, Uuid)) -> Result<Option<BrowserClient>> {
        one(&self.tx, BY_ID, vec![org.uuid().into(), id.into()]).await
    }
}

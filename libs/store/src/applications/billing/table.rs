//! The tables of payments, and their sealed columns. Only written as SQL.

use domain::OrgId;
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use crate::core::{
    error::Constraint,
    sql::sql,
    table::{Age, SealedColumn, SealedRow, Table, WhenOld, WithOrganization, own_rows},
};

/// Never violated: who sets them anew changes the row that there is.
const BILLING_CREDENTIALS_PROVIDER: Constraint =
    Constraint { name: "billing_credentials_provider", columns: "billing_credentials.org_id, billing_credentials.provider" };

/// A sealed column of `billing_credentials`, bound to the provider's name: who sets it first does not know whose row it will be.
macro_rules! sealed {
    ($column:literal) => {{
        const COLUMN: &str = $column;
        SealedColumn {
            table: "billing_credentials",
            column: $column,
            find: sql!("select org_id, id, provider, {c} as sealed from billing_credentials", c = COLUMN),
            replace: sql!("update billing_credentials set {c} = $1 where {c} = $2 and org_id = $3 and id = $4", c = COLUMN),
            row,
        }
    }};
}

/// The key at the provider.
pub(super) const API_KEY: SealedColumn = sealed!("api_key");
/// What the provider signs its calls with.
pub(super) const WEBHOOK_SECRET: SealedColumn = sealed!("webhook_secret");

fn row(row: &QueryResult) -> Result<SealedRow, DbErr> {
    let (org, id): (Uuid, Uuid) = (row.try_get("", "org_id")?, row.try_get("", "id")?);
    Ok(SealedRow { org: OrgId::new(org), name: row.try_get("", "provider")?, key: vec![org.into(), id.into()] })
}

pub(crate) const BILLING_CREDENTIALS: Table = Table {
    name: "billing_credentials",
    unique: &[&BILLING_CREDENTIALS_PROVIDER],
    sealed: &[&API_KEY, &WEBHOOK_SECRET],
    when_old: WhenOld::Stays("one row for each organization and provider"),
    with_organization: WithOrganization::Deleted(own_rows!("billing_credentials")),
};

pub(crate) const BILLING_EVENTS: Table = Table {
    name: "billing_events",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::ByItsOwnRule("WriteTx::end_billing_call"),
    with_organization: WithOrganization::GoesWith("billing_credentials"),
};

/// Somebody else's customer is nobody's twice: what a provider says of it is about one organization.
pub(super) const BILLING_ACCOUNTS_CUSTOMER: Constraint =
    Constraint { name: "billing_accounts_customer", columns: "billing_accounts.provider, billing_accounts.customer_id" };

pub(crate) const BILLING_ACCOUNTS: Table = Table {
    name: "billing_accounts",
    unique: &[&BILLING_ACCOUNTS_CUSTOMER],
    sealed: &[],
    when_old: WhenOld::Stays("one row for each organization and provider"),
    with_organization: WithOrganization::GoesWith("organizations"),
};

/// For longer than a provider repeats a call; one that comes again later is outdated.
pub(crate) const PLATFORM_BILLING_EVENTS: Table = Table {
    name: "platform_billing_events",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::Deliveries,
        sql!(
            "delete from platform_billing_events
            where (provider, event_id) in
              (select provider, event_id from platform_billing_events where received_at < $1 order by received_at limit $2)"
        ),
    ),
    with_organization: WithOrganization::NotOfOne,
};

//! Every table of the schema, in the order in which a deleted organization is purged: what refers to others before what it refers to. A
//! new table is added here and declared beside its noun; the tests below name whatever is missing or contradicts the schema.

use crypto::sealed::Place;
use domain::OrgId;

use crate::{
    applications,
    core::{
        self,
        table::{SealedColumn, Table},
    },
    delivery, events, identity, tenancy,
};

pub(crate) const ALL: &[&Table] = &[
    &delivery::deliveries::table::attempts::TABLE,
    &delivery::deliveries::table::deliveries::TABLE,
    &delivery::deliveries::table::destinations::TABLE,
    &delivery::webhooks::table::webhooks::TABLE,
    &delivery::log_streams::table::STREAM_TURNS,
    &delivery::log_streams::table::LOG_STREAMS,
    &delivery::mails::table::mails::TABLE,
    &delivery::mail_templates::MAIL_TEMPLATES,
    &delivery::mail_templates::MAIL_LANGUAGES,
    &applications::api_keys::API_KEY_SECRETS,
    &applications::api_keys::API_KEYS,
    &applications::billing::table::BILLING_ACCOUNTS,
    &applications::billing::table::BILLING_EVENTS,
    &applications::billing::table::PLATFORM_BILLING_EVENTS,
    &applications::billing::table::BILLING_CREDENTIALS,
    &applications::subscriptions::SUBSCRIPTIONS,
    &applications::consents::CONSENTS,
    &applications::service_users::SERVICE_USERS,
    &applications::end_users::END_USERS,
    &applications::service_keys::SERVICE_KEYS,
    &applications::service_access::SERVICE_GRANTS,
    &identity::mail_codes::MAIL_CODES,
    &identity::flows::table::FLOWS,
    &applications::codes::CODES,
    &applications::device_codes::DEVICE_CODES,
    &applications::org_client_grants::ORG_CLIENT_GRANTS,
    &applications::client_grants::CLIENT_GRANTS,
    &identity::logouts::LOGOUTS,
    &applications::token_clients::SEEN,
    &applications::service_saml::SERVICE_SAML_SESSIONS,
    &applications::service_saml::SERVICE_SAML_NAMES,
    &applications::service_saml::SERVICE_SAML_KEYS,
    &applications::service_saml::SERVICE_SAML,
    &applications::services::RESOURCE_SERVERS,
    &applications::plans::PLANS,
    &applications::services::SERVICES,
    &applications::clients::CLIENT_SECRETS,
    &applications::clients::CLIENTS,
    &tenancy::invitations::table::invitations::TABLE,
    &tenancy::member_roles::MEMBER_ROLES,
    &tenancy::roles::table::roles::TABLE,
    &identity::risk::table::RISK_EVENTS,
    &identity::risk::table::SIGN_IN_CHALLENGES,
    &identity::risk::table::SIGN_IN_ATTEMPTS,
    &identity::sign_ins::SIGN_INS,
    &identity::sign_ins::SIGN_IN_DAYS,
    &identity::active_users::ACTIVE_USERS,
    &identity::active_users::ACTIVE_USER_MONTHS,
    &identity::impersonation::IMPERSONATIONS,
    &identity::sessions::table::REFRESH_REPEATS,
    &identity::sessions::table::spent_refresh_tokens::TABLE,
    &identity::sessions::table::grants::TABLE,
    &identity::sessions::table::sessions::TABLE,
    &tenancy::members::table::memberships::TABLE,
    &identity::accounts::table::one_time_links::TABLE,
    &identity::factors::table::TOTP,
    &identity::factors::table::RECOVERY_CODES,
    &identity::factors::table::WAITING_SIGN_INS,
    &identity::factors::table::FACTOR_ATTEMPTS,
    &identity::passkeys::table::PASSKEYS,
    &identity::passkeys::table::PASSKEY_CHALLENGES,
    &identity::accounts::table::users::TABLE,
    &identity::login_throttling::table::GUESS_BUDGETS,
    &events::audit::table::ERASURES,
    &events::audit::table::AUDIT_RETENTION,
    &events::audit::table::checkpoints::TABLE,
    &events::audit::table::audit_keys::TABLE,
    &events::audit::table::AUDIT_REGISTER,
    &events::sequencer::table::feed::TABLE,
    &events::sequencer::table::heads::TABLE,
    &events::sequencer::table::SEQUENCER,
    &events::record::table::outbox::TABLE,
    &events::record::table::events::TABLE,
    &tenancy::smtp::table::SMTP_SETTINGS,
    &tenancy::oauth_credentials::OAUTH_CREDENTIALS,
    &tenancy::scim_tokens::SCIM_TOKENS,
    &identity::risk::table::RISK_SETTINGS,
    &tenancy::branding::BRAND_LOGOS,
    &identity::connections::table::DOMAIN_ROUTES,
    &tenancy::domains::DOMAINS,
    &identity::connections::table::CONNECTION_DOCUMENTS,
    &identity::connections::table::CONNECTION_CERTS,
    &identity::connections::table::ORG_CONNECTIONS,
    &identity::federation::table::CONNECTION_ATTEMPTS,
    &identity::federation::table::SAML_SESSIONS,
    &identity::federation::table::UPSTREAM_LOGINS,
    &identity::federation::table::IDENTITIES,
    &identity::federation::table::REMOVALS,
    &identity::connections::table::CONNECTIONS,
    &tenancy::organizations::table::org_counters::TABLE,
    &tenancy::organizations::table::organizations::TABLE,
    &tenancy::organizations::slug_holds::SLUG_HOLDS,
    &tenancy::tiers::table::tiers::TABLE,
    &tenancy::platform::config::PLATFORM_CONFIG,
    &tenancy::platform::figures::PLATFORM_DAYS,
    &tenancy::platform::figures::PLATFORM_FIGURES,
    &identity::factors::table::FACTOR_DAYS,
    &core::idempotency::table::idempotency::TABLE,
    &core::keys::table::signing_keys::TABLE,
    &core::keys::table::data_keys::TABLE,
    &core::migrate::table::SCHEMA_REQUIREMENTS,
];

/// Every sealed column.
pub(crate) fn sealed() -> impl Iterator<Item = &'static SealedColumn> {
    ALL.iter().flat_map(|table| table.sealed.iter().copied())
}

/// Whether some table declares this column.
fn seals(column: &SealedColumn) -> bool {
    sealed().any(|known| (known.table, known.column) == (column.table, column.column))
}

impl SealedColumn {
    /// What a sealed value is bound to: moved to another organization, column or row it does not open.
    pub(crate) fn place<'a>(&self, org: OrgId, row: &'a str) -> Place<'a> {
        debug_assert!(seals(self), "{}.{} is not in the table's `sealed`", self.table, self.column);
        Place { org: org.uuid(), table: self.table, column: self.column, row }
    }
}

#[cfg(test)]
mod tests;

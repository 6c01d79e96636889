//! What is kept of somebody who signs in through organizations' identity providers.

use super::sections::{By, Section, of};
use crate::core::sql::sql;

pub(super) const PROVIDERS: &[Section] = &[
    of(
        "identities",
        "con",
        &["identities.user_id", "identities.email"],
        sql!(
            "select connection_id, org_id as organization_id, subject, email, created_at, last_used_at, blocked_at,
              count(*) over () as total
            from identities where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "provider_sign_ins",
        "att",
        &["connection_attempts.user_id"],
        sql!(
            "select id, org_id as organization_id, outcome, subject, email, ip_address, created_at, count(*) over () as total
            from connection_attempts where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    Section {
        by: By::Address,
        ..of(
            "provider_sign_ins_by_address",
            "att",
            &["connection_attempts.email"],
            sql!(
                "select id, org_id as organization_id, outcome, subject, ip_address, created_at, count(*) over () as total
                from connection_attempts where email = $1 and user_id is null order by created_at desc limit $2"
            ),
        )
    },
    of(
        "accounts_to_prove",
        "upl",
        &["upstream_logins.user_id"],
        sql!(
            "select id, org_id as organization_id, created_at, expires_at, count(*) over () as total
            from upstream_logins where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "provider_sessions",
        "upl",
        &["saml_sessions.user_id"],
        sql!(
            "select id, org_id as organization_id, connection_id, created_at, expires_at, count(*) over () as total
            from saml_sessions where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "names_at_services",
        "svc",
        &["service_saml_names.user_id"],
        sql!(
            "select org_id as organization_id, service_id, name, created_at, count(*) over () as total
            from service_saml_names where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "sessions_at_services",
        "svc",
        &["service_saml_sessions.user_id"],
        sql!(
            "select org_id as organization_id, service_id, created_at, expires_at, count(*) over () as total
            from service_saml_sessions where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "removals",
        "org",
        &["removals.user_id", "removals.email"],
        sql!(
            "select org_id as organization_id, email, removed_at, count(*) over () as total
            from removals where user_id = $1 order by removed_at desc limit $2"
        ),
    ),
];

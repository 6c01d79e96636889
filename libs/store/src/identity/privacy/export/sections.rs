//! What is shown of a person, by kind: one statement each.

use crate::core::sql::{Sql, sql};

/// Some of what is kept. `$1` of the text is whose, `$2` how many are shown; its last column is how many there are.
pub(super) struct Section {
    pub(super) name: &'static str,
    /// How ids of its things begin.
    pub(super) id: &'static str,
    pub(super) by: By,
    /// The columns of the schema that it is found by.
    #[allow(dead_code, reason = "what a test compares with the schema")]
    pub(super) covers: &'static [&'static str],
    pub(super) text: Sql,
}

/// Whose a section is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The account's id.
    Account,
    /// The same as it is written in records.
    AccountText,
    /// The address, if it is theirs everywhere.
    Address,
}

pub(super) const fn of(name: &'static str, id: &'static str, covers: &'static [&'static str], text: Sql) -> Section {
    Section { name, id, by: By::Account, covers, text }
}

pub(super) const SECTIONS: &[Section] = &[
    of(
        "memberships",
        "mem",
        &["memberships.user_id"],
        sql!(
            "select org_id as organization_id, role, created_at, count(*) over () as total
            from memberships where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "further_roles",
        "role",
        &["member_roles.user_id"],
        sql!(
            "select f.id, d.org_id as organization_id, f.slug as role, d.connection_id, d.created_at, count(*) over () as total
            from member_roles d join roles f on f.org_id = d.org_id and f.id = d.role_id
            where d.user_id = $1 order by d.created_at desc limit $2"
        ),
    ),
    of(
        "organizations_owned",
        "org",
        &["organizations.owner_user_id"],
        sql!(
            "select id, slug, name, created_at, count(*) over () as total
            from organizations where owner_user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "organizations_decided",
        "org",
        &["organizations.approved_by", "organizations.rejected_by"],
        sql!(
            "select id, approved_at, rejected_at, count(*) over () as total
            from organizations where approved_by = $1 or rejected_by = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "slugs_held",
        "org",
        &["slug_holds.owner_user_id"],
        sql!("select slug, count(*) over () as total from slug_holds where owner_user_id = $1 order by slug limit $2"),
    ),
    of(
        "sessions",
        "ses",
        &["sessions.user_id"],
        sql!(
            "select id, method, coalesce(authn, '[]') as authentications_json, ip_address, user_agent, created_at, last_seen_at,
              expires_at, revoked_at, count(*) over () as total
            from sessions where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "grants",
        "grt",
        &["grants.user_id"],
        sql!(
            "select g.id, g.session_id, g.org_id as organization_id, g.scope, g.audience, g.ip_address, g.created_at, g.revoked_at, count(*) over () as total
            from sessions s join grants g on g.session_id = s.id
            where s.user_id = $1 order by g.created_at desc limit $2"
        ),
    ),
    of(
        "applications_told_of_ends",
        "",
        &["logouts.user_id"],
        sql!(
            "select l.session_id, c.client_id as application, l.created_at, l.updated_at, count(*) over () as total
            from logouts l join clients c on c.org_id = l.client_org_id and c.id = l.client_id
            where l.user_id = $1 order by l.created_at desc limit $2"
        ),
    ),
    of(
        "sign_ins",
        "sgn",
        &["sign_ins.user_id"],
        sql!(
            "select id, org_id as organization_id, service_id, method, ip_address, user_agent, created_at, count(*) over () as total
            from sign_ins where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "active_in",
        "svc",
        &["active_users.user_id"],
        sql!(
            "select org_id as organization_id, service_id, month, count(*) over () as total
            from active_users where user_id = $1 order by month desc limit $2"
        ),
    ),
    of(
        "risk_events",
        "rsk",
        &["risk_events.user_id"],
        sql!(
            "select id, org_id as organization_id, provider, factors as factors_json, inputs as inputs_json, verdict, action,
              ip_address, geo_country, geo_city, created_at, count(*) over () as total
            from risk_events where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "sign_in_challenges",
        "",
        &["sign_in_challenges.user_id"],
        sql!("select expires_at, count(*) over () as total from sign_in_challenges where user_id = $1 limit $2"),
    ),
    of(
        "authenticator_apps",
        "",
        &["totp.user_id"],
        sql!("select created_at, confirmed_at, count(*) over () as total from totp where user_id = $1 limit $2"),
    ),
    of(
        "recovery_codes",
        "",
        &["recovery_codes.user_id"],
        sql!("select 'not used' as state, count(*) over () as total from recovery_codes where user_id = $1 limit $2"),
    ),
    of(
        "passkeys",
        "psk",
        &["passkeys.user_id"],
        sql!(
            "select id, name, created_at, last_used_at, count(*) over () as total
            from passkeys where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "passkeys_being_added",
        "",
        &["passkey_challenges.user_id"],
        sql!("select expires_at, count(*) over () as total from passkey_challenges where user_id = $1 limit $2"),
    ),
    of(
        "sign_ins_waiting",
        "",
        &["waiting_sign_ins.user_id"],
        sql!("select expires_at, count(*) over () as total from waiting_sign_ins where user_id = $1 limit $2"),
    ),
    of(
        "second_factors_by_day",
        "",
        &["factor_attempts.user_id"],
        sql!(
            "select day, cast(succeeded as text) as succeeded, cast(failed as text) as failed, count(*) over () as total
            from factor_attempts where user_id = $1 order by day desc limit $2"
        ),
    ),
    of(
        "sign_ins_in_a_browser",
        "flow",
        &["flows.user_id"],
        sql!(
            "select id, email, created_at, expires_at, count(*) over () as total
            from flows where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    Section {
        by: By::Address,
        ..of(
            "addresses_typed_at_a_sign_in",
            "flow",
            &["flows.email"],
            sql!(
                "select id, created_at, expires_at, count(*) over () as total
                from flows where email = $1 order by created_at desc limit $2"
            ),
        )
    },
    of(
        "mailed_sign_in_codes",
        "",
        &["mail_codes.user_id"],
        sql!("select created_at, expires_at, ip_address, user_agent, count(*) over () as total from mail_codes where user_id = $1 limit $2"),
    ),
    of(
        "mailed_links",
        "",
        &["one_time_links.user_id", "one_time_links.email"],
        sql!(
            "select purpose, email, created_at, expires_at, count(*) over () as total
            from one_time_links where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    Section {
        by: By::Address,
        ..of(
            "invitations_received",
            "inv",
            &["invitations.email", "invitations.pending_email", "users.email"],
            sql!(
                "select id, org_id as organization_id, role, status, created_at, expires_at, count(*) over () as total
                from invitations where email = $1 order by created_at desc limit $2"
            ),
        )
    },
    of(
        "invitations_sent",
        "inv",
        &["invitations.invited_by"],
        sql!(
            "select id, org_id as organization_id, email, role, status, created_at, count(*) over () as total
            from invitations where invited_by = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "service_access",
        "svc",
        &["service_grants.user_id"],
        sql!(
            "select org_id as organization_id, service_id, access, created_at, count(*) over () as total
            from service_grants where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "services_used",
        "svc",
        &["service_users.user_id", "end_users.user_id"],
        sql!(
            "select org_id as organization_id, service_id, created_at, count(*) over () as total
            from service_users where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "consents",
        "svc",
        &["consents.user_id"],
        sql!(
            "select org_id as organization_id, service_id, scopes, created_at, updated_at, count(*) over () as total
            from consents where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "subscriptions",
        "svc",
        &["subscriptions.user_id"],
        sql!(
            "select org_id as organization_id, service_id, plan_id, status, current_period_end as current_period_end_at, created_at,
              count(*) over () as total
            from subscriptions where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "api_keys_made",
        "apk",
        &["api_keys.created_by"],
        sql!(
            "select id, org_id as organization_id, name, created_at, count(*) over () as total
            from api_keys where created_by = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "api_keys_shown",
        "apk",
        &["api_key_secrets.shown_to"],
        sql!(
            "select api_key_id, org_id as organization_id, created_at, count(*) over () as total
            from api_key_secrets where shown_to = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "service_keys_made",
        "apk",
        &["service_api_keys.created_by"],
        sql!(
            "select id, org_id as organization_id, service_id, name, created_at, count(*) over () as total
            from service_api_keys where created_by = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "client_secrets_shown",
        "",
        &["client_secrets.shown_to"],
        sql!(
            "select client_id as service_id, org_id as organization_id, created_at, count(*) over () as total
            from client_secrets where shown_to = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "scim_tokens_shown",
        "tok",
        &["scim_tokens.shown_to"],
        sql!(
            "select id, org_id as organization_id, name, created_at, count(*) over () as total
            from scim_tokens where shown_to = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "oauth_credentials_entered",
        "",
        &["oauth_credentials.entered_by"],
        sql!(
            "select org_id as organization_id, provider, updated_at, count(*) over () as total
            from oauth_credentials where entered_by = $1 order by updated_at desc limit $2"
        ),
    ),
    of(
        "billing_credentials_entered",
        "",
        &["billing_credentials.entered_by"],
        sql!(
            "select org_id as organization_id, provider, updated_at, count(*) over () as total
            from billing_credentials where entered_by = $1 order by updated_at desc limit $2"
        ),
    ),
    of(
        "webhooks_chosen",
        "whk",
        &["webhooks.url_chosen_by", "webhooks.secret_shown_to"],
        sql!(
            "select id, org_id as organization_id, name, created_at, count(*) over () as total
            from webhooks where url_chosen_by = $1 or secret_shown_to = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "log_streams_chosen",
        "lgs",
        &["log_streams.url_chosen_by"],
        sql!(
            "select id, org_id as organization_id, name, created_at, count(*) over () as total
            from log_streams where url_chosen_by = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "impersonations",
        "imp",
        &["impersonations.user_id", "impersonations.operator_id"],
        sql!(
            "select id, operator_id, user_id, org_id as organization_id, reason, created_at, ended_at, count(*) over () as total
            from impersonations where user_id = $1 or operator_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "erasures_ordered",
        "ers",
        &["erasures.user_id", "erasures.email"],
        sql!(
            "select id, org_id as organization_id, created_at, count(*) over () as total
            from erasures where user_id = $1 order by created_at desc limit $2"
        ),
    ),
];

/// `$3` is the account's id, `$4` the nil organization. Read by the index of targets, log by log.
pub(super) const RECORDS: Section = Section {
    by: By::AccountText,
    ..of(
        "records",
        "evt",
        &["events.actor_id", "events.actor_email"],
        sql!(
            "select e.id, e.org_id as organization_id, e.name as action, e.ip_address, e.user_agent, e.metadata as metadata_json,
              e.created_at, count(*) over () as total
            from (
              select org_id from memberships where user_id = $3
              union select org_id from end_users where user_id = $3
              union select realm from users where id = $3
              union select org_id from heads where org_id = $4
            ) o
            join events e on e.org_id = o.org_id and e.target_type = 'user' and e.target_id = $1
            order by e.id desc
            limit $2"
        ),
    )
};

//! What the schema holds of persons, against what is listed.

use std::collections::BTreeSet;

use super::{GRANTED, personal::person_columns};

/// Columns that hold a person, and grant something: the statement reads each.
const LISTED: &[&str] = &[
    "api_key_secrets.shown_to",
    "billing_credentials.entered_by",
    "client_secrets.shown_to",
    "consents.user_id",
    "grants.user_id",
    "invitations.pending_email",
    "log_streams.url_chosen_by",
    "member_roles.user_id",
    "memberships.user_id",
    "oauth_credentials.entered_by",
    "scim_tokens.shown_to",
    "service_api_keys.created_by",
    "service_grants.user_id",
    "service_users.user_id",
    "webhooks.secret_shown_to",
    "webhooks.url_chosen_by",
];

/// Columns that hold a person and grant nothing by themselves, because …
const GRANT_NOTHING: &[(&str, &str)] = &[
    ("active_users.user_id", "history"),
    ("api_keys.created_by", "whoever was shown a secret of the key is listed"),
    ("connection_attempts.email", "history"),
    ("connection_attempts.user_id", "history"),
    ("end_users.user_id", "a summary of service_users"),
    ("erasures.email", "an order to forget somebody"),
    ("erasures.user_id", "an order to forget somebody"),
    ("events.actor_email", "history"),
    ("events.actor_id", "history"),
    ("factor_attempts.user_id", "history"),
    ("identities.email", "as a provider claims it"),
    ("identities.user_id", "a way to sign in; what that comes to is judged by the membership, and a removal blocks it"),
    ("impersonations.operator_id", "acts through a session of their own, and only while they own the platform, which is listed"),
    ("impersonations.user_id", "somebody else acts as them"),
    ("invitations.email", "history; the pending ones are listed by pending_email"),
    ("invitations.invited_by", "what an inviter may give is asked again when it is accepted"),
    ("flows.email", "what somebody typed at a sign-in that is on its way"),
    ("flows.user_id", "a sign-in that waits for its second factor; what it comes to is judged by the membership"),
    ("logouts.user_id", "an application is told that a session has ended; it opens nothing"),
    ("mail_codes.user_id", "a sign-in that is on its way; what it comes to is judged by the membership"),
    ("one_time_links.email", "proves a mailbox to the account's own realm; signing in here needs a membership"),
    ("one_time_links.user_id", "as its address"),
    ("organizations.approved_by", "history"),
    ("organizations.owner_user_id", "the membership of the same person says it"),
    ("organizations.rejected_by", "history"),
    ("passkey_challenges.user_id", "a passkey that somebody who is signed in adds"),
    ("passkeys.user_id", "signs in to the account; what that may do here is its memberships"),
    ("recovery_codes.user_id", "a second factor, beside the password"),
    ("removals.email", "keeps somebody out"),
    ("removals.user_id", "keeps somebody out"),
    ("risk_events.user_id", "history"),
    ("saml_sessions.user_id", "by what a provider knows somebody, to sign them out"),
    ("service_saml_names.user_id", "by what a service knows somebody"),
    ("service_saml_sessions.user_id", "by what a service knows somebody, to sign them out"),
    ("sessions.user_id", "what a session may do here is its grant"),
    ("sign_in_challenges.user_id", "a code that a sign-in is asked for, beside the password"),
    ("sign_ins.user_id", "history"),
    ("slug_holds.owner_user_id", "of deleted organizations"),
    ("smtp_settings.from_email", "a sender's address"),
    ("subscriptions.user_id", "goes with service_users"),
    ("totp.user_id", "a second factor, beside the password"),
    ("upstream_logins.user_id", "whose account somebody has to prove, in a sign-in that is on its way"),
    ("users.email", "the account itself: the platform's powers are listed"),
    ("waiting_sign_ins.user_id", "a sign-in that has one factor of two; it makes no session before the other"),
];

#[tokio::test]
async fn whatever_holds_a_person_is_listed_or_grants_nothing() {
    let found = person_columns().await;
    let said: BTreeSet<String> =
        LISTED.iter().copied().chain(GRANT_NOTHING.iter().map(|(column, _)| *column)).map(ToOwned::to_owned).collect();
    assert_eq!(
        found, said,
        "does it grant its person anything? Then it is a part of `GRANTED` and of what ends access, else it says here why not"
    );
}

#[test]
fn what_is_listed_is_read() {
    for column in LISTED {
        let (table, column) = column.split_once('.').unwrap();
        assert!(GRANTED.postgres.contains(&format!(" {table} ")) && GRANTED.postgres.contains(column), "{table}.{column}");
    }
}

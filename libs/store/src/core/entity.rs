//! The entities of all tables, by one path. Each is declared beside its noun ([`crate::core::table`]).

pub(crate) use crate::core::idempotency::table::idempotency;
pub(crate) use crate::core::keys::table::data_keys;
pub(crate) use crate::core::keys::table::signing_keys;
pub(crate) use crate::delivery::deliveries::table::attempts;
pub(crate) use crate::delivery::deliveries::table::deliveries;
pub(crate) use crate::delivery::deliveries::table::destinations;
pub(crate) use crate::delivery::mails::table::mails;
pub(crate) use crate::delivery::webhooks::table::webhooks;
pub(crate) use crate::events::audit::table::audit_keys;
pub(crate) use crate::events::audit::table::checkpoints;
pub(crate) use crate::events::record::table::events;
pub(crate) use crate::events::record::table::outbox;
pub(crate) use crate::events::sequencer::table::feed;
pub(crate) use crate::events::sequencer::table::heads;
pub(crate) use crate::identity::accounts::table::one_time_links;
pub(crate) use crate::identity::accounts::table::users;
pub(crate) use crate::identity::sessions::table::grants;
pub(crate) use crate::identity::sessions::table::sessions;
pub(crate) use crate::identity::sessions::table::spent_refresh_tokens;
pub(crate) use crate::tenancy::invitations::table::invitations;
pub(crate) use crate::tenancy::members::table::memberships;
pub(crate) use crate::tenancy::organizations::table::org_counters;
pub(crate) use crate::tenancy::organizations::table::organizations;
pub(crate) use crate::tenancy::roles::table::roles;
pub(crate) use crate::tenancy::tiers::table::tiers;

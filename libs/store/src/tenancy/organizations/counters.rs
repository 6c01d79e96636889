//! Limits on an organization's rows, as guarded counters: what is beyond the limit does not commit, however many come at once, and nobody
//! counts rows. The row of `org_counters` is the last that a transaction takes (after it come only the records of the change itself), so
//! whoever waits for it waits for as little as can be, and holds nothing that others who have it need.

use domain::{OrgId, PLATFORM, Result};

use crate::{
    WriteTx,
    core::sql::{self, Sql, sql},
};

/// A column of `org_counters`, and how its rows are counted.
#[derive(Debug)]
pub(crate) struct Counter {
    take: Sql,
    give_back: Sql,
    recount: Sql,
    read: Sql,
}

/// A counter: its column, and the rows of organization `$1` that it counts.
macro_rules! counter {
    ($column:literal, $counted:literal) => {{
        const COLUMN: &str = $column;
        const COUNTED: &str = $counted;
        Counter {
            take: sql!("update org_counters set {c} = {c} + 1 where org_id = $1 and {c} < $2", c = COLUMN),
            give_back: sql!("update org_counters set {c} = {c} - $2 where org_id = $1", c = COLUMN),
            recount: sql!(
                "update org_counters set {c} = (select count(*) from {counted}) where org_id = $1",
                c = COLUMN,
                counted = COUNTED
            ),
            read: sql!("select {c} from org_counters where org_id = $1", c = COLUMN),
        }
    }};
}

pub(crate) const API_KEYS: Counter = counter!("api_keys", "api_keys where org_id = $1");
pub(crate) const CONNECTIONS: Counter = counter!("connections", "connections where org_id = $1");
pub(crate) const LOG_STREAMS: Counter = counter!("log_streams", "log_streams where org_id = $1");
pub(crate) const END_USERS: Counter = counter!("end_users", "end_users where org_id = $1");
pub(crate) const ROLES: Counter = counter!("roles", "roles where org_id = $1");
pub(crate) const SCIM_TOKENS: Counter = counter!("scim_tokens", "scim_tokens where org_id = $1");
pub(crate) const SERVICES: Counter = counter!("services", "services where org_id = $1");
pub(crate) const SIGN_IN_DOMAINS: Counter = counter!("sign_in_domains", "domains where org_id = $1 and kind = 'sign_in'");
pub(crate) const WEBHOOKS: Counter = counter!("webhooks", "webhooks where org_id = $1");
pub(crate) const PENDING_INVITATIONS: Counter =
    counter!("pending_invitations", "invitations where org_id = $1 and pending_email is not null");
pub(crate) const ERASURES: Counter = counter!("erasures", "erasures where org_id = $1");

const LOCK: Sql = sql!("select 1 from org_counters where org_id = $1 {for no key update}");

/// Whoever adds one of these rows comes after who does so now.
const ONE_AFTER_ANOTHER: &str = "select 1 where (select pg_advisory_xact_lock(hashtextextended($1, 0))) is not null";

impl WriteTx {
    /// Whether there is room for a row of the platform that this transaction has just written. The platform has no row of counters: `count` counts its
    /// rows, which are few, while nobody else can add to this `table`. If there is none leave nothing behind. Call it last.
    pub(crate) async fn has_platform_room(&self, table: &str, count: Sql, max: i64) -> Result<bool> {
        if !self.is_sqlite() {
            sql::one(&self.tx, ONE_AFTER_ANOTHER, vec![format!("{}/{table}", PLATFORM.uuid()).into()]).await?;
        }
        Ok(sql::count(&self.tx, count, vec![PLATFORM.uuid().into()]).await? <= max)
    }

    /// Takes one of `max` places, for a row that this transaction has just written. `false` if there was none left: then leave nothing
    /// behind. Call it last.
    pub(crate) async fn take_place(&self, org: OrgId, counter: &Counter, max: i64) -> Result<bool> {
        if sql::execute(&self.tx, counter.take, vec![org.uuid().into(), max.into()]).await? == 1 {
            return Ok(true);
        }
        // A version that does not know the counter may run beside this one during an upgrade, and what it deletes it does not give back.
        // So before anybody is refused the rows are counted, this one among them, while nobody else can count.
        sql::one(&self.tx, LOCK, vec![org.uuid().into()]).await?;
        sql::execute(&self.tx, counter.recount, vec![org.uuid().into()]).await?;
        Ok(sql::count(&self.tx, counter.read, vec![org.uuid().into()]).await? <= max)
    }

    /// Gives back the place of a row that this transaction has just deleted. Call it last.
    pub(crate) async fn give_place_back(&self, org: OrgId, counter: &Counter) -> Result<()> {
        self.give_places_back(org, counter, 1).await
    }

    /// The same for several rows.
    pub(crate) async fn give_places_back(&self, org: OrgId, counter: &Counter, places: i64) -> Result<()> {
        sql::execute(&self.tx, counter.give_back, vec![org.uuid().into(), places.into()]).await.map(|_| ())
    }
}

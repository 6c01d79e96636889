//! What an organization decides about its log: stored here, done by the worker (an erasure by the use case over [`super::erasure`], retention by [`crate::core::retention`]).

use domain::{
    ErasureId, Error, OrgId, PLATFORM, Result,
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::AuditRules,
    },
    events::audit::Subject,
};

use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Sql, sql},
    },
    tenancy::organizations::counters,
};

/// Orders of one organization that may wait at the same time.
const MAX_ERASURES: i64 = 20;

const RETENTION: &str = "select days from audit_retention where org_id = $1";

const SET_RETENTION: Sql = sql!(
    "insert into audit_retention (org_id, days, updated_at)
    values ($1, $2, $3)
    on conflict (org_id) do update set days = excluded.days, updated_at = excluded.updated_at"
);

const DROP_RETENTION: &str = "delete from audit_retention where org_id = $1";

const INSERT_ERASURE: Sql = sql!(
    "insert into erasures (org_id, id, user_id, email, done_seq, erased, created_at)
    values ($1, $2, $3, $4, 0, 0, $5)"
);

impl Store {
    /// How many days the organization keeps its records, if it chose so.
    pub async fn audit_retention(&self, scope: OrgScope<'_, AuditRules, Read>) -> Result<Option<u32>> {
        let row = sql::one(&self.db, RETENTION, vec![scope.org().uuid().into()]).await?;
        let days: Option<i32> = row.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)?;
        Ok(days.map(i32::unsigned_abs))
    }
}

impl WriteTx {
    /// Sets how many days the organization keeps its records; none for as long as the platform does. Answers whether that is new.
    pub async fn set_audit_retention(&self, scope: OrgScope<'_, AuditRules, Write>, days: Option<u32>) -> Result<bool> {
        let org = scope.org().uuid();
        let row = sql::one(&self.tx, RETENTION, vec![org.into()]).await?;
        let before: Option<i32> = row.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)?;
        match days {
            _ if before.map(i32::unsigned_abs) == days => return Ok(false),
            Some(days) => {
                sql::execute(&self.tx, SET_RETENTION, vec![org.into(), days.cast_signed().into(), self.now().into()]).await?
            }
            None => sql::execute(&self.tx, DROP_RETENTION, vec![org.into()]).await?,
        };
        Ok(true)
    }

    /// Orders an erasure; the worker does it. `Conflict` (`too_many_erasures`).
    pub async fn insert_erasure(&self, scope: OrgScope<'_, AuditRules, Write>, id: ErasureId, subject: &Subject) -> Result<()> {
        self.order_erasure(scope.org(), id, subject, MAX_ERASURES).await
    }

    /// The same in any log, the platform's among them, beside at most `most` others.
    pub(crate) async fn order_erasure(&self, org: OrgId, id: ErasureId, subject: &Subject, most: i64) -> Result<()> {
        let (user, email) = (subject.user.map(|user| user.uuid()), subject.email.as_ref().map(|email| email.as_str().to_owned()));
        let values = vec![org.uuid().into(), id.uuid().into(), user.into(), email.into(), self.now().into()];
        sql::execute(&self.tx, INSERT_ERASURE, values).await?;
        if org == PLATFORM || self.take_place(org, &counters::ERASURES, most).await? {
            return Ok(());
        }
        Err(Error::conflict("too_many_erasures", "Wait until the erasures that were ordered before are done."))
    }
}

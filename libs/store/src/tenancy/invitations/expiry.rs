//! Invitations that ran out.

use std::collections::BTreeMap;

use domain::{InvitationId, OrgId, Result, Time, authorization::policy::SystemScope, tenancy::invitations::InvitationStatus};
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use crate::{
    Store, WriteTx,
    core::sql::{self, Sql, sql},
    tenancy::organizations::counters,
};

/// A pending invitation that ran out.
#[derive(Clone, Debug)]
pub struct RanOut {
    /// Whose.
    pub org: OrgId,
    /// Which.
    pub id: InvitationId,
    /// To whom.
    pub email: String,
}

fn read(row: &QueryResult) -> Result<RanOut, DbErr> {
    Ok(RanOut {
        org: OrgId::new(row.try_get("", "org_id")?),
        id: InvitationId::new(row.try_get("", "id")?),
        email: row.try_get("", "email")?,
    })
}

const RAN_OUT: Sql = sql!(
    "select i.org_id, i.id, i.email
     from invitations i join organizations o on o.id = i.org_id
     where i.pending_email is not null and i.expires_at <= $1 and o.deleted_at is null
     order by i.expires_at
     limit $2
     {for update of i skip locked}"
);

const ANY_RAN_OUT: Sql = sql!(
    "select 1
     from invitations i join organizations o on o.id = i.org_id
     where i.pending_email is not null and i.expires_at <= $1 and o.deleted_at is null
     limit 1"
);

const EXPIRE: Sql<2> = sql!(
    "update invitations
     set status = $1, pending_email = null, updated_at = $2
     where (org_id, id) in (select org_id, id from {rows})",
    rows = 3 (org_id: Uuid, id: Uuid)
);

impl Store {
    /// Whether some invitation ran out that nobody has closed yet. Looking first keeps an idle worker from occupying SQLite's writer.
    pub async fn any_invitation_ran_out(&self, _: SystemScope, now: Time) -> Result<bool> {
        Ok(sql::one(&self.db, ANY_RAN_OUT, vec![now.into()]).await?.is_some())
    }
}

impl WriteTx {
    /// Closes at most `limit` pending invitations that ran out, passing over those that somebody else has locked. Answers them.
    pub async fn expire_invitations(&self, _: SystemScope, limit: u64) -> Result<Vec<RanOut>> {
        let rows = sql::all(&self.tx, RAN_OUT, vec![self.now().into(), limit.cast_signed().into()]).await?;
        let found: Vec<RanOut> = sql::read_all(&rows, read)?;
        let keys = found.iter().map(|invitation| [invitation.org.uuid().into(), invitation.id.uuid().into()]);
        EXPIRE.execute(&self.tx, vec![InvitationStatus::Expired.as_str().into(), self.now().into()], keys).await?;
        let mut closed = BTreeMap::<OrgId, i64>::new();
        found.iter().for_each(|invitation| *closed.entry(invitation.org).or_default() += 1);
        for (org, places) in closed {
            self.give_places_back(org, &counters::PENDING_INVITATIONS, places).await?;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests;

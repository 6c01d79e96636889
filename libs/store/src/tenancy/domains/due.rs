//! Domains whose proof is looked at again. A claim moves the time of the next look ahead: whoever claims one and dies lets it come again then,
//! and what was found counts only as long as the claim stands.

use domain::{
    Result, Time,
    authorization::policy::SystemScope,
    tenancy::domains::{Domain, DomainKind},
};

use super::{DOMAIN, hosts, one, read, save_state};
use crate::{
    Store, WriteTx,
    core::sql::{self, Sql, sql},
};

const ANY: Sql = sql!("select 1 from domains where next_check_at <= $1 limit 1");
const CLAIM: Sql = sql!(
    "update domains
    set next_check_at = $2
    where (org_id, id) in (
      select org_id, id from domains where next_check_at <= $1 order by next_check_at limit $3 {for update skip locked})
    returning {domain}",
    domain = DOMAIN
);
const LOCK: Sql = sql!(
    "select {domain} from domains where org_id = $1 and id = $2 and token = $3 and next_check_at = $4 {for update}",
    domain = DOMAIN
);

impl Store {
    /// Claims at most `limit` domains that are due, until `until`.
    pub async fn claim_due_domains(&self, _: SystemScope, now: Time, until: Time, limit: u64) -> Result<Vec<Domain>> {
        // Looking first keeps an idle worker from occupying SQLite's writer.
        if sql::one(&self.db, ANY, vec![now.into()]).await?.is_none() {
            return Ok(Vec::new());
        }
        let values = vec![now.into(), until.into(), limit.cast_signed().into()];
        let rows = self.bookkeep(async |tx| sql::all(&*tx, CLAIM, values).await).await?;
        sql::read_all(&rows, read)
    }
}

impl WriteTx {
    /// A claimed domain, locked until the transaction ends; `None` if it was given up, claimed anew or looked at meanwhile.
    pub async fn lock_due_domain(&self, _: SystemScope, claimed: &Domain) -> Result<Option<Domain>> {
        let values =
            vec![claimed.org_id.uuid().into(), claimed.id.uuid().into(), claimed.token.into(), claimed.next_check_at.into()];
        one(&self.tx, LOCK, values).await
    }

    /// Writes what a look at a locked domain came to.
    pub async fn save_due_domain(&self, _: SystemScope, domain: &Domain) -> Result<()> {
        save_state(&self.tx, domain).await
    }

    /// The same for one that lapsed: what rests on it ends. Answers the resource URIs that ended.
    pub async fn lapse_domain(&self, scope: SystemScope, domain: &Domain) -> Result<Vec<String>> {
        self.save_due_domain(scope, domain).await?;
        match domain.kind {
            DomainKind::SignIn => Ok(Vec::new()),
            DomainKind::Host => {
                let ended = hosts::end_resources(self, domain).await?;
                hosts::show(self, domain.org_id, Some(domain)).await?;
                Ok(ended)
            }
        }
    }
}

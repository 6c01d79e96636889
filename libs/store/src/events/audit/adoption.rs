//! Logs from before there was a register ([`super::register`]): what they say is believed once, as far as it is signed, and entered. From
//! then on the keys say that there must be a register, so nobody who only writes to the database can have this done again.

use crypto::{
    SigningKey,
    audit::{
        checkpoint::{PublicKeys, fingerprint},
        leaf::moment,
        statement::{self, Erased, Retained},
    },
};
use domain::{Error, EventId, OrgId, PLATFORM, Result, Time};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::{
    keys::{before_the_register, jwks},
    register::Entry,
};
use crate::{
    Store,
    core::sql::{self, Sql, sql},
};

/// Rows of one statement.
const BATCH: usize = 500;

/// A log as the version before left it.
struct OldLog {
    org: OrgId,
    sealed: i64,
    hash: Option<String>,
    signed: Option<String>,
    anchor: i64,
    anchor_hash: Option<String>,
}

impl OldLog {
    fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self {
            org: OrgId::new(row.try_get("", "org_id")?),
            sealed: row.try_get("", "sealed")?,
            hash: row.try_get("", "hash")?,
            signed: row.try_get("", "signed")?,
            anchor: row.try_get("", "anchor")?,
            anchor_hash: row.try_get("", "anchor_hash")?,
        })
    }

    /// What is sealed of it. None if the checkpoint that should say so does not.
    fn entry(&self, keys: &PublicKeys) -> Option<Entry> {
        let new = Entry::new(self.org);
        match (&self.signed, &self.hash) {
            _ if self.sealed == 0 => Some(new),
            (Some(signed), _) => {
                let claims = keys.open(signed).ok().filter(|c| (c.organization_id, c.last_seq) == (self.org, self.sealed))?;
                Some(new.moved(claims.last_seq, claims.hash, Some(fingerprint(signed))))
            }
            // Retention came before the checkpoints.
            (None, Some(hash)) if self.sealed == self.anchor => Some(new.moved(self.sealed, hash.clone(), None)),
            _ => None,
        }
    }

    fn retained(&self, key: &SigningKey, now: Time) -> Result<Option<String>> {
        let Some(hash) = self.anchor_hash.clone().filter(|_| self.anchor > 0) else { return Ok(None) };
        let retained = Retained { organization_id: self.org, seq: self.anchor, hash, created_at: moment(now) };
        statement::sign(key, &retained).map(Some)
    }
}

/// The platform's is always there: the register begins with it.
const OLD_LOGS: Sql = sql!(
    "select h.org_id, h.sealed, h.anchor, f.hash, c.signed, a.hash as anchor_hash
    from heads h
    left join feed f on f.org_id = h.org_id and f.seq = h.sealed
    left join checkpoints c on c.org_id = h.org_id and c.last_seq = h.sealed
    left join feed a on a.org_id = h.org_id and a.seq = h.anchor
    where h.sealed > 0
    order by h.org_id
    {for no key update of h}"
);

const INSERT: Sql<3> = sql!(
    "insert into audit_register (org_id, entry, retained)
    select org_id, entry, retained
    from {rows}",
    rows = 1 (org_id: Uuid, entry: String, retained: Option<String>)
);

const OLD_ERASURES: Sql = sql!(
    "select org_id, id, digest
    from events
    where (org_id, id) > ($1, $2) and digest is not null and erasure is null
    order by org_id, id
    limit $3"
);
const SIGN_ERASURES: Sql<3> = sql!(
    "update events
    set erasure = v.erasure
    from {rows}
    where events.org_id = v.org_id and events.id = v.id",
    rows = 1 (org_id: Uuid, id: Uuid, erasure: String)
);

impl Store {
    /// Enters the logs of a database from before there was a register. Begun again from the start if it breaks off.
    pub(super) async fn register_old_logs(&self, now: Time) -> Result<()> {
        let keys = self.audit_keys().await?;
        if !before_the_register(&keys) {
            return Ok(());
        }
        let (key, public) = (&keys[0].key, PublicKeys::from_jwks(&jwks(&keys))?);
        self.sign_old_erasures(key, now).await?;
        let logs = self
            .bookkeep(async |tx| {
                let rows = self.old_entries(&tx, key, &public, now).await?;
                for chunk in rows.chunks(BATCH) {
                    INSERT.execute(&*tx, vec![], chunk.iter().cloned()).await?;
                }
                self.register_keys(&tx, &keys, now).await?;
                Ok(rows.len())
            })
            .await?;
        tracing::info!(logs, "the audit logs from before this version are in the register");
        Ok(())
    }

    async fn old_entries(
        &self,
        tx: &DatabaseTransaction,
        key: &SigningKey,
        public: &PublicKeys,
        now: Time,
    ) -> Result<Vec<[Value; 3]>> {
        let mut logs: Vec<OldLog> = sql::read_all(&sql::all(tx, OLD_LOGS, vec![]).await?, OldLog::read)?;
        if logs.first().is_none_or(|log| log.org != PLATFORM) {
            logs.insert(0, OldLog { org: PLATFORM, sealed: 0, hash: None, signed: None, anchor: 0, anchor_hash: None });
        }
        let (mut rows, mut next) = (Vec::with_capacity(logs.len()), None);
        for log in logs.iter().rev() {
            let Some(entry) = log.entry(public) else {
                return Err(Error::internal(format!("the last checkpoint of {} is not ours or is gone", log.org)));
            };
            let entry = self.seal_entry(log.org, &entry.before(next))?;
            rows.push([log.org.uuid().into(), entry.into(), log.retained(key, now)?.into()]);
            next = Some(log.org.uuid());
        }
        Ok(rows)
    }

    async fn sign_old_erasures(&self, key: &SigningKey, now: Time) -> Result<()> {
        let (mut org, mut id) = (Uuid::nil(), Uuid::nil());
        loop {
            let rows = sql::all(&self.db, OLD_ERASURES, vec![org.into(), id.into(), (BATCH as i64).into()]).await?;
            let read = |row: &QueryResult| Ok((row.try_get("", "org_id")?, row.try_get("", "id")?, row.try_get("", "digest")?));
            let erased: Vec<(Uuid, Uuid, String)> = sql::read_all(&rows, read)?;
            let Some(last) = erased.last() else { return Ok(()) };
            (org, id) = (last.0, last.1);
            let mut signed: Vec<[Value; 3]> = Vec::with_capacity(erased.len());
            for (org, id, digest) in erased {
                let (organization_id, of, created_at) = (OrgId::new(org), EventId::new(id), moment(now));
                let statement = Erased { organization_id, id: of, digest, erasure_id: None, created_at };
                signed.push([org.into(), id.into(), statement::sign(key, &statement)?.into()]);
            }
            self.bookkeep(async |tx| SIGN_ERASURES.execute(&*tx, vec![], signed).await).await?;
        }
    }
}

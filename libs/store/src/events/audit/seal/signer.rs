//! What signs checkpoints and what is said of them.

use crypto::{
    SigningKey,
    audit::{
        checkpoint::{self, Claims, PublicKeys},
        leaf::moment,
        merkle,
        statement::{self, Retained},
    },
};
use domain::{OrgId, Result, Time};

use super::Segment;
use crate::{core::entity::checkpoints, events::audit::register::forged};

/// What signs, and what it and its predecessors have signed is checked with.
pub(crate) struct Signer {
    pub(super) key: SigningKey,
    pub(super) keys: PublicKeys,
}

impl Signer {
    /// Says that retention removed what this checkpoint is the last of, and up to which number. Only of what was sealed before `oldest`, as
    /// the checkpoint itself says: nobody who only writes to the database has what is younger removed in the server's name.
    pub(crate) fn retained(&self, org: OrgId, checkpoint: &str, oldest: Time, now: Time) -> Result<(i64, String)> {
        let claims = self.keys.open(checkpoint).map_err(|why| forged(org, &format!("a checkpoint was added: {why}")))?;
        if claims.organization_id != org || claims.created_at > moment(oldest) {
            return Err(forged(org, "the time of a checkpoint was altered"));
        }
        let (seq, hash) = (claims.last_seq, claims.hash);
        let retained = Retained { organization_id: org, seq, hash, created_at: moment(now) };
        Ok((seq, statement::sign(&self.key, &retained)?))
    }

    pub(super) fn checkpoint(
        &self,
        segment: &Segment<'_>,
        leaves: &[String],
        hash: String,
        now: Time,
    ) -> Result<checkpoints::Model> {
        let claims = Claims {
            organization_id: segment.org,
            first_seq: segment.entry.seq + 1,
            last_seq: segment.last,
            root: merkle::root(leaves),
            hash,
            previous: segment.entry.checkpoint.clone(),
            created_at: moment(now),
        };
        Ok(checkpoints::Model {
            org_id: segment.org.uuid(),
            first_seq: claims.first_seq,
            last_seq: claims.last_seq,
            signed: checkpoint::sign(&self.key, &claims)?,
            root: claims.root,
            hash: claims.hash,
            created_at: now,
        })
    }
}

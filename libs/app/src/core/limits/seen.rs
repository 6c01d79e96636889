//! What a process saw of its callers lately: who belongs to which organization, and which sign-ins have ended. It decides nobody's
//! access (the database does, at every use), only whose budget a request is counted against before it is looked at.

use chrono::TimeDelta;
use domain::{GrantId, OrgId, Time, UserId};
use moka::{policy::EvictionPolicy, sync::Cache};

/// How long a membership that was seen is believed. A member's first request after it is counted against their account alone.
const MEMBERSHIP: TimeDelta = TimeDelta::seconds(60);
/// How long a sign-in that was found ended is believed to be.
const ENDED: TimeDelta = TimeDelta::seconds(10);
/// What is remembered of each kind.
const MAX: u64 = 50_000;

#[derive(Clone)]
pub(crate) struct Seen {
    members: Cache<(UserId, String), (OrgId, Time)>,
    ended: Cache<GrantId, Time>,
}

impl Seen {
    pub(super) fn new() -> Self {
        let lru = EvictionPolicy::lru;
        Self {
            members: Cache::builder().max_capacity(MAX).eviction_policy(lru()).build(),
            ended: Cache::builder().max_capacity(MAX).eviction_policy(lru()).build(),
        }
    }

    /// The organization `slug`, if the user was seen there as a member lately.
    pub(super) fn organization(&self, user: UserId, slug: &str, now: Time) -> Option<OrgId> {
        let (org, at) = self.members.get(&(user, slug.to_owned()))?;
        lately(at, now, MEMBERSHIP).then_some(org)
    }

    /// A user's membership was just read: `None` for a stranger.
    pub(crate) fn membership(&self, user: UserId, slug: &str, org: Option<OrgId>, now: Time) {
        let key = (user, slug.to_owned());
        match org {
            // Not written at every request: most find what is there.
            Some(org) if self.organization(user, slug, now) != Some(org) => self.members.insert(key, (org, now)),
            Some(_) => {}
            None => self.members.invalidate(&key),
        }
    }

    /// The database said that this sign-in has ended, which nothing undoes.
    pub(crate) fn ended(&self, grant: GrantId, now: Time) {
        self.ended.insert(grant, now);
    }

    pub(super) fn has_ended(&self, grant: GrantId, now: Time) -> bool {
        self.ended.get(&grant).is_some_and(|at| lately(at, now, ENDED))
    }
}

fn lately(at: Time, now: Time, within: TimeDelta) -> bool {
    (now - at).abs() < within
}

//! What a process saw of its callers lately: who belongs to which organization, and which sign-ins have ended. It decides nobody's
//! access (the database does, at every use), only whose budget a request is counted against before it is looked at.

use chrono::TimeDelta;
use domain::{ApiKeyId, GrantId, OrgId, Time, authorization::principal::PrincipalId};
use moka::{policy::EvictionPolicy, sync::Cache};

/// How long a membership that was seen is believed. A member's first request after it is counted against their account alone.
const MEMBERSHIP: TimeDelta = TimeDelta::seconds(60);
/// How long a sign-in that was found ended is believed to be.
const ENDED: TimeDelta = TimeDelta::seconds(10);
/// How long an API key is known by its hash, before it is looked up again (which also records that it is used).
const API_KEY: TimeDelta = TimeDelta::seconds(60);
/// What is remembered of each kind.
const MAX: u64 = 50_000;

#[derive(Clone)]
pub(crate) struct Seen {
    members: Cache<(PrincipalId, String), (OrgId, Time)>,
    api_keys: Cache<String, (ApiKeyId, Time)>,
    ended: Cache<GrantId, Time>,
}

impl Seen {
    pub(super) fn new() -> Self {
        let lru = EvictionPolicy::lru;
        Self {
            members: Cache::builder().max_capacity(MAX).eviction_policy(lru()).build(),
            api_keys: Cache::builder().max_capacity(MAX).eviction_policy(lru()).build(),
            ended: Cache::builder().max_capacity(MAX).eviction_policy(lru()).build(),
        }
    }

    /// The organization `slug`, if they were seen there as a member lately.
    pub(crate) fn organization(&self, who: PrincipalId, slug: &str, now: Time) -> Option<OrgId> {
        let (org, at) = self.members.get(&(who, slug.to_owned()))?;
        lately(at, now, MEMBERSHIP).then_some(org)
    }

    /// What somebody is to an organization was just read: `None` for a stranger.
    pub(crate) fn membership(&self, who: PrincipalId, slug: &str, org: Option<OrgId>, now: Time) {
        let key = (who, slug.to_owned());
        match org {
            // Not written at every request: most find what is there.
            Some(org) if self.organization(who, slug, now) != Some(org) => self.members.insert(key, (org, now)),
            Some(_) => {}
            None => self.members.invalidate(&key),
        }
    }

    /// The key whose secret has this hash, if it was found alive lately. Whether it still is, is asked at its use.
    pub(crate) fn api_key(&self, hash: &str, now: Time) -> Option<ApiKeyId> {
        let (id, at) = self.api_keys.get(hash)?;
        lately(at, now, API_KEY).then_some(id)
    }

    /// A key was just found alive.
    pub(crate) fn api_key_found(&self, hash: String, id: ApiKeyId, now: Time) {
        self.api_keys.insert(hash, (id, now));
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

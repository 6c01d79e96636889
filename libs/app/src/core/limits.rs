//! How often somebody may call.
//!
//! - Sign-in routes are counted against the network they come from and the ranges around it, strictly: each asks the store that all
//!   processes share.
//! - Signed-in callers are counted against their account and, where the path names an organization they belong to, against that
//!   organization. This must cost a read next to nothing, so each process counts by itself and reports now and then (`buckets.rs`).
//! - An organization's budget is spent by its members only: whoever was not seen there as a member lately is counted against their own
//!   account alone. A stranger who names its slug gets refusals, and takes nothing from anybody.
//!
//! Every limit that concerns a request is decided in one round trip, and a refused request costs nothing.

mod buckets;
mod seen;

use std::time::Duration;

use crypto::{Verdict as Looked, opaque};
use domain::{
    Error, Result, SessionId, Time,
    authorization::principal::Credential,
    core::{
        ports::RateRequest,
        rate::{Admission, Limit, whole_seconds},
    },
};
use uuid::Uuid;

use self::buckets::{Buckets, Wanted, Whose};
pub(crate) use self::seen::Seen;
use crate::{App, Call};

/// What a request is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Sign-up, sign-in, tokens and mailed links, by anybody.
    SignIn,
    /// Reads of signed-in callers.
    Reads,
    /// Everything else that signed-in callers do.
    Writes,
    /// Reads of signed-in callers that go on until everything is told.
    Exports,
}

impl Group {
    /// As metrics and keys call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Group::SignIn => "sign_in",
            Group::Reads => "reads",
            Group::Writes => "writes",
            Group::Exports => "exports",
        }
    }
}

/// The limits of signed-in callers, one for each group.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// [`Group::Reads`].
    pub reads: Limit,
    /// [`Group::Writes`].
    pub writes: Limit,
    /// [`Group::Exports`].
    pub exports: Limit,
}

/// What configuration says.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Whether anything is limited at all.
    pub enabled: bool,
    /// [`Group::SignIn`], for each network.
    pub sign_in: Limit,
    /// For each account.
    pub account: Rates,
    /// For each organization.
    pub organization: Rates,
    /// Deliveries that are made because somebody asked, for each organization.
    pub redeliveries: Limit,
}

impl Rates {
    fn of(&self, group: Group) -> Option<Limit> {
        let limit = match group {
            Group::SignIn => return None,
            Group::Reads => self.reads,
            Group::Writes => self.writes,
            Group::Exports => self.exports,
        };
        Some(limit).filter(|limit| !limit.is_none())
    }
}

/// What a caller is told about the limit that is nearest to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests that may come at once.
    pub limit: u32,
    /// Requests left.
    pub remaining: u32,
    /// Seconds until all of them are left again.
    pub reset_seconds: u32,
}

impl From<Admission> for Quota {
    fn from(a: Admission) -> Self {
        Self { limit: a.limit, remaining: a.remaining, reset_seconds: whole_seconds(a.reset_after) }
    }
}

/// Whether a request may go on, and what its answer says about the limit either way.
#[derive(Debug)]
pub struct Verdict {
    /// `None` where nothing is limited.
    pub quota: Option<Quota>,
    /// `RateLimited` when a limit is used up.
    pub outcome: Result<()>,
}

impl Verdict {
    const FREE: Self = Self { quota: None, outcome: Ok(()) };

    fn of(group: &'static str, admission: Option<Admission>) -> Self {
        admission.map_or(Self::FREE, |admission| Self { quota: Some(admission.into()), outcome: outcome(group, admission) })
    }
}

fn outcome(group: &'static str, admission: Admission) -> Result<()> {
    if admission.allowed {
        return Ok(());
    }
    Err(refuse(group, whole_seconds(admission.retry_after)))
}

/// A refusal, counted.
pub(crate) fn refuse(group: &'static str, seconds: u32) -> Error {
    metrics::counter!("rate_limited_total", "group" => group).increment(1);
    Error::rate_limited(seconds.max(1))
}

/// Wrong guesses at one password or link: five at once, then one each ten seconds.
const ATTEMPTS_AT_ONE_SECRET: Limit = Limit { burst: 5, period: Duration::from_secs(10) };

/// A request under one limit; what is counted may be personal and is hashed.
pub(crate) fn rate_request(kind: &str, personal: &str, limit: Limit) -> RateRequest {
    RateRequest::new(format!("{kind}:{}", opaque::hash(personal)), limit)
}

/// A request under the limit of the network it comes from, and under wider ones of the ranges around it: without those, whoever is given
/// an IPv6 /48 has 65,536 networks. An IPv4 range is more people's than an IPv6 range of the same place in the list.
pub(crate) fn by_network(kind: &str, call: &Call, limit: Limit) -> [RateRequest; 3] {
    let [network, wider, widest] = call.origin.ranges();
    let times = if network.contains(':') { [1, 4, 16] } else { [1, 16, 256] };
    let wide = |times: u32| Limit { burst: limit.burst.saturating_mul(times), period: limit.period / times };
    // One name each, also where nothing is known of the address.
    [(0, network), (1, wider), (2, widest)]
        .map(|(level, range)| rate_request(kind, &format!("{level} {range}"), wide(times[level])))
}

/// Under which name a service's key is remembered with its organization, which no path of the service API names. No slug is empty.
pub(crate) const OF_KEY: &str = "";

/// What this process knows of the callers it counts.
#[derive(Clone)]
pub(crate) struct Counters {
    buckets: Buckets,
    pub(crate) seen: Seen,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self { buckets: Buckets::new(), seen: Seen::new() }
    }
}

impl App {
    /// Counts a request under several limits at once, in the store that all processes share; `RateLimited` when one is used up.
    pub(crate) async fn admit(&self, group: &'static str, requests: &[RateRequest]) -> Result<()> {
        self.decide(group, requests).await?.outcome
    }

    /// Looks at a guess at a secret, of which only so many may be wrong. Charged before it is looked at, so that guesses of the same moment
    /// count each other, and given back if it was not wrong, or not looked at. Those of one secret go one after another, so that
    /// right ones do not use each other's budget up.
    pub(crate) async fn guess<T>(
        &self,
        kind: &str,
        secret: &str,
        look: impl Future<Output = Result<(Looked, T)>>,
    ) -> Result<(Looked, T)> {
        if !self.settings.limits.enabled {
            return look.await;
        }
        let request = rate_request(kind, secret, ATTEMPTS_AT_ONE_SECRET);
        let _turn = self.admit_guess(&request.key).await?;
        self.admit("guesses", std::slice::from_ref(&request)).await?;
        let looked = look.await;
        if !matches!(looked, Ok((Looked::Wrong, _))) {
            self.kv.give_back(&request).await;
        }
        looked
    }

    async fn decide(&self, group: &'static str, requests: &[RateRequest]) -> Result<Verdict> {
        if !self.settings.limits.enabled {
            return Ok(Verdict::FREE);
        }
        Ok(Verdict::of(group, Admission::tightest(self.kv.admit(requests).await?)))
    }

    /// Counts a request to a sign-in route against the network it comes from.
    pub async fn admit_network(&self, call: &Call) -> Verdict {
        let limit = self.settings.limits.sign_in;
        if limit.is_none() {
            return Verdict::FREE;
        }
        let decided = self.decide(Group::SignIn.as_str(), &by_network("signin", call, limit)).await;
        decided.unwrap_or_else(|e| Verdict { quota: None, outcome: Err(e) })
    }

    /// Counts a request of a client that has shown who it is: it may do as much as an account may read. `RateLimited`.
    pub(crate) async fn admit_client(&self, client: Uuid, now: Time) -> Result<()> {
        self.admit_read(Whose::Client(client), now).await
    }

    /// Counts a client's look at who somebody is, against that somebody's session. `RateLimited`.
    pub(crate) async fn admit_userinfo(&self, session: SessionId, now: Time) -> Result<()> {
        self.admit_read(Whose::Session(session), now).await
    }

    async fn admit_read(&self, whose: Whose, now: Time) -> Result<()> {
        let Some(limit) = self.settings.limits.account.of(Group::Reads).filter(|_| self.settings.limits.enabled) else {
            return Ok(());
        };
        let wanted = Wanted { whose, group: Group::Reads, limit };
        let admission = self.counters.buckets.admit(self.kv.as_ref(), now, &[wanted]).await?;
        Verdict::of("clients", admission).outcome
    }

    /// Counts a request of a signed-in caller against their account (or their API key) and, if `slug` names an organization that they were lately seen
    /// in as a member, against that.
    pub async fn admit_caller(&self, group: Group, who: &Credential, slug: Option<&str>, now: Time) -> Verdict {
        let (limits, counters) = (&self.settings.limits, &self.counters);
        if !limits.enabled {
            return Verdict::FREE;
        }
        // Otherwise a token that was signed out could be used to use up its account's budget until it expires.
        if let Credential::Session(session) = who
            && counters.seen.has_ended(session.grant, now)
        {
            return Verdict { quota: None, outcome: Err(store::authorization::facts::signed_out()) };
        }
        let account = limits.account.of(group).map(|limit| Wanted { whose: Whose::Principal(who.id()), group, limit });
        let slug = slug.or(matches!(who, Credential::ServiceKey(_)).then_some(OF_KEY));
        let organization = slug.and_then(|slug| counters.seen.organization(who.id(), slug, now));
        let organization = organization.zip(limits.organization.of(group)).map(|(org, limit)| Wanted {
            whose: Whose::Organization(org),
            group,
            limit,
        });
        let wanted: Vec<Wanted> = account.into_iter().chain(organization).collect();
        let admitted = counters.buckets.admit(self.kv.as_ref(), now, &wanted).await;
        admitted.map_or_else(|e| Verdict { quota: None, outcome: Err(e) }, |admission| Verdict::of(group.as_str(), admission))
    }
}

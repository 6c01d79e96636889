//! How many deliveries may be open (waiting or in flight) at an endpoint, and at all endpoints of its organization. Pure; the store counts.
//!
//! Whoever reaches the bound loses nothing: the endpoint is *behind*, and catches up from the event feed when there is room. An endpoint
//! that has never answered 2xx may be somebody who never asked for events, so only few wait for it.
//!
//! A fifth of what an organization may have open is kept for endpoints at which few wait, so that those which work go on beside others
//! which are down. They are never so many that they use it up.

use serde::{Deserialize, Serialize};

use crate::Time;

/// The bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// At an endpoint.
    pub endpoint: i64,
    /// At all endpoints of an organization together.
    pub organization: i64,
    /// At an endpoint that has never answered 2xx.
    pub unverified: i64,
}

/// Endpoints that an organization may have.
pub const MAX_WEBHOOKS: i64 = 50;
/// An organization's bound is that many times what an endpoint may use of the kept fifth.
const SHARES: i64 = MAX_WEBHOOKS * 5;
/// What is enough to go on with, where a bound is large.
const ENOUGH: i64 = 500;

/// Which bound was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Full {
    /// The endpoint's.
    Endpoint,
    /// The organization's.
    Organization,
    /// That of an endpoint which has never answered 2xx.
    Unverified,
}

impl Full {
    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Organization => "organization",
            Self::Unverified => "unverified",
        }
    }

    /// What the database gave back.
    pub fn stored(text: &str) -> Self {
        [Self::Organization, Self::Unverified].into_iter().find(|full| full.as_str() == text).unwrap_or(Self::Endpoint)
    }
}

/// That an endpoint is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    /// Since when.
    pub since: Time,
    /// The number in the feed of the first event that it has not been given.
    pub from: i64,
    /// What was full then.
    pub why: Full,
}

/// How many are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// At the endpoint.
    pub here: i64,
    /// At all of its organization's, this one included.
    pub organization: i64,
}

/// How many more may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// So many.
    pub left: i64,
    /// Of so many that the bound allows.
    pub of: i64,
    /// The bound that is reached first.
    pub bound: Full,
}

impl Quotas {
    /// What may be made for an endpoint.
    pub fn room(&self, open: Open, verified: bool) -> Room {
        let few = self.unverified.min(self.endpoint);
        let (of, bound) = if verified { (self.endpoint, Full::Endpoint) } else { (few, Full::Unverified) };
        let own = Room { left: of - open.here, of, bound };
        let share = self.organization / SHARES;
        let unreserved = self.organization - share * MAX_WEBHOOKS;
        let common = Room { left: unreserved - open.organization, of: unreserved, bound: Full::Organization };
        let kept = Room { left: (share - open.here).min(self.organization - open.organization), of: share, ..common };
        let shared = if kept.left > common.left { kept } else { common };
        let room = if shared.left < own.left { shared } else { own };
        Room { left: room.left.max(0), ..room }
    }
}

impl Room {
    /// Whether an endpoint that is behind goes on: not for each single delivery that arrived, because whoever looks has to count.
    pub fn is_enough(self) -> bool {
        self.left >= (self.of / 4).clamp(1, ENOUGH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTAS: Quotas = Quotas { endpoint: 10_000, organization: 50_000, unverified: 100 };

    #[test]
    fn the_bound_that_is_reached_first_decides() {
        for (here, organization, verified, left, bound) in [
            (0, 0, true, 10_000, Full::Endpoint),
            (9_999, 9_999, true, 1, Full::Endpoint),
            (10_000, 10_000, true, 0, Full::Endpoint),
            (12_000, 12_000, true, 0, Full::Endpoint),
            (0, 0, false, 100, Full::Unverified),
            (100, 39_000, false, 0, Full::Unverified),
            (5_000, 39_000, true, 1_000, Full::Organization),
            (5_000, 40_000, true, 0, Full::Organization),
            (200, 40_000, true, 0, Full::Organization),
            // Few wait here: it goes on in what is kept for such.
            (0, 40_000, true, 200, Full::Organization),
            (150, 49_000, true, 50, Full::Organization),
            (0, 49_990, true, 10, Full::Organization),
            (0, 50_000, true, 0, Full::Organization),
            (99, 45_000, false, 1, Full::Unverified),
        ] {
            let room = QUOTAS.room(Open { here, organization }, verified);
            assert_eq!((room.left, room.bound), (left, bound), "{here} of {organization}, verified: {verified}");
        }
    }

    #[test]
    fn what_is_kept_is_never_used_up_by_endpoints_at_which_few_wait() {
        let share = QUOTAS.organization / SHARES;
        let others = QUOTAS.organization - share * MAX_WEBHOOKS;
        let last = Open { here: share - 1, organization: others + (MAX_WEBHOOKS - 1) * share + share - 1 };
        assert_eq!(QUOTAS.room(last, true).left, 1);
    }

    #[test]
    fn small_bounds_work_as_well() {
        let small = Quotas { endpoint: 3, organization: 5, unverified: 1 };
        assert_eq!(small.room(Open { here: 0, organization: 0 }, true).left, 3);
        assert_eq!(small.room(Open { here: 0, organization: 4 }, true).left, 1);
        assert_eq!(small.room(Open { here: 1, organization: 1 }, false).left, 0);
    }

    #[test]
    fn whoever_is_behind_goes_on_when_there_is_room_for_some() {
        let room = |left, of| Room { left, of, bound: Full::Endpoint }.is_enough();
        assert!(!room(499, 10_000) && room(500, 10_000));
        assert!(!room(24, 100) && room(25, 100));
        assert!(!room(0, 3) && room(1, 3) && !room(0, 0));
    }

    #[test]
    fn why_is_stored_as_it_is_shown() {
        for full in [Full::Endpoint, Full::Organization, Full::Unverified] {
            assert_eq!(Full::stored(full.as_str()), full);
        }
    }
}

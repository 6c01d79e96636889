//! Identifiers and secrets from the operating system.
//!
//! Ids are UUIDv7: they begin with the time, so they sort by age and keep database indexes compact. Several ids of the same
//! millisecond are told apart by a counter that only grows, so the order in which a process made them survives in the id.

use std::sync::{Arc, Mutex};

use domain::{IdGen, Time};
use rand::{TryRng, rngs::SysRng};
use uuid::{ContextV7, Timestamp, Uuid};

/// The production [`IdGen`]. Make one at start and clone it: clones share the counter that keeps ids in order.
#[derive(Clone, Debug, Default)]
pub struct OsRandom {
    order: Arc<Mutex<ContextV7>>,
}

impl OsRandom {
    /// A generator with a counter of its own.
    pub fn new() -> Self {
        Self::default()
    }
}

impl IdGen for OsRandom {
    /// When the clock has jumped back, the id carries the latest moment seen so far: order matters more than the exact time.
    fn uuid(&self, now: Time) -> Uuid {
        // UUIDv7 cannot express a moment before 1970; such a clock is wrong anyway and must not stop the service.
        let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
        Uuid::new_v7(Timestamp::from_unix(&*self.order, seconds, now.timestamp_subsec_nanos()))
    }

    fn secret(&self) -> [u8; 32] {
        bytes()
    }
}

/// `N` bytes nobody can guess.
///
/// # Panics
///
/// When the operating system has no randomness to give. Going on without would hand out guessable keys.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use chrono::{DateTime, TimeDelta};

    use super::*;

    fn noon() -> Time {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    #[test]
    fn ids_of_one_moment_sort_in_the_order_they_were_made() {
        let random = OsRandom::new();
        let ids: Vec<Uuid> = (0..10_000).map(|_| random.uuid(noon())).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(ids[0].get_version_num(), 7);
        assert_eq!(ids[0].get_timestamp().unwrap().to_unix().0, 1_800_000_000);
    }

    #[test]
    fn a_clock_that_jumps_back_neither_panics_nor_breaks_the_order() {
        let random = OsRandom::new();
        let mut last = random.uuid(noon());
        for back in [TimeDelta::milliseconds(1), TimeDelta::days(1), TimeDelta::days(80 * 365)] {
            let next = random.uuid(noon() - back);
            assert!(next > last, "{back}");
            last = next;
        }
        assert!(random.uuid(Time::MIN_UTC) > last);
    }

    #[test]
    fn threads_that_share_a_generator_never_make_the_same_id() {
        let random = OsRandom::new();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let random = random.clone();
                std::thread::spawn(move || (0..1_000).map(|_| random.uuid(noon())).collect::<Vec<_>>())
            })
            .collect();
        let ids: HashSet<Uuid> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(ids.len(), 4_000);
    }

    #[test]
    fn secrets_differ() {
        let random = OsRandom::new();
        assert_ne!(random.secret(), random.secret());
    }
}

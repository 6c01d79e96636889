//! How many conversations with customers' mail servers there are at once: a server that takes its time costs the others nothing.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::OrgId;

/// Of one organization, in this process.
const PER_ORGANIZATION: usize = 2;

/// The places. Clones share them.
#[derive(Clone)]
pub(super) struct Places {
    /// Of all organizations: the rest of the concurrency slots is the platform's mails'.
    most: usize,
    taken: Arc<Mutex<HashMap<OrgId, usize>>>,
}

/// A place that is taken until this is dropped.
pub(super) struct Place {
    org: OrgId,
    taken: Arc<Mutex<HashMap<OrgId, usize>>>,
}

impl Places {
    pub(super) fn new(concurrency: usize) -> Self {
        Self { most: (concurrency / 4 * 3).max(1), taken: Arc::default() }
    }

    /// A place, if there is one for this organization.
    pub(super) fn take(&self, org: OrgId) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, own) = (taken.values().sum::<usize>(), taken.get(&org).copied().unwrap_or(0));
        if all >= self.most || own >= PER_ORGANIZATION {
            return None;
        }
        taken.insert(org, own + 1);
        Some(Place { org, taken: self.taken.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.org) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(taken.remove(&self.org)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org(n: u128) -> OrgId {
        OrgId::new(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn an_organization_has_two_places_and_all_together_three_quarters() {
        let places = Places::new(8);
        let first = places.take(org(1)).unwrap();
        let _second = places.take(org(1)).unwrap();
        assert!(places.take(org(1)).is_none());
        let others: Vec<_> = (2..9).filter_map(|n| places.take(org(n))).collect();
        assert_eq!(others.len(), 4);
        drop(others);
        drop(first);
        assert!(places.take(org(1)).is_some());
    }

    #[test]
    fn one_slot_serves_everybody_in_turn() {
        let places = Places::new(1);
        let only = places.take(org(1)).unwrap();
        assert!(places.take(org(2)).is_none());
        drop(only);
        assert!(places.take(org(2)).is_some());
    }
}

use std::{collections::HashMap, sync::Mutex};

use domain::{Clock, core::clock::SystemClock};
use uuid::Uuid;

use super::*;

/// A store like Redis: exact, shared by all, and it notes how often it was asked.
#[derive(Default)]
struct Shared {
    full_at: Mutex<HashMap<String, i64>>,
    asked: Mutex<u32>,
    now: Mutex<i64>,
}

#[async_trait::async_trait]
impl Kv for Shared {
    async fn admit(&self, requests: &[RateRequest]) -> Result<Vec<Admission>> {
        *self.asked.lock().unwrap() += 1;
        let now = *self.now.lock().unwrap();
        let mut stored = self.full_at.lock().unwrap();
        let before = |stored: &HashMap<String, i64>, request: &RateRequest| {
            let latest = -request.unreported_age_micros();
            let known = stored.get(&request.key).map_or(latest, |at| (at - now).max(latest));
            let known = if known > request.limit.deepest() { latest } else { known };
            (known + request.limit.micros() * i64::from(request.unreported)).clamp(0, request.limit.deepest())
        };
        let pass = requests.iter().all(|request| request.limit.fits(before(&stored, request)));
        let mut charge = |request: &RateRequest| {
            let fits = request.limit.fits(before(&stored, request));
            let until_full = before(&stored, request) + if pass { request.limit.micros() } else { 0 };
            stored.insert(request.key.clone(), now + until_full);
            request.limit.admission(fits, until_full)
        };
        Ok(requests.iter().map(&mut charge).collect())
    }
    async fn give_back(&self, _: &RateRequest) {}
    async fn wake(&self) {}
    async fn woken(&self) {}
    async fn healthy(&self) -> bool {
        true
    }
}

/// Some processes, one store, and a clock for all.
struct World {
    store: Shared,
    processes: Vec<Buckets>,
    start: Time,
    passed: std::cell::Cell<i64>,
}

impl World {
    fn of(processes: usize) -> Self {
        let (start, processes) = (SystemClock.now(), (0..processes).map(|_| Buckets::new()).collect());
        let store = Shared { now: Mutex::new(start.timestamp_micros()), ..Shared::default() };
        Self { store, processes, start, passed: std::cell::Cell::new(0) }
    }
    fn pass(&self, micros: i64) {
        self.passed.set(self.passed.get() + micros);
        *self.store.now.lock().unwrap() += micros;
    }
    async fn call(&self, process: usize, wanted: &[Wanted]) -> Admission {
        let now = self.start + chrono::TimeDelta::microseconds(self.passed.get());
        self.processes[process].admit(&self.store, now, wanted).await.unwrap().expect("something is limited")
    }
    fn asked(&self) -> u32 {
        *self.store.asked.lock().unwrap()
    }
}

fn account(n: u128, limit: Limit) -> Wanted {
    Wanted { whose: Whose::Principal(PrincipalId::User(domain::UserId::new(Uuid::from_u128(n)))), group: Group::Reads, limit }
}

fn organization(limit: Limit) -> Wanted {
    Wanted { whose: Whose::Organization(OrgId::new(Uuid::from_u128(1))), group: Group::Reads, limit }
}

#[tokio::test]
async fn one_process_is_exact_and_seldom_asks() {
    for burst in [1, 2, 5, 17, 200, 1000] {
        let (world, wanted) = (World::of(1), [account(1, Limit::each(50, 1, burst))]);
        for left in (0..burst).rev() {
            let admission = world.call(0, &wanted).await;
            assert!(admission.allowed, "{left} of {burst}");
            assert_eq!(admission.remaining, left, "of {burst}");
        }
        let asked = world.asked();
        let refused = world.call(0, &wanted).await;
        assert!(!refused.allowed && refused.retry_after <= wanted[0].limit.period, "{refused:?}");
        assert!(burst < 200 || asked <= burst / 20 + 25, "{asked} round trips for {burst}");
        for _ in 0..1000 {
            assert!(!world.call(0, &wanted).await.allowed);
        }
        assert_eq!(world.asked(), asked, "what is refused here is nobody else's matter");
        world.pass(wanted[0].limit.micros());
        assert!(world.call(0, &wanted).await.allowed, "one more after the time it named");
        assert!(!world.call(0, &wanted).await.allowed, "and only one");
    }
}

#[tokio::test]
async fn several_processes_are_off_by_less_than_a_credit_each_and_only_once() {
    let limit = Limit::each(50, 1, 1000);
    let (world, wanted) = (World::of(4), [account(1, limit)]);
    let mut served = 0;
    // Each in turn, far beyond the limit, without time to recover.
    for n in 0..8000 {
        served += u32::from(world.call(n % 4, &wanted).await.allowed);
    }
    assert!((1000..=1000 + 4 * MAX_CREDIT).contains(&served), "{served}");
    // Over a minute the rate holds: what was too much at first is paid back.
    for n in 0..60_000 {
        world.pass(1000);
        served += u32::from(world.call(n % 4, &wanted).await.allowed);
    }
    assert!(served <= 1000 + 60 * 50 + 4, "{served} in a minute");
    assert!(served >= 1000 + 60 * 50 - 4 * MAX_CREDIT, "{served} in a minute: nobody is shut out");
}

#[tokio::test]
async fn a_request_refused_by_one_budget_costs_the_other_nothing() {
    let (wide, narrow) = (Limit::each(1, 60, 100), Limit::each(1, 60, 3));
    let world = World::of(1);
    let both = [account(1, narrow), organization(wide)];
    for _ in 0..3 {
        assert!(world.call(0, &both).await.allowed);
    }
    for _ in 0..50 {
        let refused = world.call(0, &both).await;
        assert_eq!((refused.allowed, refused.limit), (false, 3), "the answer is about the one that refuses");
    }
    assert_eq!(world.call(0, &[account(2, narrow), organization(wide)]).await.remaining, 2);
    let organization_left = world.call(0, &[organization(wide)]).await.remaining;
    assert_eq!(organization_left, 100 - 5, "three, one of somebody else, and this one");
}

#[tokio::test]
async fn an_organization_is_shared_by_its_members() {
    let (world, wide) = (World::of(2), Limit::each(1, 60, 8));
    let mut served = 0;
    for n in 0..40 {
        served += u32::from(world.call(n % 2, &[account(n as u128, Limit::each(1, 60, 50)), organization(wide)]).await.allowed);
    }
    // A quarter of eight is two for each of the two processes.
    assert!((8..=12).contains(&served), "{served}");
}

#[tokio::test]
async fn a_clock_that_goes_back_shuts_nobody_out() {
    let (world, wanted) = (World::of(1), [account(1, Limit::each(1, 1, 5))]);
    while world.call(0, &wanted).await.allowed {}
    world.pass(-3_600_000_000);
    assert!(world.call(0, &wanted).await.allowed);
}

#[tokio::test]
async fn what_is_told_late_counts_as_old_as_it_is() {
    let (world, wanted) = (World::of(1), [account(1, Limit::each(1, 1, 7))]);
    for _ in 0..5 {
        assert_eq!(world.call(0, &wanted).await.remaining, 6);
        world.pass(300_000_000);
    }
}

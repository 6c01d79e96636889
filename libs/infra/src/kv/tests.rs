mod server;

use std::time::{Duration, Instant};

use domain::{
    Clock,
    core::{
        clock::{ManualClock, SystemClock},
        ports::{Kv, RateRequest},
        rate::{Admission, Limit},
    },
};
use tokio::time::{sleep, timeout};

use self::server::Server;
use super::*;

/// Longer than anything takes that will happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

async fn client(server: &Server) -> RedisKv {
    let kv = RedisKv::connect(&server.url(), Arc::new(SystemClock)).await.unwrap();
    until("Redis answers", async || kv.healthy().await).await;
    kv
}

async fn until(what: &str, check: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !check().await {
        assert!(started.elapsed() < PATIENCE, "waited too long: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn request(key: &str, limit: Limit) -> RateRequest {
    RateRequest::new(key.to_owned(), limit)
}

async fn count(kv: &dyn Kv, key: &str, limit: Limit) -> Admission {
    kv.admit(&[request(key, limit)]).await.unwrap()[0]
}

/// What every store must do. `pass` lets time go by: the clock's or the real one.
async fn contract(kv: &dyn Kv, pass: impl AsyncFn(Duration)) {
    // Long enough for a few calls in a row on a busy machine.
    let limit = Limit { burst: 3, period: Duration::from_secs(2) };
    let began = Instant::now();
    for left in [2, 1, 0] {
        let admission = count(kv, "a", limit).await;
        assert!(admission.allowed);
        assert_eq!((admission.remaining, admission.retry_after), (left, Duration::ZERO));
        assert!(admission.reset_after <= limit.period * (3 - left));
        assert!(admission.reset_after + began.elapsed() >= limit.period * (3 - left), "{admission:?}");
    }
    let refused = count(kv, "a", limit).await;
    assert!(!refused.allowed && refused.remaining == 0, "{refused:?}");
    assert!(refused.retry_after > Duration::ZERO && refused.retry_after <= limit.period, "{refused:?}");
    assert!(refused.reset_after + began.elapsed() >= limit.period * 3, "a refused request costs nothing: {refused:?}");
    assert!(count(kv, "b", limit).await.allowed, "keys do not share a bucket");

    pass(refused.retry_after).await;
    assert!(count(kv, "a", limit).await.allowed, "one more after `retry_after`");
    assert!(!count(kv, "a", limit).await.allowed, "and only one");
    pass(limit.period * 3).await;
    assert_eq!(count(kv, "a", limit).await.remaining, 2, "all of it after `reset_after`");

    let free = Limit { burst: 5, period: Duration::ZERO };
    assert!(count(kv, "free", free).await.allowed, "no period, no limit");
    let shut = Limit { burst: 0, period: Duration::from_secs(1) };
    assert!(!count(kv, "shut", shut).await.allowed, "no burst, no entry");

    several_limits_of_one_request(kv).await;
    what_is_given_back_was_not_counted(kv).await;

    kv.wake().await;
    timeout(PATIENCE, kv.woken()).await.expect("a wake that nobody waited for is kept");
    let (heard, ()) = tokio::join!(timeout(PATIENCE, kv.woken()), async {
        sleep(Duration::from_millis(50)).await;
        kv.wake().await;
    });
    heard.expect("a waiting loop hears a wake");
    assert!(kv.healthy().await);
}

async fn what_is_given_back_was_not_counted(kv: &dyn Kv) {
    let one = request("given", Limit { burst: 3, period: Duration::from_secs(60) });
    kv.give_back(&one).await;
    for left in [2, 1, 0] {
        assert_eq!(count(kv, "given", one.limit).await.remaining, left, "what was never counted gives nothing");
    }
    for _ in 0..2 {
        kv.give_back(&one).await;
    }
    assert_eq!(count(kv, "given", one.limit).await.remaining, 1);
    for _ in 0..9 {
        kv.give_back(&one).await;
    }
    assert_eq!(count(kv, "given", one.limit).await.remaining, 2, "never more than there was");
}

/// All must allow, a refused request costs nothing under any of them, and what is reported late is charged in any case.
async fn several_limits_of_one_request(kv: &dyn Kv) {
    let slow = |burst| Limit { burst, period: Duration::from_secs(60) };
    let both = [request("wide", slow(10)), request("narrow", slow(2))];
    for left in [9, 8] {
        let admissions = kv.admit(&both).await.unwrap();
        assert!(admissions.iter().all(|admission| admission.allowed));
        assert_eq!((admissions[0].remaining, admissions[1].remaining), (left, left - 8));
    }
    let refused = kv.admit(&both).await.unwrap();
    assert_eq!((refused[0].allowed, refused[1].allowed), (true, false), "each says for itself: {refused:?}");
    assert_eq!((refused[0].remaining, refused[1].retry_after > Duration::from_secs(50)), (8, true), "{refused:?}");
    assert_eq!(count(kv, "wide", slow(10)).await.remaining, 7, "the refused request cost nothing");

    let late = |unreported| RateRequest { unreported, ..request("late", slow(10)) };
    assert_eq!(kv.admit(&[late(4)]).await.unwrap()[0].remaining, 5, "four before, and this one");
    let refused = kv.admit(&[late(8)]).await.unwrap()[0];
    assert!(!refused.allowed && refused.remaining == 0, "{refused:?}");
    assert!(
        refused.retry_after > Duration::from_secs(3 * 60),
        "what is unreported beyond the burst is paid back first: {refused:?}"
    );
    let other = kv.admit(&[late(0), request("other", slow(5))]).await.unwrap();
    assert_eq!((other[0].allowed, other[1].remaining), (false, 5), "{other:?}");
    assert_eq!(
        kv.admit(&[RateRequest { unreported: 2, ..request("other", slow(5)) }, late(0)]).await.unwrap()[0].remaining,
        3,
        "only what was unreported"
    );
    let long_ago = RateRequest { unreported: 3, unreported_age: Duration::from_secs(170), ..request("ago", slow(5)) };
    assert_eq!(kv.admit(std::slice::from_ref(&long_ago)).await.unwrap()[0].remaining, 3, "all but ten seconds of it is over");
    assert_eq!(kv.admit(std::slice::from_ref(&long_ago)).await.unwrap()[0].remaining, 0, "but what others used meanwhile is not");
    assert_eq!(kv.admit(&[]).await.unwrap(), []);
}

async fn is_exact(kv: Arc<dyn Kv>) {
    let limit = Limit { burst: 20, period: Duration::from_secs(60) };
    let racers = (0..100).map(|_| {
        let kv = Arc::clone(&kv);
        tokio::spawn(async move { count(&*kv, "race", limit).await.allowed })
    });
    let passed = futures::future::join_all(racers).await.into_iter().filter(|allowed| *allowed.as_ref().unwrap()).count();
    assert_eq!(passed, 20, "exactly the burst passes a race");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_keeps_the_contract() {
    let clock = ManualClock::at(SystemClock.now());
    contract(&MemoryKv::new(Arc::new(clock.clone())), async |by| clock.advance(chrono::TimeDelta::from_std(by).unwrap())).await;
    is_exact(Arc::new(MemoryKv::new(Arc::new(clock)))).await;
}

#[tokio::test]
async fn a_clock_that_was_ahead_shuts_nobody_out() {
    let clock = ManualClock::at(SystemClock.now());
    let (kv, limit) = (MemoryKv::new(Arc::new(clock.clone())), Limit { burst: 2, period: Duration::from_secs(60) });
    clock.advance(chrono::TimeDelta::days(1));
    while count(&kv, "a", limit).await.allowed {}
    clock.advance(chrono::TimeDelta::days(-1));
    assert!(count(&kv, "a", limit).await.allowed, "what it left is forgotten");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_keeps_the_contract() {
    let Some(server) = Server::start() else { return };
    contract(&client(&server).await, sleep).await;
    is_exact(Arc::new(client(&server).await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_share_limits_and_wake_each_other() {
    let Some(server) = Server::start() else { return };
    let (one, two) = (client(&server).await, client(&server).await);
    let limit = Limit { burst: 2, period: Duration::from_secs(60) };
    assert!(count(&one, "x", limit).await.allowed);
    assert!(count(&two, "x", limit).await.allowed);
    assert!(!count(&one, "x", limit).await.allowed);
    until("a wake crosses", async || {
        one.wake().await;
        timeout(Duration::from_millis(100), two.woken()).await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_outage_of_redis_neither_fails_nor_slows_requests_and_heals() {
    let Some(mut server) = Server::start() else { return };
    let kv = client(&server).await;
    let limit = Limit { burst: 5, period: Duration::from_secs(60) };
    assert!(count(&kv, "x", limit).await.allowed);
    server.stop();
    let started = Instant::now();
    let mut passed = 0;
    for _ in 0..50 {
        passed += u32::from(count(&kv, "x", limit).await.allowed);
    }
    assert_eq!(passed, 5, "the limit holds inside the process");
    // Waiting in vain once a call would take 12 seconds.
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    assert!(!kv.healthy().await);
    kv.wake().await;
    timeout(PATIENCE, kv.woken()).await.expect("local wakes need no Redis");
    server.restart();
    until("Redis is back", async || kv.healthy().await).await;
    until("limits are shared again", async || {
        sleep(Duration::from_millis(100)).await;
        count(&kv, "fresh", limit).await;
        let stored = redis_get(&server.url(), "tenantry:limit:fresh").await;
        stored.is_some()
    })
    .await;
}

async fn redis_get(url: &str, key: &str) -> Option<String> {
    let mut connection = ::redis::Client::open(url).ok()?.get_multiplexed_async_connection().await.ok()?;
    ::redis::cmd("GET").arg(key).query_async(&mut connection).await.ok()?
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_redis_that_starts_later_is_found() {
    let Some(mut server) = Server::start() else { return };
    server.stop();
    let kv = RedisKv::connect(&server.url(), Arc::new(SystemClock)).await.unwrap();
    assert!(!kv.healthy().await);
    sleep(Duration::from_secs(1)).await;
    server.restart();
    until("Redis answers", async || kv.healthy().await).await;
    let other = client(&server).await;
    until("wake-ups arrive as well", async || {
        other.wake().await;
        timeout(Duration::from_millis(200), kv.woken()).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn an_empty_url_means_memory_and_a_dead_redis_does_not_stop_the_start() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let memory = connect(&RedisConfig { url: crate::config::Secret::default() }, Arc::clone(&clock)).await;
    assert!(memory.healthy().await);
    let dead = connect(&RedisConfig { url: crate::config::Secret::new("redis://127.0.0.1:1") }, clock).await;
    assert!(!dead.healthy().await);
    assert!(count(&*dead, "x", Limit { burst: 1, period: Duration::from_secs(1) }).await.allowed);
}

#[tokio::test]
async fn a_redis_that_refuses_scripts_is_not_healthy() {
    let Some(server) = Server::start() else { return };
    let kv = client(&server).await;
    let administrator = ::redis::Client::open(server.url()).unwrap();
    let mut connection = administrator.get_multiplexed_async_connection().await.unwrap();
    let mut rights = async |rights: &str| {
        ::redis::cmd("ACL").arg(&["SETUSER", "default", rights]).query_async::<String>(&mut connection).await.unwrap();
    };
    rights("-@scripting").await;
    assert!(!kv.healthy().await, "it still answers PING");
    rights("+@scripting").await;
    assert!(kv.healthy().await);
}

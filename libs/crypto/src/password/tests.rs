use std::time::Instant;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use domain::Kind;
use futures::future::join_all;

use super::*;

/// Threads at idle priority get little time on a busy machine, and tests run on busy machines.
const PATIENCE: Duration = Duration::from_secs(60);

fn hasher() -> Hasher {
    Hasher::start(HasherConfig { threads: 1, ..HasherConfig::default() })
}

/// A hash as an older release or another product would have stored it.
fn foreign(algorithm: Algorithm, m: u32, t: u32, p: u32) -> String {
    let params = Params::new(m, t, p, None).unwrap();
    Argon2::new(algorithm, Version::V0x13, params).hash_password_with_salt(b"hunter2", b"0123456789abcdef").unwrap().to_string()
}

#[tokio::test]
async fn the_right_password_is_right_and_every_other_wrong() {
    let hasher = hasher();
    let stored = hasher.hash("hunter2").await.unwrap();
    assert_ne!(stored, hasher.hash("hunter2").await.unwrap(), "the salt is random");
    assert_eq!(hasher.verify("hunter2", Some(&stored)).await.unwrap(), Verdict::Right);
    for wrong in ["", "hunter", "hunter2 ", "Hunter2"] {
        assert_eq!(hasher.verify(wrong, Some(&stored)).await.unwrap(), Verdict::Wrong, "{wrong}");
        assert_eq!(hasher.verify(wrong, None).await.unwrap(), Verdict::Wrong, "{wrong}");
    }
}

#[tokio::test]
async fn no_account_takes_as_long_as_a_wrong_password() {
    let hasher = hasher();
    let stored = hasher.hash("hunter2").await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut fastest = [Duration::MAX; 2];
    // The fastest of each, of as many as it takes: whatever else this machine does makes some slower, and none faster.
    loop {
        for (time, stored) in fastest.iter_mut().zip([Some(stored.as_str()), None]) {
            let start = Instant::now();
            hasher.verify("wrong", stored).await.unwrap();
            *time = (*time).min(start.elapsed());
        }
        let ratio = fastest[0].as_secs_f64() / fastest[1].as_secs_f64();
        if (0.5..2.0).contains(&ratio) {
            return;
        }
        assert!(Instant::now() < deadline, "{fastest:?}");
    }
}

#[tokio::test]
async fn hashes_with_other_parameters_are_right_but_due() {
    let hasher = hasher();
    let due = [(Algorithm::Argon2id, 8_192, 2, 1), (Algorithm::Argon2id, 19_456, 3, 1), (Algorithm::Argon2i, 19_456, 2, 1)];
    for (algorithm, m, t, p) in due.into_iter().chain([(Algorithm::Argon2id, 32_768, 1, 4)]) {
        let stored = foreign(algorithm, m, t, p);
        assert_eq!(hasher.verify("hunter2", Some(&stored)).await.unwrap(), Verdict::RightButRehash, "{stored}");
        assert_eq!(hasher.verify("hunter3", Some(&stored)).await.unwrap(), Verdict::Wrong, "{stored}");
    }
    let same = foreign(Algorithm::Argon2id, 19_456, 2, 1);
    assert_eq!(hasher.verify("hunter2", Some(&same)).await.unwrap(), Verdict::Right);
}

#[tokio::test]
async fn an_unusable_stored_hash_is_our_defect_and_costs_nothing() {
    let hasher = hasher();
    let body = "$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let huge = format!("$argon2id$v=19$m=4000000,t=2,p=1{body}");
    let slow = format!("$argon2id$v=19$m=8,t=4000000,p=1{body}");
    for stored in ["", "plain", "$2b$12$abc", "$argon2id$v=19$m=19456,t=2,p=1", &huge, &slow] {
        assert_eq!(hasher.verify("x", Some(stored)).await.unwrap_err().kind, Kind::Internal, "{stored}");
    }
    assert!(hasher.hash("the thread lives on").await.is_ok());
}

#[tokio::test]
async fn enormous_passwords_are_refused_unhashed() {
    let hasher = hasher();
    let (most, more) = ("x".repeat(MAX_PASSWORD_BYTES), "x".repeat(MAX_PASSWORD_BYTES + 1));
    assert!(hasher.hash(&most).await.is_ok());
    assert_eq!(hasher.hash(&more).await.unwrap_err().kind, Kind::Invalid);
    assert_eq!(hasher.verify(&more, None).await.unwrap(), Verdict::Wrong);
}

#[tokio::test]
async fn a_full_queue_answers_unavailable_at_once_and_serves_the_rest() {
    let hasher = Hasher::start(HasherConfig { threads: 1, queue: 2, ..HasherConfig::default() });
    let answers = join_all((0..20).map(|_| hasher.hash("hunter2"))).await;
    let served = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!((2..10).contains(&served), "{served}");
    for error in answers.into_iter().filter_map(Result::err) {
        assert_eq!((error.kind, error.retry_after), (Kind::Unavailable, Some(1)));
    }
    assert!(hasher.hash("hunter2").await.is_ok(), "and afterwards there is room again");
}

#[tokio::test]
async fn callers_who_hang_up_leave_their_place_to_others() {
    let hasher = Hasher::start(HasherConfig { threads: 1, queue: 2, ..HasherConfig::default() });
    for _ in 0..20 {
        // Polled once, so it is queued; then dropped, as when the connection closes.
        let answer = tokio::time::timeout(Duration::ZERO, hasher.hash("hunter2")).await;
        assert!(!matches!(answer, Ok(Err(_))), "an abandoned task took the place: {answer:?}");
    }
}

#[tokio::test]
async fn memory_is_kept_while_busy_and_given_back_when_idle() {
    let hasher =
        Hasher::start(HasherConfig { threads: 1, queue: 2, idle_release: Duration::from_millis(500), ..HasherConfig::default() });
    assert_eq!(hasher.memory(), 0);
    let deadline = Instant::now() + PATIENCE;
    let mut most = 0;
    // Another one, should this thread have had no time to look within half a second.
    while most == 0 {
        hasher.hash("hunter2").await.unwrap();
        most = hasher.memory();
        assert!(Instant::now() < deadline, "never kept");
    }
    while hasher.memory() > 0 {
        most = most.max(hasher.memory());
        assert!(Instant::now() < deadline, "never given back");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(most, 19_456 * 1024);
    assert!(hasher.hash("hunter2").await.is_ok());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_threads_run_at_idle_priority_and_end_with_the_hasher() {
    const SCHED_IDLE: &str = "5";
    // A name no other test's pool has.
    let hasher = Hasher::start(HasherConfig { threads: 7, ..HasherConfig::default() });
    join_all((0..7).map(|_| hasher.hash("hunter2"))).await;
    assert_eq!(policy_of("argon2-6").as_deref(), Some(SCHED_IDLE));
    drop(hasher);
    let deadline = Instant::now() + PATIENCE;
    while policy_of("argon2-6").is_some() {
        assert!(Instant::now() < deadline, "the threads outlived the hasher");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The scheduling policy (field 41 of `stat`, see proc(5)) of this process's thread `name`.
#[cfg(target_os = "linux")]
fn policy_of(name: &str) -> Option<String> {
    std::fs::read_dir("/proc/self/task").unwrap().flatten().find_map(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).ok()?;
        let (head, tail) = stat.rsplit_once(") ")?;
        let found = head.split_once('(')?.1 == name;
        found.then(|| tail.split(' ').nth(41 - 3).map(str::to_owned))?
    })
}

#[tokio::test]
async fn a_password_is_right_however_its_letters_were_typed() {
    let hasher = hasher();
    let (composed, decomposed) = ("pässwörter", "pa\u{308}sswo\u{308}rter");
    let stored = hasher.hash(composed).await.unwrap();
    assert_eq!(hasher.verify(decomposed, Some(&stored)).await.unwrap(), Verdict::Right);
    let stored = hasher.hash(decomposed).await.unwrap();
    assert_eq!(hasher.verify(composed, Some(&stored)).await.unwrap(), Verdict::Right);
    assert_eq!(hasher.verify("passworter", Some(&stored)).await.unwrap(), Verdict::Wrong);
    assert_eq!(hasher.verify(decomposed, None).await.unwrap(), Verdict::Wrong);
    // Width is part of a password.
    let wide = hasher.hash("ＷＩＤＥ").await.unwrap();
    assert_eq!(hasher.verify("WIDE", Some(&wide)).await.unwrap(), Verdict::Wrong);
}

#[tokio::test]
async fn an_old_hash_of_what_was_typed_works_and_is_due() {
    let hasher = hasher();
    let typed = "pa\u{308}sswo\u{308}rter";
    let salt = b"0123456789abcdef";
    let stored = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19_456, 2, 1, None).unwrap())
        .hash_password_with_salt(typed.as_bytes(), salt)
        .unwrap()
        .to_string();
    assert_eq!(hasher.verify(typed, Some(&stored)).await.unwrap(), Verdict::RightButRehash);
}

//! The floor of sign-ins and refreshes: bare password hashes and bare signatures, without a server.

use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use crypto::{Alg, KeySet, SigningKey};
use domain::{Clock, core::clock::SystemClock};

/// Hashes a second of one thread that keeps its memory, with the product's parameters.
pub(crate) fn argon2id(time: Duration) -> anyhow::Result<f64> {
    let params = Params::new(19_456, 2, 1, Some(32)).map_err(|e| anyhow::anyhow!("{e}"))?;
    let mut memory = vec![Block::default(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (began, mut count, mut output) = (Instant::now(), 0_u32, [0; 32]);
    while began.elapsed() < time {
        let hashed = argon2.hash_password_into_with_memory(crate::seed::PASSWORD.as_bytes(), &[7; 16], &mut output, &mut memory);
        hashed.map_err(|e| anyhow::anyhow!("{e}"))?;
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

/// ES256 signatures a second of one thread.
pub(crate) fn signatures(time: Duration) -> anyhow::Result<f64> {
    of_one_thread(Alg::Es256, time)
}

/// Signatures a second of as many threads as there are cores.
pub(crate) fn all_cores(alg: Alg, time: Duration) -> anyhow::Result<f64> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads: Vec<_> = (0..cores).map(|_| std::thread::spawn(move || of_one_thread(alg, time))).collect();
    let rates = threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))?);
    rates.sum()
}

fn of_one_thread(alg: Alg, time: Duration) -> anyhow::Result<f64> {
    let (key, _) = SigningKey::generate(alg)?;
    let now = SystemClock.now();
    let keys = KeySet::new(vec![(key, now, None)]);
    let claims = serde_json::json!({"sub": "usr_019ab2c3d4e57f008000000000000002", "iat": 0, "exp": 1});
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < time {
        keys.sign_with(alg, "at+jwt", &claims, now)?;
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

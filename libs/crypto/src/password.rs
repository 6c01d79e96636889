//! Passwords: argon2id with OWASP's parameters (19 MiB, two passes, one lane), stored as PHC strings.
//!
//! One hash costs 19 MiB and some 15 ms of a core, on purpose. Left to the runtime's blocking pool, a wave of sign-ins took
//! gigabytes and made every other route slow. So hashing has its own few threads: each keeps one block of memory while busy, all
//! run at idle priority (other requests go first) unless told otherwise, and a short queue in front refuses what cannot be served soon with
//! "unavailable, try again" instead of letting everybody wait. Who gets a place in it is decided by [`queue`].

mod cost;
mod guessable;
mod pool;
mod queue;
mod task;

use std::{sync::Arc, time::Duration};

use domain::{Error, Result, core::text::opaque};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

pub use cost::HashCost;
pub use guessable::refuse_guessable;
use pool::Pool;
pub use queue::Asker;
use task::Task;

/// Longer passwords are refused unhashed: nobody types them, and they only cost us time.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// How password hashing is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HasherConfig {
    /// Threads, each with 19 MiB while busy. 0 means one less than there are cores, but at least one.
    pub threads: usize,
    /// How many passwords may wait. With 64 and one thread the last one waits about a second.
    pub queue: usize,
    /// After this long without work a thread gives its memory back.
    pub idle_release: Duration,
    /// Whether the threads run at idle priority: everything else that shares their processors goes first.
    pub idle_priority: bool,
    /// What a hash costs. No setting: only tests hash cheaply.
    pub cost: HashCost,
}

impl Default for HasherConfig {
    fn default() -> Self {
        Self { threads: 0, queue: 64, idle_release: Duration::from_secs(30), idle_priority: true, cost: HashCost::OWASP }
    }
}

/// What came of comparing a password with a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not the password, or there is no such account.
    Wrong,
    /// The password.
    Right,
    /// The password, but its hash has other parameters, or another spelling, than today's: [`Hasher::hash`] it again and store that.
    RightButRehash,
}

/// Hashes and checks passwords. Clones share the threads, which end with the last clone.
#[derive(Clone)]
pub struct Hasher {
    pool: Arc<Pool>,
    asker: Arc<Asker>,
}

impl Hasher {
    /// Starts the threads. Call it once per process.
    ///
    /// # Panics
    ///
    /// When the operating system refuses a thread, like [`std::thread::spawn`].
    pub fn start(config: HasherConfig) -> Self {
        let itself = Asker { known: true, ..Asker::default() };
        Self { pool: Arc::new(Pool::start(config)), asker: Arc::new(itself) }
    }

    /// The same threads, working on somebody's behalf.
    #[must_use]
    pub fn on_behalf_of(&self, asker: Asker) -> Self {
        Self { pool: self.pool.clone(), asker: Arc::new(asker) }
    }

    /// The PHC string to store for `password`, which is hashed in its one spelling ([`opaque`]).
    ///
    /// # Errors
    ///
    /// `Invalid` for more than [`MAX_PASSWORD_BYTES`]; `Unavailable` when too many are waiting.
    pub async fn hash(&self, password: &str) -> Result<String> {
        let password = opaque(password);
        if password.len() > MAX_PASSWORD_BYTES {
            let message = format!("A password has at most {MAX_PASSWORD_BYTES} bytes.");
            return Err(Error::field("password", "too_long", message));
        }
        let (reply, answer) = oneshot::channel();
        self.pool.submit(&self.asker, Task::Hash { password: secret(&password), reply });
        received(answer.await)
    }

    /// Compares `password` with the PHC string `stored`, in its one spelling and, since old hashes know no other, as it was typed. Pass `None` for an account that does not exist or has no password: that
    /// takes exactly as long and is always [`Verdict::Wrong`], so the time does not tell who has an account.
    ///
    /// # Errors
    ///
    /// `Unavailable` when too many are waiting; `Internal` when `stored` is not an argon2 PHC string.
    pub async fn verify(&self, password: &str, stored: Option<&str>) -> Result<Verdict> {
        let spelled = opaque(password);
        let verdict = self.compare(&spelled, stored).await?;
        if verdict != Verdict::Wrong || spelled == password {
            return Ok(verdict);
        }
        // Hashed as it was typed, before passwords had one spelling. Done for an unknown account, too.
        Ok(match self.compare(password, stored).await? {
            Verdict::Wrong => Verdict::Wrong,
            Verdict::Right | Verdict::RightButRehash => Verdict::RightButRehash,
        })
    }

    async fn compare(&self, password: &str, stored: Option<&str>) -> Result<Verdict> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Ok(Verdict::Wrong);
        }
        let (reply, answer) = oneshot::channel();
        let task = Task::Verify { password: secret(password), stored: stored.map(str::to_owned), reply };
        self.pool.submit(&self.asker, task);
        received(answer.await)
    }

    /// How many passwords are waiting right now, for metrics.
    pub fn waiting(&self) -> usize {
        self.pool.waiting()
    }

    /// Bytes that the threads keep allocated right now, for metrics.
    pub fn memory(&self) -> usize {
        self.pool.memory()
    }
}

fn secret(password: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(password.as_bytes().to_vec())
}

/// A thread answers every task unless hashing panicked.
fn received<T>(answer: std::result::Result<Result<T>, oneshot::error::RecvError>) -> Result<T> {
    answer.unwrap_or_else(|gone| Err(Error::internal(gone)))
}

#[cfg(test)]
mod tests;

//! A semaphore for each key that is in use: so many at once, the others behind them in the order in which they came.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Semaphores by key. A key is kept only while somebody holds a permit of it or waits for one, so there are never more of them than
/// requests. Cheap to clone.
pub(super) struct KeyedSemaphore<K: Hash + Eq>(Arc<Keys<K>>);

struct Keys<K> {
    permits: usize,
    waiting: usize,
    used: Mutex<HashMap<K, Used>>,
}

struct Used {
    semaphore: Arc<Semaphore>,
    users: usize,
}

/// The right to go on, until it is dropped.
pub(super) struct Permit<K: Hash + Eq> {
    // Given back before its key may be forgotten: whoever comes then begins with a new semaphore.
    _permit: OwnedSemaphorePermit,
    _user: User<K>,
}

/// One who holds or waits. However it ends, it is counted out, and the last one takes the key along.
struct User<K: Hash + Eq> {
    keys: Arc<Keys<K>>,
    key: K,
}

/// More wait for this key than may.
#[derive(Debug)]
pub(super) struct Full;

impl<K: Hash + Eq> Clone for KeyedSemaphore<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Hash + Eq + Clone> KeyedSemaphore<K> {
    /// `permits` at once for each key, and at most `waiting` behind them.
    pub(super) fn new(permits: usize, waiting: usize) -> Self {
        Self(Arc::new(Keys { permits: permits.max(1), waiting, used: Mutex::default() }))
    }

    /// Waits for a permit of `key`, first come first served. Whoever stops waiting has left the queue.
    pub(super) async fn acquire(&self, key: K) -> Result<Permit<K>, Full> {
        let (semaphore, user) = self.enter(key)?;
        // Never closed.
        let permit = semaphore.acquire_owned().await.map_err(|_| Full)?;
        Ok(Permit { _permit: permit, _user: user })
    }

    fn enter(&self, key: K) -> Result<(Arc<Semaphore>, User<K>), Full> {
        let mut used = self.0.lock();
        let Keys { permits, waiting, .. } = *self.0;
        let one = used.entry(key.clone()).or_insert_with(|| Used { semaphore: Arc::new(Semaphore::new(permits)), users: 0 });
        if one.users >= permits + waiting {
            return Err(Full);
        }
        one.users += 1;
        Ok((one.semaphore.clone(), User { keys: self.0.clone(), key }))
    }

    /// Those who hold or wait, over all keys.
    pub(super) fn users(&self) -> usize {
        self.0.lock().values().map(|one| one.users).sum()
    }
}

impl<K> Keys<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Used>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq> Drop for User<K> {
    fn drop(&mut self) {
        let mut used = self.keys.lock();
        if let Some(one) = used.get_mut(&self.key) {
            one.users -= 1;
            if one.users == 0 {
                used.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, future::join_all};

    use super::*;

    #[tokio::test]
    async fn so_many_at_once_of_each_key_and_the_others_in_their_order() {
        let some = KeyedSemaphore::new(2, 2);
        let (first, second) = (some.acquire("a").await.unwrap(), some.acquire("a").await.unwrap());
        let (mut third, mut fourth) = (Box::pin(some.acquire("a")), Box::pin(some.acquire("a")));
        assert!(third.as_mut().now_or_never().is_none() && fourth.as_mut().now_or_never().is_none());
        assert!(some.acquire("a").await.is_err(), "two wait already");
        assert!(some.acquire("b").now_or_never().is_some(), "another key is another queue");
        drop(second);
        assert!(fourth.as_mut().now_or_never().is_none(), "it is the third's turn");
        let third = third.await.unwrap();
        drop((first, third));
        assert!(fourth.await.is_ok());
        assert_eq!(some.users(), 0);
    }

    #[tokio::test]
    async fn who_stops_waiting_has_left_and_no_key_is_kept() {
        let some = KeyedSemaphore::new(1, 1000);
        let held = some.acquire(0).await.unwrap();
        let mut left = Box::pin(some.acquire(0));
        assert!(left.as_mut().now_or_never().is_none());
        let mut next = Box::pin(some.acquire(0));
        assert!(next.as_mut().now_or_never().is_none());
        drop(left);
        drop(held);
        assert!(next.await.is_ok());
        join_all((0..1000).map(async |key| drop(some.acquire(key).await.unwrap()))).await;
        assert!(some.0.lock().is_empty());
    }
}

//! Who waits for which organization's feed in this process: one task looks for all of them, so that a thousand waiting readers cost
//! the database one small question at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{
    OrgId, Result,
    authorization::{policy::SystemScope, principal::PrincipalId},
    core::ports::Kv,
};
use store::Store;
use tokio::{sync::watch, time::Instant};

use crate::core::limits::refuse;

#[expect(clippy::disallowed_methods, reason = "this is the job")]
const SCOPE: SystemScope = SystemScope::job("feed");
/// Readers that an owner may always have: nobody shuts the owner out of their own feed by reading it.
const OWNERS: usize = 5;
/// Between two looks when no commit was announced.
const IDLE_INTERVAL: Duration = Duration::from_millis(250);
/// Between two looks just after a commit somewhere: its event gets its number in the next moments.
const AFTER_COMMIT_INTERVAL: Duration = Duration::from_millis(15);
/// How long after a commit the shorter interval holds.
const AFTER_COMMIT_WINDOW: Duration = Duration::from_millis(300);

/// How many may wait in one process.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// Of one organization.
    pub organization: usize,
    /// Of them, of one account or API key.
    pub account: usize,
}

/// Who wants to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    pub(super) id: PrincipalId,
    pub(super) owner: bool,
}

#[derive(Default)]
struct Readers {
    by_org: HashMap<OrgId, Readership>,
    looking: bool,
}

/// Who waits for one organization's feed.
struct Readership {
    head: watch::Sender<i64>,
    held: HashMap<PrincipalId, usize>,
}

impl Readership {
    /// Whether one more may be theirs.
    fn has_room(&self, who: Who, share: Share) -> bool {
        let own = self.held.get(&who.id).copied().unwrap_or(0);
        let all = self.held.values().sum::<usize>();
        own < share.account && (all < share.organization || who.owner && own < OWNERS)
    }
}

/// The waiting readers. Cheap to clone.
#[derive(Clone, Default)]
pub struct Watch(Arc<Mutex<Readers>>);

/// One waiting reader.
pub struct Follower {
    head: watch::Receiver<i64>,
    _place: Place,
}

/// The place of a waiting reader, until it is dropped.
struct Place {
    of: Watch,
    org: OrgId,
    who: PrincipalId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut readers = self.of.lock();
        let Some(readership) = readers.by_org.get_mut(&self.org) else { return };
        if let Some(own) = readership.held.get_mut(&self.who) {
            *own -= 1;
            if *own == 0 {
                readership.held.remove(&self.who);
            }
        }
        if readership.held.is_empty() {
            readers.by_org.remove(&self.org);
        }
    }
}

impl Follower {
    /// Resolves when the feed has come further than `seq`.
    pub async fn moved_past(&mut self, seq: i64) {
        if self.head.wait_for(|head| *head > seq).await.is_err() {
            // Nobody looks any more: whoever waits still decides again every few seconds, and reads then.
            std::future::pending::<()>().await;
        }
    }
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Readers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn follow(&self, org: OrgId, who: Who, share: Share, store: &Store, kv: &Arc<dyn Kv>) -> Result<Follower> {
        let mut readers = self.lock();
        let new = || Readership { head: watch::Sender::new(0), held: HashMap::new() };
        let readership = readers.by_org.entry(org).or_insert_with(new);
        if !readership.has_room(who, share) {
            return Err(refuse("feed_readers", 5));
        }
        *readership.held.entry(who.id).or_default() += 1;
        let head = readership.head.subscribe();
        let follower = Follower { head, _place: Place { of: self.clone(), org, who: who.id } };
        if !std::mem::replace(&mut readers.looking, true) {
            tokio::spawn(Looking(self.clone()).run(store.clone(), kv.clone()));
        }
        Ok(follower)
    }

    /// The organizations that somebody still waits for.
    fn waited_for(&self) -> Vec<OrgId> {
        self.lock().by_org.keys().copied().collect()
    }

    fn tell(&self, heads: &HashMap<OrgId, i64>) {
        for (org, readership) in &self.lock().by_org {
            if let Some(head) = heads.get(org) {
                readership.head.send_if_modified(|known| std::mem::replace(known, *head) != *head);
            }
        }
    }
}

/// The task. It asks nothing while nobody waits; should it end with the runtime it was born in, the next reader begins another.
struct Looking(Watch);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.lock().looking = false;
    }
}

impl Looking {
    async fn run(self, store: Store, kv: Arc<dyn Kv>) {
        let (mut seen, mut fast_until) = (None, Instant::now());
        loop {
            match self.look(&store, seen).await {
                Ok(passes) => seen = passes,
                Err(error) => tracing::debug!(%error, "the feeds cannot be looked at; looking again"),
            }
            let pause = if Instant::now() < fast_until { AFTER_COMMIT_INTERVAL } else { IDLE_INTERVAL };
            tokio::select! {
                () = kv.woken() => {
                    fast_until = Instant::now() + AFTER_COMMIT_WINDOW;
                    tokio::time::sleep(AFTER_COMMIT_INTERVAL).await;
                }
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Tells the readers, if the sequencer's counter is not what was `seen`. Answers what it is now.
    async fn look(&self, store: &Store, seen: Option<i64>) -> Result<Option<i64>> {
        if self.0.waited_for().is_empty() {
            return Ok(seen);
        }
        let passes = Some(store.sequencer_passes(SCOPE).await?);
        if passes != seen {
            // Listed after the counter was read: whoever comes later reads the feed later, and finds what the counter stands for.
            self.0.tell(&store.feed_heads(SCOPE, &self.0.waited_for()).await?);
        }
        Ok(passes)
    }
}

#[cfg(test)]
mod tests {
    use domain::{ApiKeyId, UserId};
    use uuid::Uuid;

    use super::*;

    fn somebody(n: u128, owner: bool) -> Who {
        Who { id: PrincipalId::User(UserId::new(Uuid::from_u128(n))), owner }
    }

    fn take(readership: &mut Readership, who: Who, wanted: usize) -> usize {
        let share = Share { organization: 100, account: 20 };
        (0..wanted)
            .take_while(|_| {
                let room = readership.has_room(who, share);
                *readership.held.entry(who.id).or_default() += usize::from(room);
                room
            })
            .count()
    }

    #[test]
    fn an_account_has_its_share_and_an_owner_always_finds_room() {
        let mut readership = Readership { head: watch::Sender::new(0), held: HashMap::new() };
        assert_eq!(take(&mut readership, somebody(1, false), 100), 20);
        let key = Who { id: PrincipalId::ApiKey(ApiKeyId::new(Uuid::from_u128(1))), owner: false };
        assert_eq!(take(&mut readership, key, 100), 20, "an API key is an account here");
        for n in 2..5 {
            assert_eq!(take(&mut readership, somebody(n, false), 100), 20);
        }
        assert_eq!(take(&mut readership, somebody(9, false), 100), 0, "all hundred are taken");
        for owner in 10..13 {
            assert_eq!(take(&mut readership, somebody(owner, true), 100), OWNERS);
        }
    }
}

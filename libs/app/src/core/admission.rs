//! Who may use the database at all, decided before a connection is taken.
//!
//! A process has few connections. Writes that want the same row wait for each other inside the database, each with a connection, so a
//! hundred of them would take all there are, and everybody else would wait for a row they have nothing to do with. So writes wait here
//! instead, where waiting costs nothing:
//!
//! - the changes of what is an account's own go one after another; of what it changes in organizations, a few at once;
//! - those of an organization's members together are a few at once as well. A stranger who names its slug takes none of its places;
//! - all changes of signed-in callers together leave some connections to sign-in, refresh and links, and these together with
//!   them leave some to reads. Probes have connections of their own (`Store::ping`).
//!
//! Everybody passes the narrow gate before the wide one, so whoever waits at a wide one stands there with few others of their kind: the
//! many who want one row are in line behind each other, and beside everybody else.
//!
//! Reads that go through many rows (totals, exports) are a few at once of each organization, and all together leave most connections to
//! the others. Usual pages of its lists are as few at once, in a line of their own: each is quick, and forty readers of them are not.

mod keyed;

use std::{sync::Arc, time::Duration};

use domain::{Error, OrgId, Result, authorization::principal::PrincipalId, core::value::Slug};
use store::Holding;
use tokio::{runtime::Handle, time::timeout};

use self::keyed::{Full, KeyedSemaphore, Permit};
use crate::{App, Call, Caller, core::limits::refuse};

/// How many may wait for each key: a burst of a hundred writes by one account is served, one after another.
const WAITING: usize = 256;
/// How many may wait at a gate that all share.
const WAITING_TOGETHER: usize = 4096;
/// How long anybody waits; then they are told to come again.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the place of a heavy read that was abandoned stays taken: the database may still be at it.
const ABANDONED_FOR: Duration = Duration::from_secs(5);

/// What configuration says, and how many connections there are.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// Connections of this process.
    pub connections: usize,
    /// Writes of an organization's members at once.
    pub organization_writes: usize,
    /// Writes of one account in organizations at once.
    pub account_writes: usize,
    /// Heavy reads of an organization at once.
    pub organization_heavy_reads: usize,
}

impl Places {
    /// Connections that writes may use, whoever's: some are left to reads.
    fn writes(&self) -> usize {
        self.connections.saturating_sub((self.connections / 8).max(1)).max(1)
    }
    /// Those that writes of signed-in callers may use: some are left to sign-in, refresh and links.
    fn callers(&self) -> usize {
        self.writes().saturating_sub((self.connections / 4).max(1)).max(1)
    }
    /// Those that the writes of one organization may use: never all that callers have.
    fn organization(&self) -> usize {
        self.organization_writes.min(self.callers().saturating_sub(1)).max(1)
    }
    /// Usual pages of an organization at once: as many as all heavy reads together may use.
    fn pages(&self) -> usize {
        self.organization_heavy_reads.max(self.heavy_reads())
    }
    /// Those that heavy reads may use.
    fn heavy_reads(&self) -> usize {
        (self.connections / 4).max(1)
    }
}

/// The gates of a process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gates {
    own: KeyedSemaphore<PrincipalId>,
    accounts: KeyedSemaphore<PrincipalId>,
    organizations: KeyedSemaphore<OrgId>,
    networks: KeyedSemaphore<String>,
    guesses: KeyedSemaphore<String>,
    callers: KeyedSemaphore<()>,
    writes: KeyedSemaphore<()>,
    pages: KeyedSemaphore<OrgId>,
    heavy: KeyedSemaphore<OrgId>,
    all_heavy: KeyedSemaphore<()>,
}

/// The places that somebody passed through, until it is dropped.
type Held = (Vec<Permit<PrincipalId>>, Option<Permit<OrgId>>, Vec<Permit<()>>);

impl Gates {
    pub(crate) fn new(places: Places) -> Self {
        let together = |permits| KeyedSemaphore::new(permits, WAITING_TOGETHER);
        Self {
            own: KeyedSemaphore::new(1, WAITING),
            accounts: KeyedSemaphore::new(places.account_writes, WAITING),
            organizations: KeyedSemaphore::new(places.organization(), WAITING),
            networks: KeyedSemaphore::new(places.callers(), WAITING),
            guesses: KeyedSemaphore::new(1, WAITING),
            callers: together(places.callers()),
            writes: together(places.writes()),
            pages: KeyedSemaphore::new(places.pages(), WAITING),
            heavy: KeyedSemaphore::new(places.organization_heavy_reads, WAITING),
            all_heavy: together(places.heavy_reads()),
        }
    }

    async fn by_caller(&self, who: PrincipalId, place: Place) -> Result<Held, Full> {
        let account = match place {
            Place::Own => self.own.acquire(who).await?,
            Place::Elsewhere | Place::In(_) => self.accounts.acquire(who).await?,
        };
        let organization = match place {
            Place::In(org) => Some(self.organizations.acquire(org).await?),
            Place::Own | Place::Elsewhere => None,
        };
        let callers = self.callers.acquire(()).await?;
        Ok((vec![account], organization, vec![callers, self.writes.acquire(()).await?]))
    }

    async fn by_anybody(&self, network: String) -> Result<(Permit<String>, Permit<()>), Full> {
        Ok((self.networks.acquire(network).await?, self.writes.acquire(()).await?))
    }

    async fn heavy(&self, org: OrgId) -> Result<(Permit<OrgId>, Permit<()>), Full> {
        Ok((self.heavy.acquire(org).await?, self.all_heavy.acquire(()).await?))
    }
}

/// Where somebody writes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// What is their own.
    Own,
    /// An organization that they were lately seen in as a member.
    In(OrgId),
    /// An organization they may be a stranger to, or the platform.
    Elsewhere,
}

async fn patiently<T>(passing: impl Future<Output = Result<T, Full>>, refused: impl FnOnce() -> Error) -> Result<T> {
    match timeout(PATIENCE, passing).await {
        Ok(Ok(held)) => Ok(held),
        Ok(Err(Full)) | Err(_) => Err(refused()),
    }
}

impl App {
    /// Waits until `who` may write there. `RateLimited`: too many wait already, or for too long.
    pub(crate) async fn admit_write(&self, who: PrincipalId, place: Place) -> Result<Holding> {
        let held = patiently(self.gates.by_caller(who, place), || refuse("writes_at_once", 1)).await?;
        Ok(Arc::new(held))
    }

    /// The same for the organization that a path names.
    pub(crate) async fn admit_write_in(&self, c: &Caller, slug: &Slug) -> Result<Holding> {
        let org = self.counters.seen.organization(c.who.id(), slug.as_str(), c.call.now);
        self.admit_write(c.who.id(), org.map_or(Place::Elsewhere, Place::In)).await
    }

    /// Waits until somebody whom nobody knows may write: sign-in, refresh, links. `Unavailable` as above.
    pub(crate) async fn admit_anonymous_write(&self, call: &Call) -> Result<Holding> {
        let busy = || Error::unavailable(1, "Too many sign-ins at this moment. Try again in a second.");
        let [.., widest] = call.origin.ranges();
        let held = patiently(self.gates.by_anybody(widest), busy).await?;
        Ok(Arc::new(held))
    }

    /// Waits until no other guess at the same secret is looked at in this process. `RateLimited` as above.
    pub(crate) async fn admit_guess(&self, secret: &str) -> Result<Holding> {
        let guess = async { self.gates.guesses.acquire(secret.to_owned()).await };
        let held = patiently(guess, || refuse("guesses", 1)).await?;
        Ok(Arc::new(held))
    }

    /// Does a read that goes through many rows (a total, a step of an export) when it is the organization's turn: a few are done at once.
    /// Decide first: a stranger must not take the organization's places. `RateLimited`: too many wait already, or for too long.
    pub(crate) async fn heavy_read<T>(&self, org: OrgId, read: impl Future<Output = Result<T>>) -> Result<T> {
        let held = patiently(self.gates.heavy(org), || refuse("heavy_reads", 1)).await?;
        let mut place = HeavyPlace(Some(held));
        let outcome = read.await;
        place.0 = None;
        outcome
    }

    /// Reads a page of an organization's list when it is its turn: among the heavy reads if it goes through many rows (deep pages, filters that
    /// no index answers), among usual pages if not. Decide first. `RateLimited` as above.
    pub(crate) async fn list<T>(&self, org: OrgId, is_long: bool, read: impl Future<Output = Result<T>>) -> Result<T> {
        if is_long {
            return self.heavy_read(org, read).await;
        }
        let _held = patiently(self.gates.pages.acquire(org), || refuse("pages", 1)).await?;
        read.await
    }

    /// Writes of this process that run or wait for their turn.
    pub fn writes_in_progress(&self) -> usize {
        self.gates.own.users() + self.gates.accounts.users() + self.gates.networks.users()
    }

    /// Heavy reads of this process that run or wait for their turn.
    pub fn heavy_reads_in_progress(&self) -> usize {
        self.gates.heavy.users()
    }
}

/// The place of a heavy read. Whoever hangs up does not stop the database, so their place stays taken for a while.
struct HeavyPlace(Option<(Permit<OrgId>, Permit<()>)>);

impl Drop for HeavyPlace {
    fn drop(&mut self) {
        if let (Some(held), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async move {
                tokio::time::sleep(ABANDONED_FOR).await;
                drop(held);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(connections: usize) -> [usize; 4] {
        let places = Places { connections, organization_writes: 8, account_writes: 4, organization_heavy_reads: 2 };
        [places.writes(), places.callers(), places.organization(), places.heavy_reads()]
    }

    #[test]
    fn nobody_can_take_all_connections() {
        assert_eq!(places(16), [14, 10, 8, 4]);
        assert_eq!(places(8), [7, 5, 4, 2]);
        assert_eq!(places(100), [88, 63, 8, 25]);
        // Where there is one, everybody takes turns with it.
        assert_eq!((places(1), places(2), places(3)), ([1; 4], [1; 4], [2, 1, 1, 1]));
    }
}

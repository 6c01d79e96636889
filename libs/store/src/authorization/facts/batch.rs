//! Many requests for facts in one statement, on PostgreSQL.
//!
//! Every authenticated read begins with the same statement, and most of what it costs is not its rows but getting there: a connection,
//! two round trips, starting a plan over seven tables. So the requests that come while others are on their way share the next
//! statement: a batch. Nobody waits for company: a request that comes alone leaves at once. And nobody is told something old: what a
//! statement answers was read after everybody in it had asked.

use std::{
    cell::Cell,
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use domain::{Error, Result, Time, core::value::Slug, identity::sessions::SessionCredential};
use sea_orm::{DbErr, QueryResult, RuntimeErr};
use sqlx::{PgPool, Row, postgres::PgRow};
use tokio::sync::oneshot;

use super::statement::{LENIENT, facts};
use crate::core::{db::Db, error::from_db};

/// Requests of one batch at most.
const MAX_BATCH: usize = 64;
/// Batches of one thread that may be on their way at once. With more, fewer requests would share one.
const BATCHES_IN_FLIGHT: usize = 2;
/// A database that takes longer than this is away: those who wait are told, and the next batch may leave.
const PATIENCE: Duration = Duration::from_secs(10);
/// Threads have queues of their own, so that an answer finds its reader without waking another thread.
const SHARDS: usize = 16;

/// Every request of the arrays, numbered; those without an answer are missing. The limit keeps the inner statement as it is: without it
/// PostgreSQL may join the tables as a whole. The arrays stand in sub-selects so that it does not look into them: it would expect as many
/// rows as there are, find that cheaper than what it expects of any arrays, and so plan the statement anew at each execution, which takes
/// four times as long as running it.
const MANY: &str = concat!(
    "
    select f.*, a.n
      from unnest((select $1::uuid[]), (select $2::uuid[]), (select $3::uuid[]), (select $4::timestamptz[]), (select $5::text[]))
           with ordinality a (grant_id, session_id, user_id, at, slug, n)
     cross join lateral (",
    facts!(of "a.grant_id", "a.session_id", "a.user_id", "a.at", "a.slug", organization "left join", ""),
    " limit 1) f"
);

/// Whose facts about which organization, and when.
#[derive(Clone)]
pub(super) struct FactsRequest {
    pub(super) who: SessionCredential,
    pub(super) slug: Slug,
    pub(super) now: Time,
}

type Answer = Result<Option<QueryResult>>;

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(FactsRequest, oneshot::Sender<Answer>)>,
    in_flight: usize,
}

/// The queues of a process.
#[derive(Default)]
pub(crate) struct Batches([Mutex<Queue>; SHARDS]);

fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! { static MINE: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS) }
    MINE.get()
}

impl Batches {
    /// The row of the facts, if there is one.
    pub(super) async fn read(self: &Arc<Self>, db: &Db, request: FactsRequest) -> Answer {
        let (answer, answered) = oneshot::channel();
        let shard = shard();
        if self.enqueue(shard, request, answer) {
            // In a task: whoever asked first may hang up before the others have their answers.
            tokio::spawn(run(Runner { batches: self.clone(), shard, ended: false }, db.clone()));
        }
        // The runner ended with its thread, at shutdown.
        answered.await.unwrap_or_else(|_| Err(Error::unavailable(1, "The server is stopping. Try again.")))
    }

    /// Whether another runner is to be started for it.
    fn enqueue(&self, shard: usize, request: FactsRequest, answer: oneshot::Sender<Answer>) -> bool {
        let mut queue = self.queue(shard);
        queue.waiting.push_back((request, answer));
        let starts = queue.in_flight < BATCHES_IN_FLIGHT;
        queue.in_flight += usize::from(starts);
        starts
    }

    fn queue(&self, shard: usize) -> MutexGuard<'_, Queue> {
        self.0[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to run batches of a queue, one after another. However it ends, it is given back, and nobody is left waiting for it.
struct Runner {
    batches: Arc<Batches>,
    shard: usize,
    ended: bool,
}

impl Drop for Runner {
    /// Only where the task was cut off: at shutdown, or by a panic.
    fn drop(&mut self) {
        if !self.ended {
            let mut queue = self.batches.queue(self.shard);
            queue.in_flight -= 1;
            queue.waiting.clear();
        }
    }
}

impl Runner {
    /// The requests that wait now. None: the runner has ended, in the same moment, so that nobody can come in between.
    fn next(&mut self) -> Vec<(FactsRequest, oneshot::Sender<Answer>)> {
        let mut queue = self.batches.queue(self.shard);
        let most = queue.waiting.len().min(MAX_BATCH);
        if most == 0 {
            queue.in_flight -= 1;
            self.ended = true;
        }
        queue.waiting.drain(..most).collect()
    }
}

async fn run(mut runner: Runner, db: Db) {
    loop {
        let (requests, answers): (Vec<_>, Vec<_>) = runner.next().into_iter().unzip();
        if requests.is_empty() {
            return;
        }
        let fetched = db.within(Some(PATIENCE), fetch(db.postgres(), &requests)).await;
        let mut found = fetched.unwrap_or_else(|_| Err(Arc::new(sqlx::Error::PoolTimedOut)));
        for (n, answer) in answers.into_iter().enumerate() {
            let row = match &mut found {
                Ok(rows) => Ok(rows.get_mut(n).and_then(Option::take)),
                Err(e) => Err(from_db(DbErr::Query(RuntimeErr::SqlxError(e.clone())))),
            };
            // Whoever has hung up needs no answer.
            let _ = answer.send(row);
        }
    }
}

/// The row of each request, in their order.
async fn fetch(pool: &PgPool, requests: &[FactsRequest]) -> Result<Vec<Option<QueryResult>>, Arc<sqlx::Error>> {
    if let [one] = requests {
        let query = sqlx::query(LENIENT).bind(one.who.grant.uuid()).bind(one.who.session.uuid()).bind(one.who.user.uuid());
        let row = query.bind(one.now).bind(one.slug.as_str()).fetch_optional(pool).await?;
        return Ok(vec![row.map(Into::into)]);
    }
    let ids = |id: fn(&SessionCredential) -> uuid::Uuid| requests.iter().map(|request| id(&request.who)).collect::<Vec<_>>();
    let query = sqlx::query(MANY).bind(ids(|who| who.grant.uuid())).bind(ids(|who| who.session.uuid()));
    let query = query.bind(ids(|who| who.user.uuid())).bind(requests.iter().map(|request| request.now).collect::<Vec<_>>());
    let slugs: Vec<_> = requests.iter().map(|request| request.slug.as_str().to_owned()).collect();
    let mut found: Vec<Option<QueryResult>> = requests.iter().map(|_| None).collect();
    for row in query.bind(slugs).fetch_all(pool).await? {
        let n = number(&row)?;
        if let Some(place) = found.get_mut(n) {
            *place = Some(row.into());
        }
    }
    Ok(found)
}

/// Which request a row answers: the last column, from 1.
fn number(row: &PgRow) -> Result<usize, sqlx::Error> {
    let n: i64 = row.try_get(row.len() - 1)?;
    Ok(usize::try_from(n).unwrap_or_default().wrapping_sub(1))
}

#[cfg(test)]
mod tests;

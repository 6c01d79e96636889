//! Many looks at facts in one statement, on PostgreSQL.
//!
//! Every authenticated read begins with the same statement, and most of what it costs is not its rows but getting there: a connection,
//! two round trips, starting a plan over seven tables. So the looks that come while others are on their way share the next statement.
//! Nobody waits for company: a look that comes alone leaves at once. And nobody is told something old: what a statement answers was
//! read after everybody in it had asked.

use std::{
    cell::Cell,
    collections::VecDeque,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use domain::{Error, Result, Time, core::value::Slug, identity::sessions::Credential};
use sea_orm::{DbErr, QueryResult, RuntimeErr};
use sqlx::{PgPool, Row, postgres::PgRow};
use tokio::sync::oneshot;

use super::LENIENT;
use crate::core::error::from_db;

/// Looks of one statement at most.
const MOST: usize = 64;
/// Statements of one thread that may be on their way at once. With more, fewer looks would share one.
const LANES: usize = 2;
/// A database that takes longer than this is away: those who wait are told, and the lane is free for others.
const PATIENCE: Duration = Duration::from_secs(10);
/// Threads have queues of their own, so that an answer finds its reader without waking another thread.
const SHARDS: usize = 16;

/// Every look of the arrays, numbered; those without an answer are missing. The limit keeps the inner statement as it is: without it
/// PostgreSQL may join the tables as a whole.
static MANY: LazyLock<String> = LazyLock::new(|| {
    let columns = ["grant_id", "session_id", "user_id", "at", "slug"];
    let one =
        (1..).zip(columns).fold(LENIENT.to_owned(), |text, (n, column)| text.replace(&format!("${n}"), &format!("a.{column}")));
    format!(
        "select f.*, a.n from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::text[])
with ordinality a({}, n) cross join lateral ({one} limit 1) f",
        columns.join(", ")
    )
});

/// Who looks at which organization, and when.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) who: Credential,
    pub(super) slug: Slug,
    pub(super) now: Time,
}

type Answer = Result<Option<QueryResult>>;

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(Look, oneshot::Sender<Answer>)>,
    on_their_way: usize,
}

/// The queues of a process.
#[derive(Default)]
pub(crate) struct Looks([Mutex<Queue>; SHARDS]);

fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! { static MINE: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS) }
    MINE.get()
}

impl Looks {
    /// The row of that look's facts, if there is one.
    pub(super) async fn look(self: &Arc<Self>, pool: &PgPool, look: Look) -> Answer {
        let (answer, answered) = oneshot::channel();
        let shard = shard();
        if self.wait_in(shard, look, answer) {
            // In a task: whoever asked first may hang up before the others have their answers.
            tokio::spawn(carry(Lane { looks: self.clone(), shard, ended: false }, pool.clone()));
        }
        // The lane ended with its thread, at shutdown.
        answered.await.unwrap_or_else(|_| Err(Error::unavailable(1, "The server is stopping. Try again.")))
    }

    /// Whether another lane is to be opened for it.
    fn wait_in(&self, shard: usize, look: Look, answer: oneshot::Sender<Answer>) -> bool {
        let mut queue = self.queue(shard);
        queue.waiting.push_back((look, answer));
        let opens = queue.on_their_way < LANES;
        queue.on_their_way += usize::from(opens);
        opens
    }

    fn queue(&self, shard: usize) -> MutexGuard<'_, Queue> {
        self.0[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to carry looks of a queue. However it ends, it is given back, and nobody is left waiting for it.
struct Lane {
    looks: Arc<Looks>,
    shard: usize,
    ended: bool,
}

impl Drop for Lane {
    /// Only where the task was cut off: at shutdown, or by a panic.
    fn drop(&mut self) {
        if !self.ended {
            let mut queue = self.looks.queue(self.shard);
            queue.on_their_way -= 1;
            queue.waiting.clear();
        }
    }
}

impl Lane {
    /// The looks that wait now. None: the lane has ended, in the same moment, so that nobody can come in between.
    fn next(&mut self) -> Vec<(Look, oneshot::Sender<Answer>)> {
        let mut queue = self.looks.queue(self.shard);
        let most = queue.waiting.len().min(MOST);
        if most == 0 {
            queue.on_their_way -= 1;
            self.ended = true;
        }
        queue.waiting.drain(..most).collect()
    }
}

async fn carry(mut lane: Lane, pool: PgPool) {
    loop {
        let (looks, answers): (Vec<_>, Vec<_>) = lane.next().into_iter().unzip();
        if looks.is_empty() {
            return;
        }
        let fetched = tokio::time::timeout(PATIENCE, fetch(&pool, &looks)).await;
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

/// The row of each look, in their order.
async fn fetch(pool: &PgPool, looks: &[Look]) -> Result<Vec<Option<QueryResult>>, Arc<sqlx::Error>> {
    if let [one] = looks {
        let query = sqlx::query(LENIENT).bind(one.who.grant.uuid()).bind(one.who.session.uuid()).bind(one.who.user.uuid());
        let row = query.bind(one.now).bind(one.slug.as_str()).fetch_optional(pool).await?;
        return Ok(vec![row.map(Into::into)]);
    }
    let ids = |id: fn(&Credential) -> uuid::Uuid| looks.iter().map(|look| id(&look.who)).collect::<Vec<_>>();
    let query = sqlx::query(MANY.as_str()).bind(ids(|who| who.grant.uuid())).bind(ids(|who| who.session.uuid()));
    let query = query.bind(ids(|who| who.user.uuid())).bind(looks.iter().map(|look| look.now).collect::<Vec<_>>());
    let slugs: Vec<_> = looks.iter().map(|look| look.slug.as_str().to_owned()).collect();
    let mut found: Vec<Option<QueryResult>> = looks.iter().map(|_| None).collect();
    for row in query.bind(slugs).fetch_all(pool).await? {
        let n = number(&row)?;
        if let Some(place) = found.get_mut(n) {
            *place = Some(row.into());
        }
    }
    Ok(found)
}

/// Which look a row answers: the last column, from 1.
fn number(row: &PgRow) -> Result<usize, sqlx::Error> {
    let n: i64 = row.try_get(row.len() - 1)?;
    Ok(usize::try_from(n).unwrap_or_default().wrapping_sub(1))
}

#[cfg(test)]
mod tests;

//! Budgets of failed sign-ins: what [`domain::identity::login_throttling`] judges by. A row is named by the hash of what it counts, so
//! the table tells nobody who signs in from where.

pub(crate) mod table;

use domain::{
    Result, Time,
    core::rate::Limit,
    identity::login_throttling::{Budget, KEPT_FOR, KNOWN_FOR, LONGEST_WAIT, farthest},
};
use sea_orm::{DbErr, QueryResult};

use crate::{
    Store, WriteTx,
    core::sql::{self, Sql, sql},
};

const FIND: Sql<1> = sql!(
    "select b.id, b.full_at, b.turn_at, b.known_at
    from guess_budgets b
    join {rows} on v.id = b.id
    where b.forget_at > $1",
    rows = 2 (id: String)
);

impl Store {
    /// The budgets of these names, in their order; an unused one where there is none.
    pub async fn public_login_budgets<const N: usize>(&self, ids: [&str; N], now: Time) -> Result<[Budget; N]> {
        let rows = FIND.all(&self.db, vec![now.into()], ids.map(|id| [id.into()])).await?;
        let found: Vec<_> = sql::read_all(&rows, read)?;
        Ok(ids.map(|id| found.iter().find(|(name, _)| name == id).map_or_else(Budget::default, |(_, budget)| *budget)))
    }
}

fn read(row: &QueryResult) -> Result<(String, Budget), DbErr> {
    let budget = Budget {
        full_at: row.try_get("", "full_at")?,
        turn_at: row.try_get("", "turn_at")?,
        known_at: row.try_get("", "known_at")?,
    };
    Ok((row.try_get("", "id")?, budget))
}

/// Makes a row or changes it: `$1` to `$5` are its columns.
const UPSERT: &str = "insert into guess_budgets as b (id, full_at, turn_at, known_at, forget_at)
    values ($1, $2, $3, $4, $5)
    on conflict (id) do update set";

/// A row is kept as long as any of its changes wants it kept.
const KEEP_LONGEST: &str = "forget_at = case when b.forget_at > excluded.forget_at then b.forget_at else excluded.forget_at end";

/// `$6` is now, `$7` the farthest that a budget may be used up to, `$8` what one attempt costs. What is outside was left by a clock that
/// was ahead.
const CHARGE: Sql = sql!(
    "{upsert}
      full_at = $8 + case
        when b.full_at < $6 or b.full_at > $7 then $6
        when b.full_at > $7 - $8 then $7 - $8
        else b.full_at
      end,
      turn_at = null,
      {keep_longest}",
    upsert = UPSERT,
    keep_longest = KEEP_LONGEST
);

const QUEUE: Sql = sql!(
    "{upsert}
      turn_at = case when b.turn_at is null then excluded.turn_at else b.turn_at end,
      {keep_longest}",
    upsert = UPSERT,
    keep_longest = KEEP_LONGEST
);

/// A turn further ahead than `$3` was given by a clock that was ahead.
const TAKE_TURN: Sql = sql!(
    "update guess_budgets
    set turn_at = null
    where id = $1 and (turn_at <= $2 or turn_at > $3)"
);

const REMEMBER: Sql = sql!(
    "{upsert}
      known_at = excluded.known_at,
      turn_at = null,
      {keep_longest}",
    upsert = UPSERT,
    keep_longest = KEEP_LONGEST
);

impl WriteTx {
    /// Charges one failed attempt. Two at the same moment both count.
    pub async fn charge_login_budget(&self, id: &str, limit: Limit) -> Result<()> {
        let (now, period, most) = (self.now().timestamp_micros(), limit.micros(), farthest(limit));
        let forget = self.now() + chrono::TimeDelta::microseconds(most) + KEPT_FOR;
        let row = [id.into(), (now + period).into(), None::<Time>.into(), None::<Time>.into(), forget.into()];
        let numbers = [now, now + most, period].map(Into::into);
        sql::execute(&self.tx, CHARGE, row.into_iter().chain(numbers).collect()).await.map(|_| ())
    }

    /// Lets a network wait for its turn, unless it does already.
    pub async fn queue_for_turn(&self, id: &str, turn_at: Time) -> Result<()> {
        let row = [id.into(), 0_i64.into(), Some(turn_at).into(), None::<Time>.into(), (turn_at + KEPT_FOR).into()];
        sql::execute(&self.tx, QUEUE, row.into()).await.map(|_| ())
    }

    /// Uses up a turn that has come; `false` if somebody else of the same network did.
    pub async fn take_turn(&self, id: &str) -> Result<bool> {
        let values = vec![id.into(), self.now().into(), (self.now() + LONGEST_WAIT).into()];
        Ok(sql::execute(&self.tx, TAKE_TURN, values).await? == 1)
    }

    /// Remembers that somebody signed in from this network.
    pub async fn remember_network(&self, id: &str) -> Result<()> {
        let row = [id.into(), 0_i64.into(), None::<Time>.into(), Some(self.now()).into(), (self.now() + KNOWN_FOR).into()];
        sql::execute(&self.tx, REMEMBER, row.into()).await.map(|_| ())
    }
}

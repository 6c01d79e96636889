//! Codes that a risky sign-in is asked for. An account has at most one at a time: whoever knows the password and asks again gets neither
//! another mail nor more tries.

use domain::{Result, Time, UserId};
use sea_orm::{DbErr, QueryResult};

use crate::{
    WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

/// What the tag of a code is made for.
const CODE: &str = "sign-in code";

/// Only where there is none, the one there is has run out, or it was for another password.
const PUT: Sql = sql!(
    "insert into sign_in_challenges as c (user_id, code_tag, proven, tries, expires_at)
    values ($1, $2, $3, $4, $5)
    on conflict (user_id) do update set
      code_tag = excluded.code_tag, proven = excluded.proven, tries = excluded.tries, expires_at = excluded.expires_at
    where c.expires_at <= $6 or c.proven <> excluded.proven"
);
const TRY: Sql = sql!(
    "update sign_in_challenges set tries = tries - 1
    where user_id = $1 and expires_at > $2 and tries > 0"
);
const FIND: Sql = sql!("select code_tag, proven, expires_at from sign_in_challenges where user_id = $1 and expires_at > $2");
const DROP: Sql = sql!("delete from sign_in_challenges where user_id = $1");

/// What became of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It is right, and used up.
    Right,
    /// It is wrong, or there is none.
    Wrong,
    /// It was not looked at: too many were tried. A new one can be had from then on.
    TooOften(Time),
}

fn read(row: &QueryResult) -> Result<(String, String, Time), DbErr> {
    let mut columns = Columns::of(row);
    Ok((columns.next()?, columns.next()?, columns.next()?))
}

impl WriteTx {
    /// Makes `code` the one that opens the account's risky sign-ins. `false`: another one does, and is still in the mailbox.
    pub async fn put_sign_in_code(&self, user: UserId, code: &str, proven: &str, tries: i64, expires_at: Time) -> Result<bool> {
        let tag = self.store.keyring.tag(CODE, &text(user, code))?;
        let values = vec![user.uuid().into(), tag.into(), proven.into(), tries.into(), expires_at.into(), self.now().into()];
        Ok(sql::execute(&self.tx, PUT, values).await? == 1)
    }

    /// Tries a code, for the password that it was made for. The try counts once the transaction commits, whatever the answer is.
    pub async fn try_sign_in_code(&self, user: UserId, code: &str, proven: &str) -> Result<Tried> {
        let values = || vec![user.uuid().into(), self.now().into()];
        let counted = sql::execute(&self.tx, TRY, values()).await? == 1;
        let Some(row) = sql::one(&self.tx, FIND, values()).await? else { return Ok(Tried::Wrong) };
        let (tag, made_for, expires_at) = read(&row).map_err(from_db)?;
        if !counted {
            return Ok(Tried::TooOften(expires_at));
        }
        if made_for != proven || !self.store.is_tag_by(&self.tx, CODE, &text(user, code), &tag).await? {
            return Ok(Tried::Wrong);
        }
        sql::execute(&self.tx, DROP, vec![user.uuid().into()]).await?;
        Ok(Tried::Right)
    }
}

/// A code of one account is none of another's.
fn text(user: UserId, code: &str) -> Vec<u8> {
    [user.uuid().as_bytes().as_slice(), code.as_bytes()].concat()
}

//! Telling the platform's payment provider how many users of each organization were active: what has grown since it heard it last, once or more
//! often, because it is told how many there are and not how many more.

use chrono::TimeDelta;
use domain::{
    Kind, Result, Time,
    applications::billing::calls::{Account, Usage},
    authorization::policy::SystemScope,
    core::ports::Payments,
    events::analytics::Month,
};
use store::{Store, identity::active_users::Unreported};

/// To whom, and under which name.
#[derive(Clone, Debug)]
pub struct Reporting {
    /// In whose name the provider is called.
    pub account: Account,
    /// The name of the meter.
    pub meter: String,
}

/// For how long after its end a month may still grow: until its last sign-ins are counted.
const LATE: TimeDelta = TimeDelta::days(3);

/// Tells at most `batch` numbers, after `last` of the batch before, and answers the last of them. One that cannot be told is told the next
/// time, and keeps no other from being told.
pub async fn report(
    store: &Store,
    scope: SystemScope,
    payments: &dyn Payments,
    reporting: &Reporting,
    (now, last): (Time, Option<&Unreported>),
    batch: u64,
) -> Result<(u64, Option<Unreported>)> {
    let first = Month::of(now - LATE);
    let found = store.unreported_users(scope, reporting.account.provider, first, last, batch).await?;
    let mut told = 0;
    for one in &found {
        let usage = Usage {
            organization: one.org,
            customer: one.customer.clone(),
            month: one.month,
            users: one.users,
            // Of a month that is over, its last second: the provider counts what is of the month in it.
            at: now.min(one.month.end() - TimeDelta::seconds(1)),
        };
        match payments.usage(&reporting.account, &reporting.meter, &usage).await {
            Ok(()) => {
                store.note_reported_users(scope, one).await?;
                told += 1;
            }
            Err(e) => {
                tracing::warn!(organization = %one.org, code = e.code, "active users could not be reported: {}", e.message);
                if e.kind == Kind::Unavailable {
                    // The others would wait as long for nothing.
                    return Ok((told, None));
                }
            }
        }
    }
    Ok((told, found.into_iter().last()))
}

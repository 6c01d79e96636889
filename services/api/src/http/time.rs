//! Moments.

use domain::Time;

/// A moment as every face sends it.
pub fn time(t: Time) -> String {
    t.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

//! Moments.

use domain::Time;

/// A moment as every face sends it.
pub fn time(t: Time) -> String {
    t.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// A moment as people read it in every language.
pub fn minute(t: Time) -> String {
    t.format("%Y-%m-%d %H:%M UTC").to_string()
}

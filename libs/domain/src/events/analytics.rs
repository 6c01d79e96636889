//! Sign-ins of an organization in numbers, by days in UTC.

use std::str::FromStr;

use chrono::{Datelike, Months, NaiveDate, NaiveTime, TimeDelta};

use crate::{
    Error, Result, ServiceId, Time,
    core::value::{BadValue, bad},
};

/// How many days are shown at most.
pub const MAX_DAYS: i64 = 366;
/// How many are shown where nobody says so.
const USUAL_DAYS: i64 = 30;

/// A day in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(NaiveDate);

impl Day {
    /// The day of a moment.
    pub fn of(time: Time) -> Self {
        Self(time.date_naive())
    }
    /// When it begins.
    pub fn begin(self) -> Time {
        self.0.and_time(NaiveTime::MIN).and_utc()
    }
    /// So many days later; before, if it is negative. The same if there is no such day.
    pub fn plus(self, days: i64) -> Self {
        self.0.checked_add_signed(TimeDelta::days(days)).map_or(self, Self)
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d"))
    }
}

impl FromStr for Day {
    type Err = BadValue;
    /// `2026-11-29`, of the years 1970 to 9998.
    fn from_str(s: &str) -> Result<Self, BadValue> {
        let plain = s.len() == 10 && s.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        match NaiveDate::parse_from_str(s, "%Y-%m-%d") {
            Ok(day) if plain && ("1970-01-01"..="9998-12-31").contains(&s) => Ok(Self(day)),
            _ => bad("bad_date", "Use a day like 2026-11-29."),
        }
    }
}

/// A month in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(NaiveDate);

impl Month {
    /// The month of a moment.
    pub fn of(time: Time) -> Self {
        let day = time.date_naive();
        Self(day.with_day(1).unwrap_or(day))
    }
    /// The one before.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0.checked_sub_months(Months::new(1)).unwrap_or(self.0))
    }
    /// When the next one begins.
    pub fn end(self) -> Time {
        self.0.checked_add_months(Months::new(1)).unwrap_or(self.0).and_time(NaiveTime::MIN).and_utc()
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m"))
    }
}

impl FromStr for Month {
    type Err = BadValue;
    /// `2026-11`.
    fn from_str(s: &str) -> Result<Self, BadValue> {
        let day: Day =
            format!("{s}-01").parse().map_err(|_| BadValue { code: "bad_month", message: "Use a month like 2026-11.".into() })?;
        Ok(Self(day.0))
    }
}

/// Who was active in a month: whoever signed in to the organization or one of its services, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveUsers {
    /// The month.
    pub month: Month,
    /// How many.
    pub total: i64,
    /// How many of them in each service, most first.
    pub services: Vec<ServiceSignIns>,
}

/// Some days, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub first: Day,
    /// The last.
    pub last: Day,
}

impl Days {
    /// From `start` to `end`; without them the last 30, today among them. At most [`MAX_DAYS`], in order: `Invalid`.
    pub fn between(start: Option<Day>, end: Option<Day>, now: Time) -> Result<Self> {
        let last = end.unwrap_or_else(|| match start {
            Some(start) => Day::of(now).max(start).min(start.plus(MAX_DAYS - 1)),
            None => Day::of(now),
        });
        let first = start.unwrap_or_else(|| last.plus(1 - USUAL_DAYS));
        if first > last {
            return Err(Error::field("end_date", "before_start", "`end_date` comes before `start_date`."));
        }
        if last.begin() - first.begin() >= TimeDelta::days(MAX_DAYS) {
            return Err(Error::field("start_date", "too_many_days", format!("Ask for at most {MAX_DAYS} days.")));
        }
        Ok(Self { first, last })
    }
    /// The moment after the last of them.
    pub fn end(self) -> Time {
        self.last.plus(1).begin()
    }
}

/// Sign-ins to one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSignIns {
    /// Which.
    pub service_id: ServiceId,
    /// Its name.
    pub service_name: String,
    /// How many.
    pub count: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        text.parse().unwrap()
    }

    fn between(start: Option<&str>, end: Option<&str>) -> Result<(String, String), &'static str> {
        let parse = |day: Option<&str>| day.map(|day| day.parse().unwrap());
        Days::between(parse(start), parse(end), at("2026-11-29T23:59:59Z"))
            .map(|days| (days.first.to_string(), days.last.to_string()))
            .map_err(|e| e.details[0].code)
    }

    #[test]
    fn days_are_taken_as_they_are_meant() {
        let days = |first: &str, last: &str| Ok((first.to_owned(), last.to_owned()));
        for (start, end, expected) in [
            (None, None, days("2026-10-31", "2026-11-29")),
            (Some("2026-11-29"), None, days("2026-11-29", "2026-11-29")),
            (Some("2026-12-24"), None, days("2026-12-24", "2026-12-24")),
            (Some("2020-01-01"), None, days("2020-01-01", "2020-12-31")),
            (None, Some("2026-03-01"), days("2026-01-31", "2026-03-01")),
            (Some("2026-01-01"), Some("2027-01-01"), days("2026-01-01", "2027-01-01")),
            (Some("2026-01-01"), Some("2027-01-02"), Err("too_many_days")),
            (Some("1970-01-01"), Some("9998-12-31"), Err("too_many_days")),
            (Some("2026-01-02"), Some("2026-01-01"), Err("before_start")),
        ] {
            assert_eq!(between(start, end), expected, "{start:?} to {end:?}");
        }
    }

    #[test]
    fn a_day_has_one_spelling() {
        for text in [
            "",
            "2026-1-1",
            "2026-02-30",
            "20261129",
            "+026-11-29",
            "2026-11-29T00:00:00Z",
            "1969-12-31",
            "9999-01-01",
            " 2026-11-2",
        ] {
            assert_eq!(text.parse::<Day>().unwrap_err().code, "bad_date", "{text}");
        }
        let day: Day = "2024-02-29".parse().unwrap();
        assert_eq!((day.to_string(), day.begin()), ("2024-02-29".to_owned(), at("2024-02-29T00:00:00Z")));
        assert_eq!(Days { first: day, last: day }.end(), at("2024-03-01T00:00:00Z"));
    }
}

//! The rules of delivering: may this be sent now, did it work, and when is the next attempt. Pure; the worker does what they say.

use chrono::{DateTime, TimeDelta};
use domain::{Time, core::clock::stretched, tenancy::organizations::OrgStatus};

/// When failed attempts are repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Between the first attempt and the second; doubles each time.
    pub first: TimeDelta,
    /// Attempts, including the first.
    pub max_attempts: i32,
}

/// No wait is longer, however many attempts an operator allows.
const LONGEST: TimeDelta = TimeDelta::days(1);

impl Schedule {
    /// When to try again after attempt `number` (from 1) failed at `now`; `None`: that was the last. `jitter` in 0..1 adds up to a tenth,
    /// so that what failed together does not come back together.
    pub fn next(&self, number: i32, now: Time, jitter: f64) -> Option<Time> {
        if number >= self.max_attempts {
            return None;
        }
        let doublings = u32::try_from(number - 1).unwrap_or(0).min(62);
        let wait = self.first.num_milliseconds().saturating_mul(1 << doublings).min(LONGEST.num_milliseconds());
        Some(now + TimeDelta::milliseconds(stretched(wait, jitter)))
    }
}

/// What is known about a webhook delivery just before it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Addressee<'a> {
    /// Whether the endpoint is active.
    pub is_active: bool,
    /// The organization's status, if we know it.
    pub org_status: Option<OrgStatus>,
    /// Whether the organization was deleted.
    pub org_deleted: bool,
    /// The event.
    pub event: &'a str,
}

/// The last event of an organization: still delivered although it is gone.
pub const LAST_EVENT: &str = "org.deleted";

/// Why something is not sent, for the customer to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// It never will be.
    Cancelled(&'static str),
    /// It waits until that changes.
    Held(&'static str),
}

/// Whether it may be sent.
pub fn may_send(to: Addressee<'_>) -> Result<(), NotSent> {
    if !to.is_active {
        return Err(NotSent::Cancelled("the webhook is not active"));
    }
    if to.org_deleted {
        return if to.event == LAST_EVENT { Ok(()) } else { Err(NotSent::Cancelled("the organization was deleted")) };
    }
    if to.org_status == Some(OrgStatus::Active) { Ok(()) } else { Err(NotSent::Held("the organization is not active")) }
}

/// Whether an answer means that the event arrived. Everything else is tried again.
pub const fn arrived(status: u16) -> bool {
    matches!(status, 200..=299)
}

/// Whether an answer says that the endpoint will never want anything again.
pub const fn gone(status: u16) -> bool {
    status == 410
}

/// However long an endpoint asks to be left alone, it is found again within this time.
const LONGEST_ASKED: TimeDelta = TimeDelta::hours(1);

/// Until when an endpoint that answered `status` asks to be left alone, by its header `Retry-After`: seconds or a date.
pub fn asked_to_wait(status: u16, retry_after: Option<&str>, now: Time) -> Option<Time> {
    let text = retry_after.filter(|_| matches!(status, 429 | 503))?.trim();
    let until = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let seconds = text.parse().unwrap_or(i64::MAX).min(LONGEST_ASKED.num_seconds());
        now + TimeDelta::seconds(seconds)
    } else {
        DateTime::parse_from_rfc2822(text).ok()?.to_utc()
    };
    Some(until.min(now + LONGEST_ASKED)).filter(|until| *until > now)
}

/// Why an answer does not count, for the customer to read.
pub fn refusal(status: u16) -> String {
    match status {
        300..=399 => format!("the endpoint answered {status}; redirects are not followed"),
        _ => format!("the endpoint answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        "2026-11-23T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn attempts_are_spaced_by_doubling_with_up_to_a_tenth_more() {
        let schedule = Schedule { first: TimeDelta::seconds(60), max_attempts: 6 };
        let waits: Vec<_> = (1..=6).map(|n| schedule.next(n, now(), 0.0).map(|at| (at - now()).num_seconds())).collect();
        assert_eq!(waits, [Some(60), Some(120), Some(240), Some(480), Some(960), None]);
        assert_eq!(schedule.next(1, now(), 0.5), Some(now() + TimeDelta::seconds(63)));
        assert_eq!(schedule.next(1, now(), 9.0), Some(now() + TimeDelta::seconds(66)));
    }

    #[test]
    fn no_wait_is_endless() {
        let schedule = Schedule { first: TimeDelta::seconds(86_400), max_attempts: 50 };
        assert_eq!(schedule.next(49, now(), 0.0), Some(now() + LONGEST));
        assert_eq!(schedule.next(0, now(), 0.0), Some(now() + LONGEST));
    }

    #[test]
    fn only_active_endpoints_of_active_organizations_are_called() {
        let to = Addressee { is_active: true, org_status: Some(OrgStatus::Active), org_deleted: false, event: "user.joined" };
        assert_eq!(may_send(to), Ok(()));
        let cancelled = |to| matches!(may_send(to), Err(NotSent::Cancelled(_)));
        assert!(cancelled(Addressee { is_active: false, ..to }));
        assert!(cancelled(Addressee { org_deleted: true, ..to }));
        for status in [Some(OrgStatus::Suspended), Some(OrgStatus::Pending), Some(OrgStatus::Rejected), None] {
            assert!(matches!(may_send(Addressee { org_status: status, ..to }), Err(NotSent::Held(_))), "{status:?}");
            assert!(cancelled(Addressee { org_status: status, is_active: false, ..to }));
        }
        let last = Addressee { org_deleted: true, event: "org.deleted", ..to };
        assert_eq!(may_send(last), Ok(()));
        assert_eq!(may_send(Addressee { org_status: Some(OrgStatus::Suspended), ..last }), Ok(()));
    }

    #[test]
    fn the_last_event_has_its_name() {
        let last =
            domain::Event::OrganizationDeleted { organization_id: domain::PLATFORM, slug: String::new(), name: String::new() };
        assert_eq!(last.name().as_str(), LAST_EVENT);
    }

    #[test]
    fn an_endpoint_is_left_alone_for_as_long_as_it_asks_up_to_a_bound() {
        let asked = |status, text| asked_to_wait(status, text, now()).map(|until| (until - now()).num_seconds());
        for (text, seconds) in [
            ("900", Some(900)),
            (" 1 ", Some(1)),
            ("99999999999999999999999", Some(3600)),
            ("Mon, 23 Nov 2026 00:10:00 GMT", Some(600)),
            ("Tue, 23 Nov 2027 00:10:00 GMT", Some(3600)),
            ("Sun, 22 Nov 2026 00:10:00 GMT", None),
            ("0", None),
            ("-5", None),
            ("1.5", None),
            ("", None),
            ("soon", None),
        ] {
            assert_eq!(asked(429, Some(text)), seconds, "{text}");
            assert_eq!(asked(503, Some(text)), seconds, "{text}");
            assert_eq!(asked(500, Some(text)), None, "{text}");
        }
        assert_eq!(asked(429, None), None);
    }

    #[test]
    fn success_is_two_hundred_something() {
        assert!(arrived(200) && arrived(204) && arrived(299));
        assert!(![199, 300, 301, 404, 410, 500].into_iter().any(arrived));
        assert!(refusal(302).contains("redirect"));
    }
}

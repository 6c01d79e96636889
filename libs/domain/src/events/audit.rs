//! What an organization decides about its audit log: how long records are kept, and whose content is erased from them.

use crate::core::id::id;
use crate::{UserId, Violation, core::value::Email};

id! {
    /// An order to erase somebody from an audit log.
    ErasureKind ErasureId = "ers"
}

/// How many days records are kept, and what organizations may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionDays {
    /// Of an organization that chose nothing.
    pub default: u32,
    /// The least that one may choose.
    pub least: u32,
    /// The most.
    pub most: u32,
}

impl RetentionDays {
    /// The days that count for an organization that chose `own`. An operator who moves the bounds moves what was chosen before.
    pub fn effective(self, own: Option<u32>) -> u32 {
        own.map_or(self.default, |days| days.clamp(self.least, self.most.max(self.least)))
    }
    /// A choice within the bounds.
    pub fn choose(self, days: i64) -> Result<u32, Violation> {
        let within = u32::try_from(days).ok().filter(|days| (self.least..=self.most).contains(days));
        within.ok_or_else(|| {
            let text = format!("Use {} to {} days, or null for the platform's {}.", self.least, self.most, self.default);
            Violation::new("days", "out_of_range", text)
        })
    }
}

/// Whose content is erased: a person by account, by address, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The account.
    pub user: Option<UserId>,
    /// The address.
    pub email: Option<Email>,
}

impl Subject {
    /// Whether a record names the person: `exact` are its fields that hold nothing but a name, `json` its texts.
    pub fn is_named_in(&self, exact: &[&str], json: &[&str]) -> bool {
        let user = self.user.map(|user| user.to_string());
        let email = self.email.as_ref().map(|email| email.as_str().to_lowercase());
        let named = |name: &str| {
            // Within its quotes: bob@example.com is not jacob-bob@example.com.
            let quoted = format!("\"{name}\"");
            exact.iter().any(|field| field.eq_ignore_ascii_case(name))
                || json.iter().any(|text| text.to_lowercase().contains(&quoted))
        };
        [user, email].into_iter().flatten().any(|name| named(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_lies_within_the_bounds_also_after_they_move() {
        let days = RetentionDays { default: 365, least: 30, most: 3650 };
        assert_eq!((days.effective(None), days.effective(Some(90))), (365, 90));
        assert_eq!((days.effective(Some(1)), days.effective(Some(9999))), (30, 3650));
        assert_eq!(days.choose(30), Ok(30));
        for bad in [29, 3651, -1, i64::MAX] {
            assert_eq!(days.choose(bad).unwrap_err().code, "out_of_range");
        }
    }

    #[test]
    fn a_person_is_found_by_the_whole_name_only() {
        let user = UserId::new(uuid::Uuid::from_u128(7));
        let subject = |user, email: Option<&str>| Subject { user, email: email.map(|text| text.parse().unwrap()) };
        let bob = subject(None, Some("bob@example.com"));
        assert!(bob.is_named_in(&["BOB@example.com"], &[]));
        assert!(bob.is_named_in(&[], &[r#"{"to":["Bob@Example.com"]}"#]));
        assert!(!bob.is_named_in(&["jacob-bob@example.com", "bob"], &[r#"{"email":"jacob-bob@example.com"}"#]));
        assert!(subject(Some(user), None).is_named_in(&[&user.to_string()], &[]));
        assert!(!subject(Some(user), None).is_named_in(&["bob@example.com"], &[r#"{"email":"bob@example.com"}"#]));
        assert!(subject(Some(user), Some("bob@example.com")).is_named_in(&[], &[r#"{"email":"bob@example.com"}"#]));
    }
}

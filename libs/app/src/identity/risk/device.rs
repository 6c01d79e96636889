//! How a device is known again: a value that it is given after a sign-in and shows at the next one. It says whose sign-in that was, and which
//! organizations judged it, each for 90 days: trust that was earned where nobody looks counts nothing where somebody does. An HMAC keeps
//! anybody else from making one. It opens nothing: all it does is take something off the risk of a sign-in with the right password.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use domain::{Error, OrgId, Result, Time, UserId, identity::risk::Device};
use serde::{Deserialize, Serialize};

use crate::App;

/// What the tag is made for.
const PURPOSE: &str = "trusted device";
/// How long an organization trusts a device after a sign-in.
pub const TRUSTED_FOR: TimeDelta = TimeDelta::days(90);
/// Only the newest of them: a cookie is sent with every request.
const MOST_ORGANIZATIONS: usize = 8;
/// None of ours is longer.
const LONGEST: usize = 2048;

/// What a device shows of itself.
pub(crate) enum Shown {
    /// Nothing.
    Nothing,
    /// What we did not make.
    Nonsense,
    /// What we made.
    Ours(Trust),
}

/// Who signed in with a device, and who judged that, until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trust {
    user: UserId,
    /// Seconds since 1970; the newest first.
    organizations: Vec<(OrgId, i64)>,
}

impl Shown {
    /// What that is worth to an organization whom `user` signs in to.
    pub(crate) fn device(&self, user: UserId, org: OrgId, now: Time) -> Device {
        match self {
            Self::Nothing => Device::New,
            Self::Nonsense => Device::Invalid,
            Self::Ours(trust) if trust.user != user => Device::Mismatch,
            Self::Ours(trust) => {
                let lives = trust.organizations.iter().any(|(known, until)| *known == org && *until > now.timestamp());
                if lives { Device::Trusted } else { Device::Untrusted }
            }
        }
    }

    /// What it is given after another sign-in of `user`'s, which these organizations judged. Somebody else's trust is not kept.
    fn renewed(&self, user: UserId, judges: Vec<OrgId>, now: Time) -> Trust {
        let before = match self {
            Self::Ours(trust) if trust.user == user => trust.organizations.as_slice(),
            _ => &[],
        };
        let kept = before.iter().filter(|(org, until)| !judges.contains(org) && *until > now.timestamp());
        let until = (now + TRUSTED_FOR).timestamp();
        let mut organizations: Vec<_> = judges.iter().map(|org| (*org, until)).chain(kept.copied()).collect();
        organizations.truncate(MOST_ORGANIZATIONS);
        Trust { user, organizations }
    }
}

impl App {
    /// Reads what a device shows.
    pub(crate) async fn shown_device(&self, shown: Option<&str>) -> Result<Shown> {
        let Some(text) = shown else { return Ok(Shown::Nothing) };
        let Some((body, tag)) = text.split_once('.').filter(|_| text.len() <= LONGEST) else { return Ok(Shown::Nonsense) };
        if !self.store.is_tag(PURPOSE, body.as_bytes(), tag).await? {
            return Ok(Shown::Nonsense);
        }
        let trust = URL_SAFE_NO_PAD.decode(body).ok().and_then(|json| serde_json::from_slice(&json).ok());
        Ok(trust.map_or(Shown::Nonsense, Shown::Ours))
    }

    /// What a device shows from now on; `None` where nobody judged the sign-in.
    pub(crate) fn trusted_device(
        &self,
        shown: &Shown,
        user: UserId,
        judges: impl Iterator<Item = OrgId>,
        now: Time,
    ) -> Result<Option<String>> {
        let judges: Vec<OrgId> = judges.collect();
        if judges.is_empty() {
            return Ok(None);
        }
        let json = serde_json::to_vec(&shown.renewed(user, judges, now)).map_err(Error::internal)?;
        let body = URL_SAFE_NO_PAD.encode(json);
        let tag = self.store.keyring().tag(PURPOSE, body.as_bytes())?;
        Ok(Some(format!("{body}.{tag}")))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn now() -> Time {
        "2026-11-23T09:00:00Z".parse().unwrap()
    }
    fn org(n: u128) -> OrgId {
        OrgId::new(Uuid::from_u128(n))
    }
    fn user(n: u128) -> UserId {
        UserId::new(Uuid::from_u128(n))
    }

    #[test]
    fn trust_belongs_to_a_person_and_an_organization_and_ends() {
        let ours = Shown::Ours(Shown::Nothing.renewed(user(1), vec![org(1)], now()));
        assert_eq!(ours.device(user(1), org(1), now()), Device::Trusted);
        assert_eq!(ours.device(user(2), org(1), now()), Device::Mismatch);
        assert_eq!(ours.device(user(1), org(2), now()), Device::Untrusted);
        assert_eq!(ours.device(user(1), org(1), now() + TRUSTED_FOR - TimeDelta::seconds(1)), Device::Trusted);
        assert_eq!(ours.device(user(1), org(1), now() + TRUSTED_FOR), Device::Untrusted);
        assert_eq!(Shown::Nothing.device(user(1), org(1), now()), Device::New);
        assert_eq!(Shown::Nonsense.device(user(1), org(1), now()), Device::Invalid);
    }

    #[test]
    fn trust_is_added_to_and_never_anothers() {
        let first = Shown::Ours(Shown::Nothing.renewed(user(1), vec![org(1)], now()));
        let both = Shown::Ours(first.renewed(user(1), vec![org(2)], now() + TimeDelta::days(1)));
        assert_eq!([1, 2, 3].map(|n| both.device(user(1), org(n), now())), [Device::Trusted, Device::Trusted, Device::Untrusted]);
        let taken = Shown::Ours(both.renewed(user(2), vec![org(1)], now()));
        assert_eq!(
            [taken.device(user(2), org(2), now()), taken.device(user(1), org(1), now())],
            [Device::Untrusted, Device::Mismatch]
        );
        let many = (0..20).fold(Shown::Nothing, |shown, n| Shown::Ours(shown.renewed(user(1), vec![org(n)], now())));
        let known = (0..20).filter(|n| many.device(user(1), org(*n), now()) == Device::Trusted).count();
        assert_eq!((known, many.device(user(1), org(19), now())), (MOST_ORGANIZATIONS, Device::Trusted));
    }
}

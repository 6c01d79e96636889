//! What a session did to authenticate, and when. A session records that and nothing else: what it is enough for, each organization's
//! policy judges at every use ([`super::entry`]).

use serde::{Deserialize, Serialize};

use super::federation::UpstreamLoginId;
use crate::{ConnectionId, OrgId, PLATFORM, Time};

/// One way to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Method {
    /// The account's password.
    #[serde(rename = "pwd")]
    Password,
    /// A code of an authenticator app (RFC 6238).
    #[serde(rename = "totp")]
    Totp,
    /// One of the codes that were noted down for the day the app is lost.
    #[serde(rename = "rec")]
    RecoveryCode,
    /// A code that was mailed to the account's address.
    #[serde(rename = "mail")]
    MailCode,
    /// A code or link that was mailed there to somebody who gave nothing before. It says who somebody is, and confirms nothing: whoever reads the mail
    /// has the one factor.
    #[serde(rename = "box")]
    Mail,
    /// An identity provider, through a connection.
    #[serde(rename = "con")]
    Connection,
    /// A passkey, which is both factors: a thing that the person has, and the device's word that it made sure of them.
    #[serde(rename = "psk")]
    Passkey,
}

impl Method {
    /// Every one.
    pub const ALL: [Self; 7] =
        [Self::Password, Self::Totp, Self::RecoveryCode, Self::MailCode, Self::Mail, Self::Connection, Self::Passkey];

    /// As it is sent and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
            Self::MailCode => "mail_code",
            Self::Mail => "mail",
            Self::Connection => "connection",
            Self::Passkey => "passkey",
        }
    }
    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
    /// Whether it says who somebody is. The others only confirm it.
    pub const fn is_first(self) -> bool {
        matches!(self, Self::Password | Self::Mail | Self::Connection | Self::Passkey)
    }
    /// Whether it confirms who somebody is, beside a first factor or as one.
    pub const fn is_second(self) -> bool {
        !matches!(self, Self::Password | Self::Mail | Self::Connection)
    }
    /// Whether it is the person's own, and not an organization's word about them.
    pub const fn is_own(self) -> bool {
        !matches!(self, Self::Connection)
    }
}

/// Something that a session did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// What.
    #[serde(rename = "m")]
    pub method: Method,
    /// When, in Unix seconds; 0: nobody knows.
    #[serde(rename = "t")]
    pub at: i64,
    /// Of [`Method::Connection`]: through which.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Through>,
}

/// The connection that somebody came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Through {
    /// The organization that was signed in to. The connection speaks about that one only.
    #[serde(rename = "o")]
    pub org: OrgId,
    /// Which.
    #[serde(rename = "i")]
    pub id: ConnectionId,
    /// Its generation then: whoever changes whom it speaks for begins another.
    #[serde(rename = "g")]
    pub generation: i64,
    /// Until when the provider said that it holds, in Unix seconds.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// Whether the provider said that there were two factors.
    #[serde(rename = "f", default, skip_serializing_if = "std::ops::Not::not")]
    pub multi_factor: bool,
    /// The sign-in, where the provider may end what came of it.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub login: Option<UpstreamLoginId>,
}

impl Authentication {
    /// Something that the person did themselves, at that time.
    pub fn own(method: Method, at: Time) -> Self {
        Self { method, at: at.timestamp(), through: None }
    }
}

/// Everything that a session did to authenticate, the latest of each kind, in the order in which it was done. At most [`Authentications::MOST`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authentications(Vec<Authentication>);

impl Authentications {
    /// How many are kept; the oldest go.
    pub const MOST: usize = 8;

    /// One thing.
    pub fn one(done: Authentication) -> Self {
        Self(vec![done])
    }
    /// As it is stored. Sessions from before this was kept had a password, at a time that nobody knows. What cannot be read counts as
    /// nothing.
    pub fn stored(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self::one(Authentication { method: Method::Password, at: 0, through: None }) };
        serde_json::from_str(text).map(Self).unwrap_or_default()
    }
    /// The text to store.
    pub fn to_text(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_else(|_| unreachable!("it has no keys but texts"))
    }
    /// With one more. A password, a mail or a passkey takes what confirmed the one before with it.
    #[must_use]
    pub fn and(mut self, done: Authentication) -> Self {
        let connection = |one: &Authentication| one.through.map(|through| through.id);
        // What confirmed the one before says nothing of whoever gives something of their own now.
        if done.method.is_first() && done.method.is_own() {
            self.0.retain(|one| !one.method.is_second() || !one.method.is_own());
        }
        self.0.retain(|one| (one.method, connection(one)) != (done.method, connection(&done)));
        self.0.push(done);
        let beyond = self.0.len().saturating_sub(Self::MOST);
        self.0.drain(..beyond);
        self
    }
    /// Without what came of these sign-ins, which their provider ended.
    #[must_use]
    pub fn without(mut self, logins: &[UpstreamLoginId]) -> Self {
        let ended =
            |one: &Authentication| one.through.and_then(|through| through.login).is_some_and(|login| logins.contains(&login));
        self.0.retain(|one| !ended(one));
        // What only confirms who somebody is says nothing by itself.
        if !self.0.iter().any(|one| one.method.is_first()) {
            self.0.clear();
        }
        self
    }
    /// Those of which something counts, as far as it does.
    #[must_use]
    pub fn counted(&self, counts: impl Fn(&Authentication) -> Option<Authentication>) -> Self {
        Self(self.0.iter().filter_map(counts).collect())
    }
    /// Each.
    pub fn iter(&self) -> impl Iterator<Item = &Authentication> {
        self.0.iter()
    }
    /// Whether an account of this realm is known here by organizations' word only: what confirms a word says not who somebody is. Whoever runs one of their providers can be anybody who
    /// signs in through it, so such a session speaks about those organizations, and not about the account.
    pub fn is_confined(&self, realm: OrgId) -> bool {
        realm == PLATFORM && !self.0.iter().any(|one| one.method.is_own() && one.method.is_first())
    }
    /// Whether the latest thing of the person's own that says who they are is a mail.
    pub fn is_by_mail(&self) -> bool {
        let own = |one: &&Authentication| one.method.is_own() && one.method.is_first();
        self.0.iter().rfind(own).is_some_and(|one| one.method == Method::Mail)
    }
    /// The organizations whose providers were come through.
    pub fn organizations(&self) -> impl ExactSizeIterator<Item = OrgId> {
        let all: std::collections::BTreeSet<_> = self.0.iter().filter_map(|one| Some(one.through?.org)).collect();
        all.into_iter()
    }
    /// When the person last said by something of their own who they are, in Unix seconds. What only confirms that does not count: a session that
    /// lies about would become fresh by one code (T25).
    pub fn newest_own(&self) -> Option<i64> {
        self.newest(|method| method.is_own() && method.is_first())
    }
    /// The same of an account of this realm: the word of the organization that manages it is one of its own.
    pub fn newest_own_in(&self, realm: OrgId) -> Option<i64> {
        let manages = |one: &&Authentication| realm != PLATFORM && one.through.is_some_and(|through| through.org == realm);
        self.newest_own().max(self.0.iter().filter(manages).map(|one| one.at).max())
    }
    /// When anything last said who they are, their own or an organization's word, in Unix seconds.
    pub fn newest_first(&self) -> Option<i64> {
        self.newest(Method::is_first)
    }
    /// When they last confirmed it by a second factor that they have enrolled.
    pub fn newest_factor(&self) -> Option<i64> {
        self.newest(|method| matches!(method, Method::Totp | Method::RecoveryCode | Method::Passkey))
    }
    fn newest(&self, counts: impl Fn(Method) -> bool) -> Option<i64> {
        self.0.iter().filter(|one| counts(one.method)).map(|one| one.at).max()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn connection(n: u128, at: i64) -> Authentication {
        let (org, id) = (OrgId::new(Uuid::from_u128(7)), ConnectionId::new(Uuid::from_u128(n)));
        let through = Through { org, id, generation: 3, until: Some(at + 60), multi_factor: true, login: None };
        Authentication { method: Method::Connection, at, through: Some(through) }
    }

    fn own(method: Method, at: i64) -> Authentication {
        Authentication { method, at, through: None }
    }

    #[test]
    fn what_is_stored_comes_back() {
        let all = Authentications::one(own(Method::Password, 1)).and(own(Method::Totp, 2)).and(connection(1, 3));
        assert_eq!(Authentications::stored(Some(&all.to_text())), all);
        assert_eq!(Authentications::one(own(Method::Password, 5)).to_text(), r#"[{"m":"pwd","t":5}]"#);
    }

    #[test]
    fn what_a_provider_ends_is_what_came_of_its_sign_in() {
        let login = |n: u128| UpstreamLoginId::new(Uuid::from_u128(n));
        let through = |n: u128, at: i64| {
            let one = connection(n, at);
            Authentication { through: one.through.map(|through| Through { login: Some(login(n)), ..through }), ..one }
        };
        let all = Authentications::one(own(Method::Password, 1)).and(through(1, 2)).and(through(2, 3)).and(connection(3, 4));
        assert_eq!(Authentications::stored(Some(&all.to_text())), all);
        let left = all.clone().without(&[login(1), login(3)]);
        assert_eq!(left, Authentications::one(own(Method::Password, 1)).and(through(2, 3)).and(connection(3, 4)));
        assert_eq!(all.clone().without(&[]), all);
        // A second factor alone says nothing of who it is.
        let confirmed = Authentications::one(through(1, 1)).and(own(Method::Totp, 2));
        assert_eq!(confirmed.without(&[login(1)]), Authentications::default());
    }

    #[test]
    fn what_cannot_be_read_counts_as_nothing() {
        for text in ["", "{}", "null", r#"[{"m":"nothing we know","t":5}]"#, r#"[{"m":"pwd"}]"#] {
            assert_eq!(Authentications::stored(Some(text)), Authentications::default(), "{text}");
        }
        let before = Authentications::stored(None);
        assert_eq!(before, Authentications::one(own(Method::Password, 0)), "sessions from before had a password");
    }

    #[test]
    fn the_latest_of_each_kind_is_kept_and_not_more_than_fit() {
        let twice = Authentications::one(own(Method::Password, 1)).and(own(Method::Totp, 2)).and(own(Method::Password, 3));
        assert_eq!(twice.0, [own(Method::Password, 3)], "what confirmed the password before confirms this one not");
        let kept = Authentications::one(own(Method::Totp, 2)).and(connection(1, 3)).and(own(Method::Totp, 4));
        assert_eq!(kept.0, [connection(1, 3), own(Method::Totp, 4)], "a connection's word takes nothing");
        let passkey = own(Method::Passkey, 5);
        assert_eq!(
            Authentications::one(own(Method::Password, 1)).and(own(Method::Totp, 2)).and(passkey).0,
            [own(Method::Password, 1), passkey]
        );
        let after = Authentications::one(passkey).and(own(Method::Password, 6));
        assert_eq!(after.0, [own(Method::Password, 6)], "a passkey does not confirm whoever gives a password later");
        let confirmed = Authentications::one(own(Method::Password, 1)).and(own(Method::MailCode, 2));
        assert_eq!(
            confirmed.and(own(Method::Mail, 3)).0,
            [own(Method::Password, 1), own(Method::Mail, 3)],
            "nor does a mail whoever comes by one"
        );
        let many = (0..20).fold(Authentications::default(), |all, n| all.and(connection(n, 1_764_000_000)));
        assert_eq!(many.0.len(), Authentications::MOST);
        assert_eq!(many.0.last(), Some(&connection(19, 1_764_000_000)), "the oldest went");
        assert!(many.to_text().len() < 1500, "{}", many.to_text().len());
    }

    #[test]
    fn who_is_known_by_an_organizations_word_only_is_confined() {
        let managed = OrgId::new(Uuid::from_u128(7));
        let through = Authentications::one(connection(1, 1));
        assert!(through.is_confined(PLATFORM) && Authentications::default().is_confined(PLATFORM));
        assert!(!through.is_confined(managed), "its own organization's word is a managed account's own");
        assert!(!through.clone().and(own(Method::Password, 2)).is_confined(PLATFORM));
        for confirms in [Method::Totp, Method::RecoveryCode, Method::MailCode] {
            assert!(through.clone().and(own(confirms, 2)).is_confined(PLATFORM), "{confirms:?} says not who it is");
        }
        for says_who in [Method::Passkey, Method::Mail] {
            assert!(!through.clone().and(own(says_who, 2)).is_confined(PLATFORM), "{says_who:?} does");
        }
        assert_eq!(through.organizations().collect::<Vec<_>>(), [managed]);
        assert_eq!((through.newest_own(), through.and(own(Method::Password, 2)).newest_own()), (None, Some(2)));
    }
}

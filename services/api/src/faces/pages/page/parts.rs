//! What pages are made of: forms, problems, choices, and the kinds of what they say.

mod account;

use serde::Serialize;

pub(crate) use self::account::{AccountDone, AccountFacts, OwnPasskey, OwnSession, SignedInBy};

use crate::faces::pages::{qr::Picture, safe_url::SafeUrl};

/// A form's target and what it is the answer to: the hidden field `step`, which a flow compares before it believes an answer.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Action {
    /// Where it is sent.
    pub to: SafeUrl,
    /// The value of `step`.
    pub step: String,
}

impl Action {
    /// A form for a path of ours.
    pub(crate) fn new(path: impl Into<String>, step: impl Into<String>) -> Self {
        Self { to: SafeUrl::own(path), step: step.into() }
    }
}

/// A refusal of ours: its stable code chooses the text in the page's language, and its sentence stands in where there is none.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Problem {
    /// As in [`domain::Error`] or [`domain::Violation`].
    pub code: String,
    /// Ours, in English; nothing that a caller sent.
    pub message: String,
}

/// What is wrong with an address that somebody typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "of", rename_all = "snake_case")]
pub(crate) enum IdentifyProblem {
    /// Nothing was typed.
    Missing,
    /// It is no address.
    Malformed,
}

/// Why a password was not taken.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", content = "of", rename_all = "snake_case")]
pub(crate) enum PasswordProblem {
    /// Nothing was typed.
    Missing,
    /// It does not fit the address, or there is no such account: the same sentence.
    Wrong,
    /// Too many in a row; seconds to wait.
    Throttled(u64),
    /// It is right, and the organization wants another of the person's own ways.
    OtherWay,
    /// Something else.
    Other(Problem),
}

/// Why a code was not taken.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", content = "of", rename_all = "snake_case")]
pub(crate) enum CodeProblem {
    /// Nothing was typed.
    Missing,
    /// It is not valid now.
    Wrong,
    /// Too many in a row; seconds to wait.
    Throttled(u64),
}

/// Where the code of a second factor comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FactorKind {
    /// An authenticator app; a recovery code does as well.
    App,
    /// A mail.
    Mail,
    /// Nothing but a passkey does.
    Passkey,
}

/// What an authenticator app is given.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AppKey {
    /// For its camera; `None`: it is too long for that.
    pub picture: Option<Picture>,
    /// For who types it.
    pub text: String,
}

/// An organization to choose.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Choice {
    /// Its name.
    pub name: String,
    /// Its slug, the value of `organization`.
    pub slug: String,
}

/// An identity provider to choose.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Provider {
    /// Its name.
    pub name: String,
    /// The value of `connection`.
    pub slug: String,
}

/// Why somebody who came back from an identity provider is not in.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Trouble {
    /// What they can do about it.
    pub kind: TroubleKind,
    /// What an administrator finds it by.
    pub reference: String,
}

/// What somebody can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TroubleKind {
    /// Ask for an invitation.
    NoAccount,
    /// Ask why they were removed.
    Removed,
    /// Ask for a larger organization.
    Full,
    /// Unlink what is linked first.
    Taken,
    /// Try again, or ask.
    Other,
}

/// A service that asks for something of somebody's account.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ConsentFacts {
    /// Its name.
    pub application: String,
    /// Whose it is.
    pub organization: String,
    /// Whether it wants to act when the person is not there.
    pub stays: bool,
    /// What it wants at its own APIs, as these call it.
    pub own: Vec<String>,
}

/// A provider that is linked with an account.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LinkFacts {
    /// The provider's name.
    pub provider: String,
    /// Whose it is.
    pub organization: String,
    /// Whether the provider has named somebody.
    pub is_named: bool,
    /// As the provider calls them.
    pub subject: String,
    /// Their address there.
    pub address: Option<String>,
}

/// A connection that is tried.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TrialFacts {
    /// The provider's name.
    pub provider: String,
    /// Whose it is.
    pub organization: String,
    /// What became of it; `None`: nobody was there yet.
    pub result: Option<TrialOutcome>,
}

/// What became of a test sign-in.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum TrialOutcome {
    /// It did not go on.
    Failed {
        /// Stages before, which passed.
        passed: Vec<&'static str>,
        /// Where.
        stage: &'static str,
        /// What is wrong, and what to do; in English.
        hint: &'static str,
        /// The provider's own words.
        detail: Option<String>,
        /// Of a SAML response.
        checks: Vec<TrialCheck>,
        /// What the attempt is found by.
        reference: String,
    },
    /// The provider named somebody.
    Named {
        /// As it calls them.
        subject: String,
        /// Their address.
        address: Option<String>,
        /// Whether the provider vouches for it.
        vouched: bool,
        /// Some of their groups; `None`: nothing was said of groups.
        groups: Option<Vec<String>>,
        /// How many more there are.
        more: usize,
        /// Whether there were two factors.
        multi_factor: bool,
        /// What would become of them.
        would: &'static str,
    },
}

/// One check of a SAML response.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TrialCheck {
    /// Its name.
    pub name: &'static str,
    /// `passed`, `failed` or `skipped`.
    pub verdict: &'static str,
    /// What was there.
    pub found: Option<String>,
    /// What to do; in English.
    pub hint: Option<&'static str>,
}

/// A device that asks.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DeviceFacts {
    /// The application's name.
    pub application: String,
    /// Which organization is signed in to.
    pub organization: Option<String>,
    /// Where the device is.
    pub address: Option<String>,
    /// What it calls itself.
    pub program: Option<String>,
    /// Since when it waits.
    pub since: String,
}

/// A link back, with the name of the application that it leads to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Back {
    /// Where to.
    pub to: SafeUrl,
    /// The application's name.
    pub name: String,
}

/// Why a sign-in does not go on.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", content = "of", rename_all = "snake_case")]
pub(crate) enum ErrorKind {
    /// The request was not one; the sentence is ours, and holds nothing that a caller sent unless it may be shown.
    BadRequest(String),
    /// There is no such client.
    UnknownClient,
    /// The client has not registered this redirect URI.
    BadRedirect,
    /// The flow is over, or never was.
    FlowExpired,
    /// The flow belongs to another browser.
    OtherBrowser,
    /// This account may not enter this organization.
    NoAccess {
        /// The organization's name.
        organization: String,
    },
    /// The sign-in is for another account.
    AnotherAccount,
    /// The organization is suspended, or the account blocked.
    NotActive,
    /// The organization lets nobody in from this network.
    NetworkNotAllowed,
    /// The sign-in looked like somebody else's.
    RiskBlocked,
    /// A second factor is missing that only the account's own sign-in can set up.
    FactorMissing {
        /// The organization's name.
        organization: String,
    },
    /// There is nothing at this address.
    NotThere,
    /// Signed in, and member of no organization.
    AccountHasNone,
    /// Too many requests; seconds to wait.
    TooMany(u64),
    /// A part we depend on is away, or a defect of ours.
    Unavailable,
    /// A form that came from another site.
    WrongOrigin,
}

/// What was done, behind a mailed link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Done {
    /// An address is confirmed.
    EmailVerified,
    /// A new address is confirmed.
    EmailChanged,
    /// A password is set.
    PasswordSet,
    /// The platform has its first owner.
    PlatformOwned,
    /// A provider is linked with the account.
    Linked,
    /// It is not.
    NotLinked,
}

//! What is written down of each attempt to sign in through a connection, so that whoever looks after it sees what is wrong: which checks passed, which
//! one did not, and what to do about it. People who sign in are not shown any of it.

use crate::{
    Time, UserId,
    core::id::id,
    identity::{
        connections::mapping::effect::Note,
        saml::{Check, Finding},
    },
};

id! {
    /// An attempt to sign in through a connection.
    AttemptKind AttemptId = "att"
}

/// Attempts of a connection that are kept at most; the oldest go.
pub const MOST_OF_A_CONNECTION: i64 = 200;
/// How long an attempt is kept.
pub const KEPT: chrono::TimeDelta = chrono::TimeDelta::days(30);

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $hint:literal;)*) => {
        /// Why somebody could not sign in through a connection.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $variant),* }
        impl Reason {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// Stable, for programs.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $code),* } }
            /// For whoever looks after the connection: what is wrong, and what to do.
            pub const fn hint(self) -> &'static str { match self { $(Self::$variant => $hint),* } }
            /// One that the database gave back; `None`: a newer version wrote it.
            pub fn stored(code: &str) -> Option<Self> { match code { $($code => Some(Self::$variant),)* _ => None } }
        }
    };
}
reasons! {
    /// It is switched off, deleted, or not ready.
    ConnectionDisabled = "connection_disabled", "The connection is switched off, or lacks something: its `findings` say what.";
    /// Somebody changed whom it speaks for.
    ConnectionChanged = "connection_changed", "The connection was changed while somebody was on their way through it. They can begin again.";
    /// The provider said no.
    ProviderRefused = "provider_refused", "The browser came back with an error instead of a code. `detail` is what it brought, which anybody can write; often the person may not use this application there.";
    /// Neither a code nor an error.
    AnswerUnreadable = "answer_unreadable", "The browser came back without `code`, or without a SAML response. Check the application's settings at the provider.";
    /// Another issuer answered (RFC 9207).
    AnswerIssuer = "answer_issuer", "The answer names another issuer than the connection, or none though the provider says that it does.";
    /// No answer.
    Unreachable = "unreachable", "The provider's token or userinfo address does not answer.";
    /// It does not know the client.
    ClientRefused = "client_refused", "The provider refuses the client id or the client secret.";
    /// It does not take the code.
    CodeRefused = "code_refused", "The provider does not take the code back. Check whether the redirect URI there is exactly the connection's.";
    /// Something else than tokens.
    TokensUnreadable = "tokens_unreadable", "The token address answers something that is no token answer.";
    /// OpenID Connect without one.
    NoIdToken = "no_id_token", "The provider gives no ID token. Check whether the scope `openid` is allowed there.";
    /// No JWT, or one that is none of an ID token.
    IdTokenUnreadable = "id_token_unreadable", "The ID token cannot be read: a claim in it is not of the type that the standard says.";
    /// Signed with what we do not take.
    Algorithm = "algorithm_not_allowed", "The ID token is not signed with RSA, ECDSA or EdDSA. Choose one of those at the provider.";
    /// Signed by a key that the provider does not publish.
    UnknownKey = "unknown_key", "No published key of the provider fits the ID token.";
    /// Not what the key signed.
    Signature = "signature_wrong", "The signature of the ID token does not fit the provider's key.";
    /// Another issuer signed.
    Issuer = "issuer_wrong", "The ID token names another issuer than the connection.";
    /// It is for somebody else.
    Audience = "audience_wrong", "The ID token is for another client than the connection's.";
    /// It ran out.
    Expired = "expired", "The ID token has run out. Check the provider's clock.";
    /// It is not from now.
    IssuedAt = "issued_at_wrong", "The ID token is from the future, or older than ten minutes. Check the provider's clock.";
    /// It answers another question.
    Nonce = "nonce_wrong", "The ID token belongs to another sign-in.";
    /// They were to be asked again, and were not.
    NotFresh = "not_fresh", "They were to sign in again, and the provider says that they did not (`auth_time`).";
    /// The access token is not the one that was given with it.
    AccessTokenHash = "access_token_wrong", "The ID token does not fit the access token that came with it.";
    /// A check of a SAML response.
    Response = "response_refused", "The SAML response did not pass a check: `checks` say which one, what was found, and what to do.";
    /// The same assertion again.
    Replayed = "assertion_replayed", "The assertion was used before. The provider has to make another one, with another ID, for each sign-in.";
    /// The userinfo address is no use.
    Userinfo = "userinfo_failed", "The provider's userinfo address does not say who somebody is.";
    /// It speaks of somebody else.
    UserinfoSubject = "userinfo_subject", "The provider's userinfo address speaks of somebody else than the ID token.";
    /// Nobody knows who it is.
    SubjectMissing = "subject_missing", "The claim that says who somebody is (`attribute_mapping.subject`, else `sub`) is missing, longer than 255 bytes, or has control characters in it.";
    /// There is no address.
    EmailMissing = "email_missing", "There is no e-mail address. Let the provider send one, or name its claim in `attribute_mapping.email`.";
    /// There are several, or none that is one.
    EmailAmbiguous = "email_ambiguous", "The e-mail claim holds several addresses, or something that is none.";
    /// Not of a domain that comes this way.
    EmailDomain = "email_domain_not_allowed", "The address is not of a domain that is routed to this connection.";
    /// Nobody whom we know, and nobody is made.
    NoAccount = "no_account", "Nobody here has this identity, and nobody is added: switch `jit` on, or invite them; a service may also take people who are no members (`sign_up`). An unproven address never fits an account by itself.";
    /// They were removed.
    AccessRemoved = "access_removed", "They were removed from the organization. Invite them again to let them back in.";
    /// Their account is closed.
    AccountDeactivated = "account_deactivated", "Their account is closed.";
    /// The identity, or the account, has another counterpart.
    IdentityTaken = "identity_taken", "Somebody else has this identity, or the account has another one at this provider already. Unlink that first.";
    /// There is no place.
    SeatLimit = "seat_limit", "All seats of the organization are taken.";
    /// The service takes nobody any more.
    ServiceFull = "service_user_limit", "The service that was signed in to has as many users as it may have.";
    /// The policy says no.
    PolicyRefused = "policy_refused", "The organization's sign-in policy refuses them: `simulate` says why.";
    /// It looked risky.
    Risky = "risk_blocked", "The sign-in looked risky, and the organization refuses such.";
}

/// How far an attempt came: everything before passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The connection, as it is now.
    Connection,
    /// What the browser came back with.
    Answer,
    /// The code's exchange.
    Tokens,
    /// The ID token.
    IdToken,
    /// What the userinfo address said.
    Userinfo,
    /// What a SAML provider signed.
    Assertion,
    /// What was claimed.
    Claims,
    /// Who that is here.
    Account,
    /// Whether they may enter.
    Entry,
}

impl Stage {
    /// Every one, in their order.
    pub const ALL: [Self; 9] = [
        Self::Connection,
        Self::Answer,
        Self::Tokens,
        Self::IdToken,
        Self::Userinfo,
        Self::Assertion,
        Self::Claims,
        Self::Account,
        Self::Entry,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Answer => "answer",
            Self::Tokens => "tokens",
            Self::IdToken => "id_token",
            Self::Userinfo => "userinfo",
            Self::Assertion => "assertion",
            Self::Claims => "claims",
            Self::Account => "account",
            Self::Entry => "entry",
        }
    }
    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == name)
    }
}

/// Why an attempt failed, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Where.
    pub stage: Stage,
    /// Why.
    pub reason: Reason,
    /// What the provider said, in its own words; at most [`LONGEST_DETAIL`] bytes of one line.
    pub detail: Option<String>,
    /// How each check of a SAML response went; none: there was none.
    pub checks: Vec<Finding>,
}

/// Bytes of a provider's words that are kept.
pub const LONGEST_DETAIL: usize = 300;

impl Failure {
    /// Without anybody's words.
    pub const fn at(stage: Stage, reason: Reason) -> Self {
        Self { stage, reason, detail: None, checks: Vec::new() }
    }
    /// With the provider's.
    pub fn with(stage: Stage, reason: Reason, words: &str) -> Self {
        let mut text: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let end = (0..=LONGEST_DETAIL).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        Self { stage, reason, detail: Some(text).filter(|text| !text.trim().is_empty()), checks: Vec::new() }
    }
    /// A SAML response that did not pass a check. Before the signature holds, what is found is anybody's word ([`Stage::Answer`]).
    pub fn of_response(failed: Check, checks: Vec<Finding>) -> Self {
        let stage = if failed <= Check::Decryption { Stage::Answer } else { Stage::Assertion };
        Self { stage, reason: Reason::Response, detail: None, checks }
    }
}

/// An attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Identifier; the person is shown it as reference.
    pub id: AttemptId,
    /// How it ended.
    pub outcome: Outcome,
    /// Whom the provider named, shortened: enough to recognise somebody.
    pub subject: Option<String>,
    /// The address that it named.
    pub email: Option<String>,
    /// Whose account that is.
    pub user: Option<UserId>,
    /// Where they came from.
    pub ip_address: Option<String>,
    /// What else there is to say of it.
    pub notes: Vec<Note>,
    /// When.
    pub at: Time,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They are in.
    SignedIn,
    /// They have to do more: prove that an account is theirs, or give a second factor.
    Waits,
    /// It was a test sign-in, and the provider named somebody.
    Tested,
    /// They are not.
    Failed(Failure),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_name_of_its_own_and_comes_back() {
        let names: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert_eq!(Reason::stored(reason.as_str()), Some(*reason));
        }
        assert!(Stage::ALL.is_sorted() && Stage::ALL.iter().all(|stage| Stage::named(stage.as_str()) == Some(*stage)));
    }

    #[test]
    fn a_providers_words_are_one_short_line() {
        let failure = Failure::with(Stage::Answer, Reason::ProviderRefused, &format!("not\r\nassigned {}", "é".repeat(400)));
        let detail = failure.detail.expect("words");
        assert!(detail.starts_with("not  assigned é") && detail.len() <= LONGEST_DETAIL, "{detail}");
        assert_eq!(Failure::with(Stage::Answer, Reason::ProviderRefused, " \n").detail, None);
    }
}

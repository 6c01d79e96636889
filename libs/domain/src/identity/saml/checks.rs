//! What is asked of every answer of a SAML provider, each check with a code that stays and a hint for whoever set the connection up.

use super::Assertion;

macro_rules! checks {
    ($($(#[$doc:meta])* $name:ident $code:literal $hint:literal;)*) => {
        /// A check, and the reason if it fails.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Check { $($(#[$doc])* $name,)* }

        impl Check {
            /// Every one, in the order in which they are made.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// Its code: stable, for programs.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
            /// The one of that code; `None`: a newer version's.
            pub fn named(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
            /// For administrators: what to do when it fails.
            pub const fn hint(self) -> &'static str {
                match self { $(Self::$name => $hint,)* }
            }
        }
    };
}

checks! {
    /// It is a message of the shape that we take.
    Document "document" "The answer is no SAML 2.0 response with exactly one assertion, or has parts that are not allowed (comments, document types, duplicate IDs). Check what the provider, or something on the way, does to it.";
    /// The provider says that it worked.
    Status "status" "The provider refused the sign-in. The status code says why; its own log says more.";
    /// Nothing weak is used.
    Algorithm "algorithm" "Set the provider to sign with RSA (2048 bits or more) or ECDSA and SHA-256 or stronger, canonicalized exclusively; SHA-1 is refused.";
    /// There is a certificate to verify with.
    Certificate "certificate" "The connection has no certificate that counts now. Upload the provider's metadata or its signing certificate.";
    /// A signature is there.
    Signed "signed" "Neither the response nor its assertion is signed. Switch signing on at the provider.";
    /// The signature is the provider's.
    Signature "signature" "The signature is not made with any of the connection's certificates, or the answer was changed on its way. Compare the certificate with the provider's present one.";
    /// The encryption is one that we open.
    Encryption "encryption" "Set the provider to encrypt with AES-GCM and RSA-OAEP with one and the same hash (SHA-1 with MGF1-SHA-1, or SHA-256 and its MGF1), for our published certificate; or not to encrypt.";
    /// It could be decrypted, and what was inside holds.
    Decryption "decryption" "The encrypted assertion could not be used. Check that the provider encrypts for our present certificate and signs the assertion or the response.";
    /// The response is the provider's.
    ResponseIssuer "response_issuer" "The response names another issuer than the connection's entity ID. Compare them byte by byte.";
    /// It was sent here.
    Destination "destination" "The response is meant for another address. Set the provider's assertion consumer service URL to ours.";
    /// It answers our request.
    InResponseTo "in_response_to" "The response does not answer the request of this sign-in. Start again at the application, in one browser window.";
    /// It is of this moment.
    ResponseIssueInstant "response_issue_instant" "The response is older than five minutes, or from the future. Check the provider's clock.";
    /// SAML 2.0.
    Version "version" "The assertion is not of SAML 2.0.";
    /// The assertion is the provider's.
    Issuer "issuer" "The assertion names another issuer than the connection's entity ID. Compare them byte by byte.";
    /// It is of this moment.
    IssueInstant "issue_instant" "The assertion is older than five minutes, or from the future. Check the provider's clock.";
    /// It says how it may be used: by whoever brings it.
    Confirmation "confirmation" "The subject needs exactly one confirmation with the method bearer.";
    /// The confirmation is for us.
    Recipient "recipient" "The recipient is another address. Set the provider's assertion consumer service URL to ours.";
    /// The confirmation is for our request.
    ConfirmationInResponseTo "confirmation_in_response_to" "The subject's confirmation does not answer the request of this sign-in. Start again at the application.";
    /// The confirmation still counts.
    ConfirmationNotOnOrAfter "confirmation_not_on_or_after" "The subject's confirmation is over, or has no end. Check the provider's clock.";
    /// The confirmation has no beginning, as the profile demands.
    ConfirmationNotBefore "confirmation_not_before" "A bearer confirmation must not have NotBefore.";
    /// There are conditions.
    Conditions "conditions" "The assertion has no Conditions.";
    /// It counts already.
    NotBefore "not_before" "The assertion does not count yet, or does not say from when. Check the provider's clock.";
    /// It still counts.
    NotOnOrAfter "not_on_or_after" "The assertion is over, or does not say until when it counts. Check the provider's clock.";
    /// It does not count for too long.
    ValidityPeriod "validity_period" "The assertion counts for more than 24 hours, or for no time. Shorten its lifetime at the provider.";
    /// There is no condition that we do not know.
    KnownConditions "known_conditions" "The assertion has a condition that we do not know, and so cannot keep.";
    /// It is for us.
    Audience "audience" "The assertion is for somebody else. Set the audience (or entity ID, or identifier) at the provider to ours.";
    /// It says when and how the person authenticated.
    AuthnStatement "authn_statement" "The assertion needs exactly one AuthnStatement.";
    /// That was not in the future.
    AuthnInstant "authn_instant" "The person authenticated in the future, or at no time. Check the provider's clock.";
    /// They authenticated again where that was asked.
    ForcedAuthn "forced_authn" "The person had to authenticate again (ForceAuthn), and the provider did not ask them.";
    /// The provider's session goes on.
    SessionNotOnOrAfter "session_not_on_or_after" "The provider's own session is over already, or its end is no time.";
    /// It says who it is about.
    Subject "subject" "The assertion needs a NameID, or exactly one value of the attribute that is configured as the subject.";
    /// It says it for good.
    Transient "transient" "The NameID is transient: another one at each sign-in. Have the provider send a persistent one, or configure an attribute as the subject.";
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// It was not made: an earlier one failed, or there was nothing to ask.
    Skipped,
}

impl Verdict {
    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

impl Verdict {
    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Passed, Self::Failed, Self::Skipped].into_iter().find(|verdict| verdict.as_str() == name)
    }
}

/// How one check went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub check: Check,
    /// How it went.
    pub verdict: Verdict,
    /// If it failed: what was there, at most 200 characters without control signs; `None`: nothing was. It comes from the provider, or from
    /// whoever pretends to be it: for the organization's own log only.
    pub found: Option<String>,
}

/// Findings as a text, to be kept; empty: there are none.
pub fn to_text(findings: &[Finding]) -> String {
    let rows: Vec<_> = findings.iter().map(|one| (one.check.as_str(), one.verdict.as_str(), one.found.as_deref())).collect();
    if rows.is_empty() { String::new() } else { serde_json::json!(rows).to_string() }
}

/// Findings of such a text. What a newer version wrote is left out.
pub fn from_text(text: &str) -> Vec<Finding> {
    let rows: Vec<(String, String, Option<String>)> = serde_json::from_str(text).unwrap_or_default();
    let known = rows.into_iter().filter_map(|(check, verdict, found)| {
        Some(Finding { check: Check::named(&check)?, verdict: Verdict::named(&verdict)?, found })
    });
    known.collect()
}

/// How an answer was judged.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What it says, if every check that was made passed; else the first that failed.
    pub verdict: Result<Box<Assertion>, Check>,
    /// Every check there is, in the order of [`Check::ALL`].
    pub findings: Vec<Finding>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_come_back_from_their_text() {
        let verdicts = [Verdict::Passed, Verdict::Failed, Verdict::Skipped].into_iter().cycle();
        let all: Vec<_> = Check::ALL
            .iter()
            .zip(verdicts)
            .map(|(check, verdict)| {
                let found = (verdict == Verdict::Failed).then(|| "urn:\"x\"".to_owned());
                Finding { check: *check, verdict, found }
            })
            .collect();
        assert_eq!(from_text(&to_text(&all)), all);
        assert_eq!(to_text(&[]), "");
        for text in ["", "nonsense", r#"[["of tomorrow","passed",null]]"#, r#"[["document","of tomorrow",null]]"#] {
            assert_eq!(from_text(text), [], "{text}");
        }
    }
}

//! Codes of authenticator apps (RFC 6238: SHA-1, six digits, thirty seconds), and the recovery codes for the day the app is lost.

use std::fmt;

use domain::{IdGen, Time};
use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

use crate::opaque;

/// What an authenticator app and we share: 160 bits.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Zeroizing<Vec<u8>>);

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

impl TotpSecret {
    /// A new one.
    pub fn generate(random: &dyn IdGen) -> Self {
        Self(Zeroizing::new(random.secret()[..20].to_vec()))
    }
    /// One that was kept.
    pub fn stored(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }
    /// The bytes, to be sealed.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
    /// As people type it into an app.
    pub fn to_base32(&self) -> String {
        base32(&self.0)
    }
    /// What an app reads as a QR code. Colons would end a name.
    pub fn url(&self, issuer: &str, account: &str) -> String {
        let plain = |name: &str| name.replace(':', " ");
        let builder = self.builder().with_issuer(Some(plain(issuer))).with_account_name(plain(account));
        builder.build_noncompliant().to_url().unwrap_or_default()
    }
    /// The number of the thirty seconds that a code is of: the present ones, those before or those after. A number works once: whoever
    /// calls remembers the highest. `None`: the code is wrong.
    pub fn step_of(&self, code: &str, now: Time) -> Option<i64> {
        let seconds = u64::try_from(now.timestamp()).ok()?;
        let step = self.totp().check(code, seconds)?;
        i64::try_from(step).ok()
    }

    fn builder(&self) -> Builder {
        Builder::new().with_secret(Secret::from(self.0.to_vec()))
    }
    fn totp(&self) -> Totp {
        self.builder().build_noncompliant()
    }
}

fn base32(bytes: &[u8]) -> String {
    Secret::from(bytes.to_vec()).to_base32()
}

/// A recovery code: what is shown once, and what is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryCode {
    /// For the person: four groups of four letters and digits.
    pub text: String,
    /// What is stored and looked up: [`recovery_hash`].
    pub hash: String,
}

/// A new recovery code: 80 bits, so that nobody guesses one, and a plain hash is enough.
pub fn recovery_code(random: &dyn IdGen) -> RecoveryCode {
    let text = base32(&random.secret()[..10]).to_lowercase();
    let hash = recovery_hash(&text);
    let groups: Vec<&str> = (0..text.len()).step_by(4).filter_map(|at| text.get(at..at + 4)).collect();
    RecoveryCode { text: groups.join("-"), hash }
}

/// What is kept of a recovery code, however it is typed.
pub fn recovery_hash(typed: &str) -> String {
    let plain: String = typed.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    opaque::hash(&format!("recovery {plain}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OsRandom;

    fn at(seconds: i64) -> Time {
        chrono::DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B; six digits are the last six of its eight.
        let secret = TotpSecret::stored(b"12345678901234567890");
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(secret.step_of(code, at(seconds)), Some(seconds / 30), "{code}");
        }
    }

    #[test]
    fn a_code_works_one_step_early_and_late() {
        let secret = TotpSecret::stored(b"12345678901234567890");
        let step = 1_111_111_109 / 30;
        for (seconds, found) in [(-60, None), (-30, Some(step)), (0, Some(step)), (30, Some(step)), (60, None)] {
            assert_eq!(secret.step_of("081804", at(1_111_111_109 + seconds)), found, "{seconds}");
        }
        for wrong in ["", "81804", "0818044", "081805", "abcdef", "\u{661}81804"] {
            assert_eq!(secret.step_of(wrong, at(1_111_111_109)), None, "{wrong}");
        }
    }

    #[test]
    fn an_app_is_told_all_of_it() {
        let secret = TotpSecret::stored(b"12345678901234567890");
        let url = secret.url("Tenantry", "ann@example.com");
        assert_eq!(url, "otpauth://totp/Tenantry:ann%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Tenantry");
        assert_eq!(secret.to_base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(TotpSecret::generate(&OsRandom::new()).expose().len(), 20);
        assert!(!format!("{secret:?}").contains("1234"));
    }

    #[test]
    fn recovery_codes_are_found_however_they_are_typed() {
        let code = recovery_code(&OsRandom::new());
        assert_eq!((code.text.len(), code.text.matches('-').count()), (19, 3), "{}", code.text);
        for typed in [code.text.clone(), code.text.to_uppercase(), code.text.replace('-', ""), code.text.replace('-', " ")] {
            assert_eq!(recovery_hash(&typed), code.hash, "{typed}");
        }
        assert_ne!(recovery_code(&OsRandom::new()).hash, code.hash);
    }
}

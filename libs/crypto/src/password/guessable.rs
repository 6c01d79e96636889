//! Passwords that are tried first (NIST SP 800-63B-4, section 3.1.1.2): the commonest ones, what is made of them or of a keyboard, and the
//! person's own address. There are no rules of composition: any four words are fine, and so is what a password manager makes.

use domain::{Violation, core::value::Password};
use zxcvbn::{Score, zxcvbn};

/// Refuses a new password that would be guessed within about a million tries, by whoever knows these texts about its owner. The violation
/// (`too_common`) is of `field`.
pub fn refuse_guessable(field: &str, password: &Password, about: &[&str]) -> Result<(), Violation> {
    // Beyond a hundred characters nothing is looked at.
    if zxcvbn(password.expose(), about).score() > Score::One {
        return Ok(());
    }
    let message = "This password is among those that are tried first. Use a longer one, such as four words that have nothing to do with \
                   each other, or let a password manager make one.";
    Err(Violation::new(field, "too_common", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(password: &str) -> bool {
        let about = ["ann.smith@example.com", "ann.smith", "example.com"];
        refuse_guessable("password", &password.parse().unwrap(), &about).is_err()
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        for password in [
            "password",
            "Password1",
            "12345678",
            "qwertyuiop",
            "aaaaaaaa",
            "iloveyou",
            "letmein123",
            "ann.smith@example.com",
            "ann.smith1",
            "20261130",
            "P@ssw0rd",
        ] {
            assert!(refused(password), "{password}");
        }
    }

    #[test]
    fn what_is_long_or_random_is_welcome() {
        let pasted = "x7Kq#Lw9-tR2v_Bn4zH8@cM1yF5pD3gJ6sA0eU".repeat(25);
        for password in [
            "correct horse battery staple",
            "tzuHdk4!qs",
            "ann likes her own address",
            "ＷＩＤＥ ＷＩＤＥ",
            "пароль на века",
            &pasted,
        ] {
            assert!(!refused(password), "{password}");
        }
    }
}

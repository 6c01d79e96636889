//! What somebody asked for in place of a password: a passkey, or a mail.

use super::*;

#[test]
fn what_was_asked_for_is_missing() {
    for case in [
        Case { what: "a passkey is asked for", wants_passkey: true, expected: Step::Passkey, ..Case::default() },
        Case {
            what: "a passkey is asked for as the second factor",
            email: true,
            waits: true,
            wants_passkey: true,
            expected: Step::Passkey,
            ..Case::default()
        },
        Case { what: "a mailed code is asked for", email: true, wants_mail: true, expected: Step::MailCode, ..Case::default() },
        Case {
            what: "a mailed code is to prove an account",
            email: true,
            wants_mail: true,
            proves: true,
            expected: Step::MailCode,
            ..Case::default()
        },
        Case {
            what: "somebody signed in in another tab, while a mail is on its way",
            email: true,
            wants_mail: true,
            session: Some(0),
            expected: Step::Done,
            ..Case::default()
        },
        Case {
            what: "a second factor behind a mail",
            email: true,
            wants_mail: true,
            waits: true,
            expected: Step::SecondFactor,
            ..Case::default()
        },
    ] {
        check(&case);
    }
}

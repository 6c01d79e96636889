//! Nobody is a person who did not sign in.
// error[E0639]: non-exhaustive

use domain::{OrgId, core::value::Email, identity::{accounts::Person, sessions::SessionCredential}};

pub fn forges(who: &SessionCredential, email: Email, realm: OrgId) -> Person {
    Person { id: who.user, email, realm, email_verified: true, is_platform_owner: true, session: who.session, grant: who.grant }
}

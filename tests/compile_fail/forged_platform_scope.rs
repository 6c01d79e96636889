//! Nobody but the policy says who operates the platform.
// error[E0423]: private fields

use domain::{identity::accounts::Person, authorization::policy::PlatformScope};

pub fn forges(person: &Person) -> PlatformScope<'_> {
    PlatformScope(person)
}

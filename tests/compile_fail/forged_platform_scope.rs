//! Nobody but the policy says who operates the platform.
// error[E0423]: private fields

use domain::authorization::{policy::PlatformScope, principal::Principal};

pub fn forges(principal: &Principal) -> PlatformScope<'_> {
    PlatformScope(principal)
}

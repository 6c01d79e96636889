//! Looking does not turn into changing.
// error[E0599]: no method named `write`

use domain::authorization::{policy::{OrgScope, Read, Write}, resource::Webhooks};

pub fn upgrades<'f>(scope: OrgScope<'f, Webhooks, Read>) -> OrgScope<'f, Webhooks, Write> {
    scope.write()
}

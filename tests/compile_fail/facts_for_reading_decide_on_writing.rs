//! Facts that were read outside the write transaction may be stale: no proof to write comes of them.
// error[E0308]: mismatched types

use domain::authorization::{policy::{OrgScope, Read, Standing, Write, decide}, resource::Webhooks};

pub fn decides<'f>(facts: &'f Standing<'_, Read>) -> domain::Result<OrgScope<'f, Webhooks, Write>> {
    decide(facts)
}

//! Nobody but the policy makes a proof.
// error[E0451]: private

use domain::authorization::{policy::{Authority, Facts, OrgScope, Write}, resource::Webhooks};

pub fn forges<'f>(facts: &'f Facts, authority: &'f Authority) -> OrgScope<'f, Webhooks, Write> {
    OrgScope { facts, authority, _kind: std::marker::PhantomData }
}

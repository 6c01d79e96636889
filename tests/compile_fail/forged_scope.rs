//! Nobody but the policy makes a proof.
// error[E0451]: private

use domain::{OrgId, identity::accounts::Person, authorization::{policy::{OrgScope, Write}, resource::Webhooks}, tenancy::roles::Role};

pub fn forges<'f>(org: OrgId, person: &'f Person, role: &'f Role) -> OrgScope<'f, Webhooks, Write> {
    OrgScope { org, person, role, _kind: std::marker::PhantomData }
}

//! The native face: the `sso.organizations` API. One file per noun; every handler parses, calls one use case, and renders.

mod applications;
pub mod core;
mod delivery;
mod events;
mod identity;
mod tenancy;

use crate::http::operations::Routes;

pub(crate) fn routes(routes: &mut Routes<'_>) {
    routes.of(identity::routes).of(tenancy::routes).of(applications::routes).of(events::routes).of(delivery::routes);
}

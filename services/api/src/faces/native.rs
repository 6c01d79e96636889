//! The native face: the `sso.organizations` API. One file per noun; every handler parses, calls one use case, and renders.

pub mod core;
mod delivery;
mod events;
mod identity;
mod tenancy;

use utoipa_actix_web::service_config::ServiceConfig;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.configure(identity::routes).configure(tenancy::routes).configure(events::routes).configure(delivery::routes);
}

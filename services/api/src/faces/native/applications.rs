//! Programs of organizations: API keys; services and their plans.

mod api_keys;
mod billing;
mod end_users;
mod plans;
mod service_api;
mod service_keys;
mod service_users;
mod services;
mod subscriptions;

use crate::http::operations::Routes;

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.of(api_keys::routes).of(services::routes).of(plans::routes).of(service_keys::routes);
    routes.of(service_api::routes).of(service_users::routes).of(subscriptions::routes).of(end_users::routes);
    routes.of(billing::routes);
}

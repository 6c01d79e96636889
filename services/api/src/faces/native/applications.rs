//! Programs of organizations: API keys; services and their plans.

mod api_keys;
mod plans;
mod services;

use crate::http::operations::Routes;

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.of(api_keys::routes).of(services::routes).of(plans::routes);
}

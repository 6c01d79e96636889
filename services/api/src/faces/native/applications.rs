//! Programs of organizations: API keys.

mod api_keys;

use crate::http::operations::Routes;

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.of(api_keys::routes);
}

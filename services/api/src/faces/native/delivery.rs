//! What leaves: webhooks, deliveries, mails.

mod webhooks;

use crate::http::operations::Routes;

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.of(webhooks::routes);
}

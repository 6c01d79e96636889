//! What leaves: webhooks, deliveries, mails.

mod mail_templates;
mod webhooks;

use crate::http::operations::Routes;

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.of(webhooks::routes).of(mail_templates::routes);
}

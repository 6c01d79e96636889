//! What leaves: webhooks, deliveries, mails, log streams.

mod log_streams;
mod mail_templates;
mod webhooks;

use crate::http::operations::Routes;

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.of(webhooks::routes).of(mail_templates::routes).of(log_streams::routes);
}

//! What leaves: webhooks, deliveries, mails.

mod webhooks;

use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.configure(webhooks::routes);
}

//! What happened: the record, its order, the feed, the sealed audit log.

mod audit;
mod feed;

use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.configure(audit::routes).configure(feed::routes);
}

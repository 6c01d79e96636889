//! What happened: the record, its order, the feed, the sealed audit log.

mod analytics;
mod audit;
mod feed;

use crate::http::operations::Routes;

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.of(audit::routes).of(feed::routes).of(analytics::routes);
}

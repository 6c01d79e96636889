//! The native face: the `sso.organizations` API. One file per noun; every handler parses, calls one use case, and renders.

mod audit;
mod auth;
mod feed;
mod invitations;
mod members;
mod organizations;
mod platform;
mod roles;
mod user;
pub mod views;
mod webhooks;

use utoipa_actix_web::service_config::ServiceConfig;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .configure(auth::routes)
        .configure(user::routes)
        .configure(organizations::routes)
        .configure(members::routes)
        .configure(invitations::routes)
        .configure(roles::routes)
        .configure(audit::routes)
        .configure(feed::routes)
        .configure(webhooks::routes)
        .configure(platform::routes);
}

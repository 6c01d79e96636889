//! Organizations, their members, roles and invitations, and the platform above them.

mod invitations;
mod members;
mod organizations;
mod platform;
mod roles;

use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .configure(organizations::routes)
        .configure(members::routes)
        .configure(invitations::routes)
        .configure(roles::routes)
        .configure(platform::routes);
}

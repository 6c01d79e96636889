//! Accounts, sign-in, sessions, passwords.

mod auth;
mod user;

use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.configure(auth::routes).configure(user::routes);
}

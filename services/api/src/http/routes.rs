//! Every route of every face, in the router and in the OpenAPI document at once.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    faces,
    http::{
        health,
        operations::{Catalogue, Routes},
    },
};

/// Registers them, and says in `catalogue` what they are.
pub fn register(config: &mut ServiceConfig<'_>, catalogue: &mut Catalogue) {
    Routes::new(config, catalogue).of(faces::native::routes).of(faces::pages::routes).of(health::routes);
}

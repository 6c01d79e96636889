//! Every route of every face, for the router and for the OpenAPI document.

use actix_web::web::ServiceConfig;

use crate::{
    faces,
    http::{
        health,
        operations::{self, Catalogue},
    },
};

/// Registers them, and says in `catalogue` what they are, where there is one.
pub fn register(config: &mut ServiceConfig, catalogue: Option<&mut Catalogue>) {
    operations::register(config, catalogue, |routes| {
        routes.of(faces::native::routes).of(faces::oauth::routes).of(faces::pages::routes).of(health::routes);
    });
}

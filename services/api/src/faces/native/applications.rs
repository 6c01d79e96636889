//! Programs: clients of the platform, and what they may do; API keys of organizations; services and their plans.

mod api_keys;
mod billing;
mod client_grants;
mod consents;
mod end_users;
mod plans;
mod platform_clients;
mod resource_servers;
mod service_api;
mod service_keys;
mod service_saml;
mod service_users;
mod services;
mod subscriptions;

use crate::http::operations::{Routes, Tag};

/// Programs of the SaaS company.
const CLIENTS: Tag =
    Tag { name: "clients", about: "OAuth clients and APIs of the platform, and which client may do what at which API." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.of(api_keys::routes).of(services::routes).of(plans::routes).of(service_keys::routes).of(service_saml::routes);
    routes.of(service_api::routes).of(service_users::routes).of(subscriptions::routes).of(end_users::routes);
    routes.of(billing::routes).of(consents::routes);
    routes.of(platform_clients::routes).of(resource_servers::routes).of(client_grants::routes);
}

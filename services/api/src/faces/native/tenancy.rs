//! Organizations, their members, roles and invitations, and the platform above them.

mod branding;
mod domains;
mod invitations;
mod members;
mod oauth_credentials;
mod organizations;
mod platform;
mod roles;
mod scim_tokens;
mod smtp;
mod tiers;

use crate::http::operations::{Routes, Tag};

/// What is above the organizations.
pub(in crate::faces::native) const PLATFORM: Tag = Tag { name: "platform", about: "What platform owners do." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .of(organizations::routes)
        .of(members::routes)
        .of(invitations::routes)
        .of(roles::routes)
        .of(smtp::routes)
        .of(oauth_credentials::routes)
        .of(scim_tokens::routes)
        .of(branding::routes)
        .of(domains::routes)
        .of(tiers::routes)
        .of(platform::routes);
}

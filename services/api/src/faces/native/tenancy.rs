//! Organizations, their members, roles and invitations, and the platform above them.

mod branding;
mod invitations;
mod members;
mod organizations;
mod platform;
mod roles;
mod smtp;
mod tiers;

use crate::http::operations::{Routes, Tag};

/// What is above the organizations.
const PLATFORM: Tag = Tag { name: "platform", about: "What platform owners do." };

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes
        .of(organizations::routes)
        .of(members::routes)
        .of(invitations::routes)
        .of(roles::routes)
        .of(smtp::routes)
        .of(branding::routes)
        .of(tiers::routes)
        .of(platform::routes);
}

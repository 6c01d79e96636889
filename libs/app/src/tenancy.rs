//! Organizations, their members, roles and invitations, and the platform above them.

pub mod branding;
pub mod invitations;
pub mod members;
pub mod organizations;
pub mod platform;
pub mod roles;
pub mod setup;
pub mod smtp;

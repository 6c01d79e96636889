//! Organizations, their members, roles and invitations, and the platform above them.

mod branding;
mod invitations;
mod members;
mod organizations;
mod platform;
mod roles;
mod smtp;

//! Organizations, their members, roles and invitations, and the platform above them.

pub mod access;
pub mod branding;
pub mod domains;
pub mod invitations;
pub mod member_roles;
pub mod members;
pub mod oauth_credentials;
pub mod organizations;
pub mod platform;
pub mod roles;
pub mod scim_tokens;
pub mod setup;
pub mod smtp;

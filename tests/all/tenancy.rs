//! Organizations, their members, roles and invitations, and the platform above them.

mod access;
mod branding;
mod domains;
mod invitations;
mod member_roles;
mod members;
mod oauth_credentials;
mod organizations;
mod platform;
mod roles;
mod scim_tokens;
mod smtp;

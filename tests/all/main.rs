//! Every black-box test of Tenantry, in one binary, so that only one has to be linked. One module for each noun of the contract; the
//! last ones guard the rules that no single noun owns.

mod accounts;
mod audit;
mod auth;
mod deliveries;
mod errors;
mod idempotency;
mod invitations;
mod members;
mod operations;
mod organizations;
mod platform;
mod roles;
mod sessions;
mod shapes;
mod webhooks;
mod processes;

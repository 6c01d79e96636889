//! Every black-box test of Tenantry, in one binary, so that only one has to be linked. One module for each noun of the contract; the
//! last ones guard the rules that no single noun owns.

#![allow(clippy::unwrap_used, reason = "an unwrap is how a test says what must be there")]

mod accounts;
mod attacks;
mod audit;
mod auth;
mod clocks;
mod compile_fail;
mod conformance;
mod deliveries;
mod errors;
mod events;
mod feed;
mod idempotency;
mod invitations;
mod isolation;
mod layering;
mod limits;
mod members;
mod operations;
mod organizations;
mod permissions;
mod platform;
mod processes;
mod races;
mod roles;
mod schema;
mod sessions;
mod shapes;
mod snapshots;
mod tenants;
mod webhooks;

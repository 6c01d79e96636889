//! Every black-box test of Tenantry, in one binary, so that only one has to be linked. One module for each noun of the contract; the
//! last ones guard the rules that no single noun owns.

#![expect(clippy::unwrap_used, reason = "an unwrap is how a test says what must be there")]

mod applications;
mod attacks;
mod authorization;
mod core;
mod delivery;
mod events;
mod identity;
mod processes;
mod races;
mod snapshots;
mod tenancy;
mod tenants;

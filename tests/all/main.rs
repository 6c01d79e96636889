//! Every black-box test of Tenantry, in one binary, so that only one has to be linked. One module for each noun of the contract; the
//! last ones guard the rules that no single noun owns.

mod audit;
mod idempotency;
mod invitations;
mod members;
mod organizations;
mod roles;
mod shapes;
mod processes;

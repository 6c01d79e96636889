//! Who may do what: the table, the one decision over it, and who acts.

pub mod access;
pub mod actor;
pub mod facts;
pub mod in_service;
pub mod policy;
pub mod principal;
pub mod privacy;
pub mod resource;

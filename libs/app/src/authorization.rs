//! From a credential to a caller.

pub mod authn;

//! The role of an identity provider: [`request`] reads what a service asks, behind the guard of responses; [`response`] writes and signs what it is
//! answered; [`metadata`] says who we are to it.

pub(super) mod metadata;
pub(super) mod request;
pub(super) mod response;

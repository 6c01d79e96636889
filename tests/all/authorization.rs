//! Who may do what, over everything there is.

pub(crate) mod isolation;
mod permissions;

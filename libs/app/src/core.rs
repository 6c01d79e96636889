//! What every use case uses: how it is called, and how often somebody may call.

pub mod admission;
pub(crate) mod calls;
pub mod limits;

//! Looking and changing, as types: what facts were read for, and what a proof is for.

mod sealed {
    pub trait Sealed {}
}

/// [`Read`] or [`Write`].
pub trait Access: sealed::Sealed {
    /// Whether this is [`Write`].
    const WRITE: bool;
}
/// Looking.
#[derive(Debug)]
pub enum Read {}
/// Changing.
#[derive(Debug)]
pub enum Write {}
impl sealed::Sealed for Read {}
impl sealed::Sealed for Write {}
impl Access for Read {
    const WRITE: bool = false;
}
impl Access for Write {
    const WRITE: bool = true;
}

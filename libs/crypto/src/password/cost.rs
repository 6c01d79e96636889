//! What a new hash costs.

use argon2::Params;

/// The parameters of argon2id for new hashes, always with one lane and 32 bytes. Stored hashes name their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    memory_kib: u32,
    passes: u32,
}

impl HashCost {
    /// OWASP's recommendation: 19 MiB, two passes.
    pub const OWASP: Self = Self { memory_kib: 19_456, passes: 2 };
    /// Next to nothing, for tests that are about something else.
    pub const TRIFLE: Self = Self { memory_kib: 64, passes: 1 };

    pub(super) fn params(self) -> Params {
        Params::new(self.memory_kib, self.passes, 1, Some(32)).expect("the parameters are valid")
    }
}

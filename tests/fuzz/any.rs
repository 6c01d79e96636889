//! One program for all targets, since linking the whole service is most of the work: `TENANTRY_FUZZ_TARGET` names the target.
#![no_main]

use std::sync::LazyLock;

use tenantry_tests::fuzz::{TARGETS, Target, target};

static CHOSEN: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("TENANTRY_FUZZ_TARGET").unwrap_or_default();
    let known = || TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    target(&name).unwrap_or_else(|| panic!("TENANTRY_FUZZ_TARGET is {name:?}; it must be one of {}", known()))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| CHOSEN(data));

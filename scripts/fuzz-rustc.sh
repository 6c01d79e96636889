#!/usr/bin/env bash
# Cargo's RUSTC_WRAPPER for scripts/fuzz.sh: instruments our own crates as libFuzzer wants it. What a library does with an input is its own
# tests' matter, and a counter in each of its branches made the build long and the program slow.
#
# No sanitizers: our code has no unsafe block, so they would watch C libraries that are not instrumented anyway. No `cfg(fuzzing)`, which makes
# some libraries behave otherwise than they do in the service.
flags=()
if [[ " $* " == *" --crate-name tenantry_"* ]]; then
    flags=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
        -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares)
fi
exec "$@" "${flags[@]}"

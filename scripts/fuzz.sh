#!/usr/bin/env bash
# Lets libFuzzer look for inputs that break a parser of hostile input:
#
#   scripts/fuzz.sh                 every target for a minute each
#   scripts/fuzz.sh jwt 600         one target for ten minutes
#   scripts/fuzz.sh all 300
#
# Why a script: the flags that instrument are a nightly compiler's, which our pinned stable one takes when told to, and the versions
# are those that the service is built with. What is found is written to target/fuzz/artifacts/TARGET; the inputs that led somewhere new stay in
# target/fuzz/corpus/TARGET and are the next run's start, beside the seeds in tests/fuzz/corpus.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

TARGET=$(realpath -m "${CARGO_TARGET_DIR:-target}")
BINARY="$TARGET/fuzz/release/any"

build() {
    cp Cargo.lock tests/fuzz/Cargo.lock
    RUSTC_BOOTSTRAP=1 RUSTC_WRAPPER="$PWD/scripts/fuzz-rustc.sh" \
        cargo build --release --manifest-path tests/fuzz/Cargo.toml --target-dir "$TARGET/fuzz"
}

# run TARGET SECONDS
run() {
    local seeds=tests/fuzz/corpus/$1 found="$TARGET/fuzz/corpus/$1" artifacts="$TARGET/fuzz/artifacts/$1" log
    [[ -d $seeds ]] || die "there is no target $1; there are: $(ls tests/fuzz/corpus | xargs)"
    mkdir -p "$found" "$artifacts"
    log=$(mktemp)
    if TENANTRY_FUZZ_TARGET=$1 "$BINARY" "$found" "$seeds" -max_total_time="$2" -max_len=4096 -timeout=5 -rss_limit_mb=1024 \
        -artifact_prefix="$artifacts/" -print_final_stats=1 >"$log" 2>&1; then
        printf '%-10s %12s executions in %s s, nothing found\n' "$1" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" "$2"
        rm "$log"
    else
        grep -v '^#' "$log" | tail -n 30
        printf '%-10s FOUND SOMETHING: see above and %s\n' "$1" "$artifacts"
        return 1
    fi
}

main() {
    local which=${1:-all} seconds=${2:-60} target failed=0
    need_cargo
    build
    [[ $which != all ]] || which=$(ls tests/fuzz/corpus)
    for target in $which; do run "$target" "$seconds" || failed=1; done
    return $failed
}

main "$@"

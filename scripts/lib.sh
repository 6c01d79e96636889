# Shared by the other scripts (it is sourced, not run): how they talk, how they stop, and where cargo is.
# shellcheck shell=bash

say() { printf '%s\n' "$*" >&2; }
step() { printf '\n==> %s\n' "$*" >&2; }
die() {
    printf '\nerror: %s\n' "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# rustup writes ~/.cargo/bin into shell profiles, which non-interactive shells do not read.
add_cargo_to_path() {
    local bin="${CARGO_HOME:-${HOME:-/root}/.cargo}/bin"
    have cargo || PATH="$PATH:$bin"
    export PATH
}

# need_cargo [SUBCOMMAND…]: makes sure that cargo, in the version that Cargo.toml asks for, and the subcommands are there; lets
# rustup install what is missing, and stops with what to do where there is no rustup.
need_cargo() {
    local wanted found sub
    add_cargo_to_path
    wanted=$(sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' Cargo.toml)
    have cargo || die "no cargo found, on PATH or in ~/.cargo/bin. Tenantry needs Rust $wanted or newer: install it from https://rustup.rs, then run this again."
    cargo --version >/dev/null 2>&1 || install_toolchain
    found=$(cargo --version | awk '{print $2}')
    version_at_least "$found" "$wanted" ||
        die "cargo is $found, but Tenantry needs Rust $wanted or newer. Install it from https://rustup.rs (Debian's own package is older)."
    for sub in "$@"; do
        cargo "$sub" --version >/dev/null 2>&1 || install_component "${sub/#fmt/rustfmt}"
    done
}

# A rustup that was told not to install toolchains by itself.
install_toolchain() {
    local channel
    channel=$(sed -n 's/^channel *= *"\(.*\)".*/\1/p' rust-toolchain.toml)
    have rustup || die "cargo does not run here: $(cargo --version 2>&1 | head -n 3)"
    say "Installing Rust $channel with rustup: rust-toolchain.toml pins it, so that everybody builds with the same compiler."
    rustup toolchain install "$channel" --profile minimal --component clippy --component rustfmt >&2 ||
        die "rustup could not install Rust $channel (its message is above). With a newer toolchain already here, run this with RUSTUP_TOOLCHAIN=stable"
}

install_component() {
    have rustup || die "cargo's $1 is missing: install the package of your Rust distribution that holds it."
    say "Installing $1 with rustup: the checks run it."
    rustup component add "$1" >&2 || die "rustup could not install $1 (its message is above)."
}

version_at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1) == "$2" ]]; }

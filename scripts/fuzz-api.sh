#!/usr/bin/env bash
# Runs schemathesis over the whole OpenAPI document of a real server: on SQLite, then on a private PostgreSQL and Redis.
#
#   scripts/fuzz-api.sh PATH-TO-TENANTRY-API [EXAMPLES-PER-OPERATION]
#
# Why a script: schemathesis is a Python program of a pinned version, installed once into a folder of the target folder, so that it
# touches nothing of the machine. What is run, and as whom, is in tests/fuzz/api.py. The program `everything` must stand beside the server's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

VERSION=4.32.5
TOOLS="${CARGO_TARGET_DIR:-target}/tools/schemathesis-$VERSION"

install() {
    [[ -x $TOOLS/bin/schemathesis ]] && return
    have python3 || die "no python3 found: schemathesis needs it (apt-get install python3-venv)."
    say "Installing schemathesis $VERSION into $TOOLS."
    python3 -m venv "$TOOLS" || die "python3 has no venv: apt-get install python3-venv"
    "$TOOLS/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$VERSION" || die "pip could not install schemathesis (its message is above)."
}

main() {
    (($#)) || die "say which server: scripts/fuzz-api.sh PATH-TO-TENANTRY-API [EXAMPLES-PER-OPERATION]"
    install
    step "SQLite"
    "$TOOLS/bin/python" tests/fuzz/api.py "$@"
    step "PostgreSQL and Redis"
    scripts/with-services.sh "$TOOLS/bin/python" tests/fuzz/api.py "$@"
}

main "$@"

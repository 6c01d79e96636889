#!/usr/bin/env bash
# Holds an OpenAPI document against Spectral's rules; any complaint, also a warning, fails.
#
#   scripts/spectral.sh target/openapi.json
#
# Why a script: Spectral is a Node program of a pinned version, installed once into a folder of the target folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

VERSION=6.16.3
TOOLS="${CARGO_TARGET_DIR:-target}/tools/spectral-$VERSION"

if [[ ! -x $TOOLS/node_modules/.bin/spectral ]]; then
    have npm || die "no npm found: Spectral needs Node.js (apt-get install npm)."
    say "Installing Spectral $VERSION into $TOOLS."
    npm install --prefix "$TOOLS" --silent --no-audit --no-fund --ignore-scripts "@stoplight/spectral-cli@$VERSION" >&2 ||
        die "npm could not install Spectral."
fi
"$TOOLS/node_modules/.bin/spectral" lint "${1:?say which document}" --ruleset tests/fuzz/spectral.yaml --fail-severity hint

#!/usr/bin/env bash
# Builds the TypeScript SDK of an OpenAPI document, tests it and packs it; says how large it is.
#
#   scripts/sdk.sh target/openapi.json
#
# Why a script: the package is what its folder's `npm run` scripts make, in this order, and its size is measured.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

document=$(realpath "${1:?say which document}")
packages=$(dirname "$document")
have npm || die "no npm found: the SDK is built with Node.js 18 or newer (scripts/install-deps.sh sdk)."
cd libs/sdk-typescript

npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --silent >&2
npm run --silent generate -- "$document"
npm run --silent build
npm test --silent >&2
package=$packages/$(npm pack --silent --pack-destination "$packages")

scripts=$(find dist -name '*.js' -print0 | sort -z | xargs -0 cat)
say "JavaScript: $(wc -c <<<"$scripts") bytes, $(gzip -9 <<<"$scripts" | wc -c) with gzip. No dependencies."
printf '%s\n' "$package"

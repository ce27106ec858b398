#!/usr/bin/env bash
# The JavaScript SDK and the examples in JavaScript, natively: types, and tests. npm brings the compiler of the types.
set -euo pipefail
cd "$(dirname "$0")/.."

# Only where the lockfile changed: what is there already is what it says.
if ! cmp --silent package-lock.json node_modules/.skewless-lock; then
    npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
    cp package-lock.json node_modules/.skewless-lock
fi
npx --no-install tsc --project guest-sdk/js/test/types
node --test guest-sdk/js/ examples/transforms/*/js/

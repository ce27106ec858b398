#!/usr/bin/env bash
# Everything that must hold before a change lands: format, lints, build, tests, documentation, quickstart.
# The whole of CI is this script.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/prepare.sh
prepare_go
prepare_js
prepare_wasm_compiler
prepare_s3
prepare_feast
prepare_schemathesis
prepare_redis

step() { printf '\n== %s (%s s so far)\n' "$1" "$SECONDS"; }

step "format"
cargo fmt --all --check
step "build"
# Always the whole workspace: Cargo unifies features over the packages it is asked for, and another selection would
# build everything heavy again with other features.
cargo build --workspace --all-targets --locked
step "tests"
cargo test --workspace --locked
step "Go"
scripts/test_go.sh
step "JavaScript"
scripts/test_js.sh
step "lints"
cargo clippy --workspace --all-targets --locked -- -D warnings
step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
step "size of the program"
scripts/program_size.sh
step "quickstart"
SKEWLESS="$SKEWLESS_TARGET/debug/skewless" scripts/quickstart.sh
printf '\nall of it passed in %s s\n' "$SECONDS"

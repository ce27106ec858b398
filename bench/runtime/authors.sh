#!/usr/bin/env bash
# Measures what a transform costs in each language: prints the tables, and writes them to bench/runtime/AUTHORS.md.
#
#   bench/runtime/authors.sh           the whole of it, under ten minutes once everything is built
#   bench/runtime/authors.sh --quick   fewer samples; prints, and leaves AUTHORS.md alone
#
# SKEWLESS names the program that builds the components, with JavaScript in it; without it, it is built.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-$PWD/bench/runtime/target}
if [ -z "${SKEWLESS:-}" ]; then
    . scripts/prepare.sh
    prepare_go
    prepare_wasm_compiler
    cargo build --workspace --bins --locked
    SKEWLESS=$SKEWLESS_TARGET/debug/skewless
fi
mkdir -p "$target/authors"
for language in rust go js; do
    "$SKEWLESS" build "examples/transforms/spend_per_order/$language" --out "$target/authors/$language.wasm" --quiet
done
cd bench/runtime
export CARGO_TARGET_DIR=$target
out=AUTHORS.md
for argument in "$@"; do
    if [ "$argument" = --quick ]; then out=$target/authors.md; fi
done
cargo build --release --locked
python=$target/venv/bin/python
[ -x "$python" ] || { echo "error: run bench/runtime/run.sh first, which makes the virtual environment" >&2; exit 1; }
"$target/release/skewless-bench" --modules "$target/guests" --python "$python" --authors "$target/authors" --out "$out" "$@"

#!/usr/bin/env bash
# Measures the execution core beside its peers: prints the tables, and writes them to bench/runtime/RESULTS.md.
#
#   bench/runtime/run.sh           the whole of it, under five minutes once everything is built
#   bench/runtime/run.sh --quick   under a minute, to look at a change; prints, and leaves RESULTS.md alone
#
# Needs a Rust toolchain with rustup, and python3 (3.11 or newer) with venv. The first run compiles wasmtime twice (ours and that of
# arrow-udf), which takes a while. PYTHON names another Python, CARGO_TARGET_DIR another place to build in.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
out=RESULTS.md
for argument in "$@"; do
    if [ "$argument" = --quick ]; then out=$CARGO_TARGET_DIR/quick.md; fi
done

for wasm_target in wasm32-unknown-unknown wasm32-wasip1; do
    if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$wasm_target" ]; then rustup target add "$wasm_target"; fi
done
./build_guests.sh
cargo build --release --locked

venv=$CARGO_TARGET_DIR/venv
if ! cmp --silent requirements.txt "$venv/requirements.txt"; then
    "${PYTHON:-python3}" -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
    cp requirements.txt "$venv/requirements.txt"
fi
"$CARGO_TARGET_DIR/release/skewless-bench" --modules "$CARGO_TARGET_DIR/guests" --python "$venv/bin/python" --out "$out" "$@"

#!/usr/bin/env bash
# Compiles the guests to core modules; `skewless-bench` makes components of ours. Where: $CARGO_TARGET_DIR/guests.
# Profile and flags are those of `skewless build` (host/cli/src/cargo.rs), but that paths in messages stay as they are.
set -euo pipefail
cd "$(dirname "$0")"
target=${CARGO_TARGET_DIR:-$PWD/target}
modules=$target/guests
mkdir -p "$modules"
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS

build() { # cargo's target, other arguments for cargo …
    local wasm_target=$1 flags='"-C", "target-feature=+simd128"'
    shift
    # The stack that `skewless build` gives a transform; arrow-udf's guest keeps its compiler's.
    if [ "$wasm_target" = wasm32-unknown-unknown ]; then flags+=', "-C", "link-arg=-zstack-size=65536"'; fi
    cargo build --lib --release --locked --quiet --target "$wasm_target" "$@" \
        --config 'profile.release.opt-level=3' \
        --config 'profile.release.lto=true' \
        --config 'profile.release.codegen-units=1' \
        --config 'profile.release.panic="abort"' \
        --config 'profile.release.debug=0' \
        --config 'profile.release.strip="debuginfo"' \
        --config 'profile.release.incremental=false' \
        --config 'profile.release.debug-assertions=false' \
        --config "target.$wasm_target.rustflags=[$flags]"
}

for form in rows columns; do
    features=()
    if [ "$form" = columns ]; then features=(--features columns); fi
    for guest in ratio haversine email_domain; do
        build wasm32-unknown-unknown --package "$guest" "${features[@]}"
        cp "$target/wasm32-unknown-unknown/release/$guest.wasm" "$modules/$guest.$form.wasm"
    done
done
build wasm32-unknown-unknown --package busy
cp "$target/wasm32-unknown-unknown/release/busy.wasm" "$modules/busy.rows.wasm"
# As arrow-udf's documentation has it, with the same profile.
build wasm32-wasip1 --package arrow_udf_guest
cp "$target/wasm32-wasip1/release/arrow_udf_guest.wasm" "$modules/arrow_udf.wasm"

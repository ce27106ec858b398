# Sourced: where things are built, the program that is measured, and virtual environments for the peers.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$project/target}
bench_target=$CARGO_TARGET_DIR/bench
mkdir -p "$bench_target"

# bench_venv NAME REQUIREMENTS: a virtual environment in $bench_target/NAME, made anew where the requirements have changed.
bench_venv() {
    local venv=$bench_target/$1
    if ! cmp --silent "$2" "$venv/requirements.txt"; then
        echo "getting $(grep -c == "$2") packages from PyPI into $venv" >&2
        "${PYTHON:-python3}" -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$2"
        cp "$2" "$venv/requirements.txt"
    fi
}

# bench_program [DRIVER...]: sets SKEWLESS to a release build, where nobody has set it, with these programs beside it. Each of them is put
# together from all of its crates at once, which takes minutes: so no others are.
bench_program() {
    if [ -z "${SKEWLESS:-}" ]; then
        local program programs=()
        for program in skewless "$@"; do programs+=(--bin "$program"); done
        (cd "$project" && cargo build --release --workspace "${programs[@]}" --locked)
        SKEWLESS=$CARGO_TARGET_DIR/release/skewless
    fi
    [ -x "$SKEWLESS" ] || { echo "error: SKEWLESS names no program: $SKEWLESS" >&2; exit 1; }
    SKEWLESS=$(realpath "$SKEWLESS")
    export SKEWLESS
}

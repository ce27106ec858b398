#!/usr/bin/env bash
# From nothing to served features, on real flights: builds Skewless, compiles the transforms, applies the definitions,
# materializes, writes a training set, serves, and compares what is served with what is trained, bit for bit.
#
# Everything it makes goes to examples/flights/.skewless; delete that folder to start afresh.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/prepare.sh

step() { printf '\n\033[1m%s\033[0m\n' "$1"; }
run() { printf '$ skewless %s\n' "$*" >&2; (cd examples/flights && "$skewless" "$@"); }

skewless=${SKEWLESS:-}
if [ -z "$skewless" ]; then
    step "1. Build Skewless (the first time this compiles some 400 crates and takes a while)"
    prepare_wasm_compiler
    cargo build --workspace --bins --locked
    skewless=$SKEWLESS_TARGET/debug/skewless
fi
skewless=$(realpath "$skewless")
state=$PWD/examples/flights/.skewless
rm -rf "$state/registry" "$state/online.redb" "$state/training" "$state"/*.log
mkdir -p "$state/training"

step "2. Compile the transforms of examples/transforms to WebAssembly components"
run build

step "3. Verify the components: the same bits alone and in batches, on fresh and on used instances, on two engines"
run verify

step "4. Apply the definitions of examples/flights: check them against data and components, commit them"
run apply

step "5. Materialize: the newest row of each entity up to 30 January 2013 goes to the online store"
run materialize 2012-12-31 2013-01-30

step "6. A training set: every flight of January 2013, each with what was known at its scheduled departure"
run get-historical-features --service delay_model --entities data/flights/2013-01.parquet \
    --out .skewless/training/2013-01.parquet

step "7. Serve"
"$skewless" -c examples/flights serve --port 0 >"$state/server.log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null || true' EXIT
for _ in $(seq 100); do
    url=$(grep -o 'http://[0-9.:]*' "$state/server.log" | head -n 1) && break
    kill -0 $server 2>/dev/null || { cat "$state/server.log" >&2; fail "the server stopped"; }
    sleep 0.1
done
[ -n "${url:-}" ] || { cat "$state/server.log" >&2; fail "the server does not answer"; }
echo "serving at $url"
request='{"feature_service": "weather_only", "entities": {"origin": ["EWR", "JFK"]}, "event_timestamp": "2013-01-30T00:00:00Z"}'
printf '$ curl %s/get-online-features -d '"'%s'"'\n' "$url" "$request"
if command -v curl >/dev/null; then
    curl --silent --show-error --fail-with-body "$url/get-online-features" -d "$request"
    echo
else
    echo "(curl is not installed; the comparison below asks the same way)"
fi

step "8. The same flights at the same instants, trained and served, bit for bit"
# The online store holds the newest rows only, so it is moved on to each instant, and the training set asks about it too.
compare() {
    local instant=$1 set=.skewless/training/at-${1%%:*}.parquet
    run materialize-incremental "$instant" --quiet >>"$state/materialize.log"
    run get-historical-features --service delay_model --entities data/flights/2013-01.parquet \
        --event-timestamp "$instant" --out "$set" --quiet >>"$state/training.log"
    run check-parity --service delay_model --training-set "$set" --url "$url" "${@:2}"
}
compare 2013-01-30T00:00:00Z --quiet
compare 2013-01-30T12:00:00Z --quiet
compare 2013-01-31T11:00:00Z

step "Where things are"
echo "definitions    examples/flights/features"
echo "components     examples/flights/.skewless/components"
echo "registry       examples/flights/.skewless/registry"
echo "online store   examples/flights/.skewless/online.redb"
echo "training sets  examples/flights/.skewless/training"

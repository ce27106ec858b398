#!/usr/bin/env bash
# From nothing to served features, on real flights: builds Skewless, compiles the transforms, applies the definitions,
# materializes, writes a training set, serves, and compares what is served with what is trained, bit for bit. Then it
# serves a copy whose weather comes late and is revised, logs that, replays the log, and has the differences explained.
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
server=
stop() { [ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; server=; }; }
trap stop EXIT
# serve FOLDER: a server of the repository in FOLDER, at $url.
serve() {
    "$skewless" -c "$1" serve --port 0 >"$state/server.log" 2>&1 &
    server=$!
    url=
    for _ in $(seq 100); do
        url=$(grep -o 'http://[0-9.:]*' "$state/server.log" | head -n 1) && break
        kill -0 $server 2>/dev/null || { cat "$state/server.log" >&2; fail "the server stopped"; }
        sleep 0.1
    done
    [ -n "$url" ] || { cat "$state/server.log" >&2; fail "the server does not answer"; }
}
serve examples/flights
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

stop

step "9. What was served, replayed and explained: a copy of the example whose weather is late and revised"
loop=$state/loop
rm -rf "$loop"
mkdir -p "$loop/.skewless"
cp -r "$state/components" "$loop/.skewless"
cp -r examples/flights/features "$loop"
sed -i -e "s#path: ../transforms#path: $PWD/examples/transforms#" -e "s#path: data/#path: $PWD/examples/flights/data/#" "$loop"/features/*.yaml
sed -i -e "s#path: .*weather.parquet#path: weather.parquet\n    created_timestamp_column: written_at#" "$loop/features/weather.yaml"
printf 'project: flights\nfeature_server: {feature_logging: {enabled: true, path: feature_log}}\n' >"$loop/skewless.yaml"
# weather REVISED WRITTEN_AT WHERE: the weather of the copy, as a query over that of the example.
weather() {
    local query="SELECT * EXCLUDE (wind_speed), $1 AS wind_speed, $2 AS written_at, observed_at AS event_timestamp FROM weather WHERE $3"
    run get-historical-features --entities-sql "$query" --features airport_facts:origin_altitude \
        --out "$loop/weather.parquet" --quiet >>"$state/training.log"
}
again() { printf '$ skewless %s\n' "$*" >&2; (cd "$loop" && "$skewless" "$@"); }
noon=2013-01-30T12:00:00Z
at_noon() { echo "(origin = '$1' AND observed_at = TIMESTAMP '2013-01-30 12:00:00')"; }
weather wind_speed observed_at "NOT $(at_noon JFK)"
again apply --quiet >"$state/apply.log"
again materialize 2012-12-31 $noon --quiet >>"$state/materialize.log"
again get-historical-features --service delay_model --entities "$PWD/examples/flights/data/flights/2013-01.parquet" \
    --event-timestamp $noon --out noon.parquet --quiet >>"$state/training.log"
serve "$loop"
again check-parity --service delay_model --training-set noon.parquet --url "$url" --quiet
stop
tail -n 1 "$state/server.log"
again replay --quiet
# JFK's observation of noon comes an hour late, and EWR's is revised.
weather "CASE WHEN $(at_noon EWR) THEN wind_speed + 10 ELSE wind_speed END" \
    "CASE WHEN $(at_noon JFK) THEN observed_at + INTERVAL '1 hour' ELSE observed_at END" true
again skew --threshold 100% --html skew.html

step "Where things are"
echo "definitions    examples/flights/features"
echo "components     examples/flights/.skewless/components"
echo "registry       examples/flights/.skewless/registry"
echo "online store   examples/flights/.skewless/online.redb"
echo "training sets  examples/flights/.skewless/training"
echo "feature log    examples/flights/.skewless/loop/feature_log, and skew.html beside it"

#!/usr/bin/env bash
# Measures the feature log on the flights example: what logging costs a server, and how fast a log is replayed. Prints tables.
#
#   bench/feature_log/run.sh             everything: 1M logged rows, 5 samples of 10 s for each rate
#   bench/feature_log/run.sh --quick     100k rows, 2 samples of 3 s
#
# SKEWLESS names the program, LOG_DRIVER the load driver (bench/feature_log/driver); without them a release build is made.
# CARGO_TARGET_DIR is honoured: everything lies in its folder `bench`. Needs python3.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../measure/venv.sh"
rows=1000000 samples=5 seconds=10
[ "${1:-}" = --quick ] && rows=100000 samples=2 seconds=3
bench_program skewless-log-driver
driver=${LOG_DRIVER:-$(dirname "$SKEWLESS")/skewless-log-driver}
[ -x "$driver" ] || { echo "error: LOG_DRIVER names no program: $driver" >&2; exit 1; }

state=$bench_target/feature_log
rm -rf "$state" && mkdir -p "$state"
export FLIGHTS_STATE=$state
flights=$project/examples/flights
at=2013-01-30T12:00:00Z
run() { (cd "$flights" && "$SKEWLESS" --quiet "$@"); }
run build && run verify >"$state/verify.txt" && run apply >"$state/apply.txt"
run materialize 2012-12-31 $at >"$state/materialize.txt"

server= url=
# start NAME [ARGUMENTS]: a server, at $url.
start() {
    (cd "$flights" && exec "$SKEWLESS" serve --port 0 "${@:2}") >"$state/$1.out" 2>"$state/$1.err" &
    server=$!
    for _ in $(seq 200); do
        url=$(grep -o 'http://[0-9.:]*' "$state/$1.out" | head -n 1) && return
        sleep 0.1
    done
    echo "error: the server does not answer" >&2
    exit 1
}
stop() { kill "$server" && wait "$server" || true; server=; }
trap '[ -z "$server" ] || kill "$server"' EXIT
drive() { "$driver" --url "$url" --flights "$flights/data/flights/2013-01.parquet" --at $at "$@"; }

echo "== what logging costs: requests a second, $samples samples of $seconds s each, taken in turns"
for batch in 1 100; do
    for number in $(seq "$samples"); do
        for rate in off 0.01 1; do
            arguments=()
            [ $rate = off ] || arguments=(--log-path "$state/cost/$batch-$rate-$number" --log-rate $rate)
            start cost "${arguments[@]}"
            drive --batch $batch --connections 4 --seconds 1 >/dev/null
            sample=$(drive --batch $batch --connections 4 --seconds "$seconds")
            stop
            # What the server says of its log when it ends.
            printf '%s\t%s\t%s\t%s\n' $batch $rate "$sample" "$(grep '^feature log: ' "$state/cost.err" || true)"
            rm -rf "$state/cost"
        done
    done
done | tee "$state/cost.txt" | python3 -c '
import json, re, statistics, sys
found = {}
for line in sys.stdin:
    batch, rate, sample, log = line.split("\t")
    missing = [int(rows.replace(",", "")) for rows in re.findall(r"([0-9,]+) (?:dropped|lost)", log)]
    found.setdefault((batch, rate), []).append({**json.loads(sample), "missing": sum(missing)})
print("| rows a request | logged | requests/s, median | of those without a log | all samples | p99 | rows dropped or lost |")
print("|---:|---:|---:|---:|---|---:|---:|")
for (batch, rate), samples in found.items():
    rates = [sample["requests_per_second"] for sample in samples]
    without = statistics.median(sample["requests_per_second"] for sample in found[batch, "off"])
    name = "no log" if rate == "off" else f"{float(rate):.0%}"
    p99 = statistics.median(sample["p99_us"] for sample in samples)
    median = statistics.median(rates)
    missing = sum(sample["missing"] for sample in samples)
    print(f"| {batch} | {name} | {median:,.0f} | {median / without:.1%} | {min(rates):,.0f} to {max(rates):,.0f} "
          f"| {p99:,.0f} µs | {missing:,} |")
'

echo "== $rows rows logged, and replayed"
start log --log-path "$state/log"
drive --batch 100 --connections 2 --requests $((rows / 100))
stop
cat "$state/log.err"
du -sh "$state/log" | cut -f 1
time=$(date +%s.%N)
run replay --log "$state/log" --json >"$state/replay.json"
python3 -c '
import json, sys
replay = json.load(open(sys.argv[1]))
seconds = float(sys.argv[3]) - float(sys.argv[2])
values = sum(feature["compared"] for feature in replay["features"])
computed = sum(feature["compared"] for feature in replay["features"] if feature["computed"])
differing = sum(feature["differing"] for feature in replay["features"])
rows, rate = replay["rows"], computed / seconds
print(f"{rows:,} rows, {values:,} values of which transforms computed {computed:,} again, {differing} differ; "
      f"{seconds:.2f} s for the whole process: {rate:,.0f} computed values/s")
' "$state/replay.json" "$time" "$(date +%s.%N)"

#!/usr/bin/env bash
# Measures the feature server beside Feast's and beside a bare one: prints tables, and writes bench/serving/RESULTS.md.
#
#   bench/serving/run.sh                        all parts; the soak takes 30 minutes
#   bench/serving/run.sh throughput latency     some of them
#   bench/serving/run.sh --quick throughput     with a tenth of the entities and shorter; prints, and leaves RESULTS.md alone
#   SOAK_MINUTES=3 bench/serving/run.sh soak    a shorter soak
#   bench/serving/run.sh --help                 the parts, and what else can be set
#
# Needs redis-server and wrk (where they are missing, apt-get installs them), python3 (3.11 or newer) with venv, and PyPI;
# PYTHON names another Python. SKEWLESS names the program; without it a release build is made. The bare server and the load
# driver (bench/serving/bare and load) are built with it and lie beside it. CARGO_TARGET_DIR is honoured: everything lies in
# its folder `bench`. SERVING_PEERS=none leaves Feast out.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../measure/venv.sh"
for package in redis-server wrk; do
    command -v "$package" >/dev/null && continue
    echo "installing $package" >&2
    [ "$(id -u)" = 0 ] && as_root= || as_root=sudo
    # Only the program: no service is to be started for it.
    $as_root env RUNLEVEL=1 apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$package" >&2 ||
        { echo "error: $package could not be installed; on Debian: apt-get install $package" >&2; exit 1; }
done
bench_program skewless-bare skewless-load
bench_venv venv "$here/../measure/requirements.txt"
bench_venv feast "$here/../measure/requirements-feast.txt"
export BENCH_TARGET=$bench_target PYTHONPATH=$here/..
exec "$bench_target/venv/bin/python" -m serving "$@"

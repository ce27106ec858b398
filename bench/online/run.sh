#!/usr/bin/env bash
# Measures online stores beside Feast: prints tables, and writes bench/online/RESULTS.md.
#
#   bench/online/run.sh                       all parts
#   bench/online/run.sh --quick materialize   one part, with a tenth of the rows; prints, and leaves RESULTS.md alone
#   bench/online/run.sh --help                the parts, and what else can be set
#
# Needs redis-server, which it starts on a port of its own and ends (where it is missing, apt-get installs it), python3 (3.11
# or newer) with venv, and PyPI; PYTHON names another Python. SKEWLESS names the program; without it a release build is made.
# The load driver of the reads, bench/online/reads, is built with it; SKEWLESS_READS names another one. CARGO_TARGET_DIR is
# honoured: everything lies in its folder `bench`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../measure/venv.sh"
if ! command -v redis-server >/dev/null; then
    echo "installing redis-server" >&2
    # Only the program: no service is to be started for it.
    [ "$(id -u)" = 0 ] && as_root= || as_root=sudo
    $as_root apt-get -o DPkg::Lock::Timeout=300 install --yes redis-server >&2 ||
        { echo "error: redis-server could not be installed; on Debian: apt-get install redis-server" >&2; exit 1; }
fi
bench_program skewless-reads
driver=$(dirname "$SKEWLESS")/skewless-reads
if [ -z "${SKEWLESS_READS:-}" ] && [ -x "$driver" ]; then export SKEWLESS_READS=$driver; fi
bench_venv venv "$here/../measure/requirements.txt"
bench_venv feast "$here/../measure/requirements-feast.txt"
export BENCH_TARGET=$bench_target PYTHONPATH=$here/..
exec "$bench_target/venv/bin/python" -m online "$@"

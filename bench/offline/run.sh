#!/usr/bin/env bash
# Measures training sets beside Polars, DuckDB and Feast: prints tables, and writes bench/offline/RESULTS.md.
#
#   bench/offline/run.sh                    all parts; the data of the largest are made first
#   bench/offline/run.sh --quick main       one part, with a tenth of the rows; prints, and leaves RESULTS.md alone
#   bench/offline/run.sh --help             the parts, and what else can be set
#
# Needs python3 (3.11 or newer) with venv, and PyPI; PYTHON names another Python. SKEWLESS names the program; without it a
# release build is made, for which Cargo is needed, as for the components of `transforms`. CARGO_TARGET_DIR is honoured:
# everything lies in its folder `bench`, some 10 GB.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../measure/venv.sh"
bench_program
bench_venv venv "$here/../measure/requirements.txt"
bench_venv feast "$here/../measure/requirements-feast.txt"
export BENCH_TARGET=$bench_target PYTHONPATH=$here/..
exec "$bench_target/venv/bin/python" -m offline "$@"

#!/usr/bin/env bash
# The program as it is built for development, stripped, stays under 170 MB.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${CARGO_TARGET_DIR:-$PWD/target}/debug/skewless
stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$program"
bytes=$(wc -c <"$stripped")
echo "skewless: $((bytes / 1000000)) MB stripped"
[ "$bytes" -lt 170000000 ] || { echo "error: more than 170 MB; which dependency came in?" >&2; exit 1; }

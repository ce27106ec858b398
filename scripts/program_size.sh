#!/usr/bin/env bash
# The program, stripped, stays under 120 MB.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${CARGO_TARGET_DIR:-$PWD/target}/debug/skewless
stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$program"
bytes=$(wc -c <"$stripped")
echo "skewless: $((bytes / 1000000)) MB stripped"
[ "$bytes" -lt 120000000 ] || { echo "error: more than 120 MB; which dependency came in?" >&2; exit 1; }

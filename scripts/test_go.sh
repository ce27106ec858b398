#!/usr/bin/env bash
# The Go SDK and the examples in Go, natively: format, vet, tests. One example requires a module, which Go downloads once.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOFLAGS=-mod=readonly GOWORK=off

unformatted=$("$(go env GOROOT)/bin/gofmt" -l guest-sdk/go examples)
[ -z "$unformatted" ] || { printf 'error: not as gofmt formats it: %s\n' "$unformatted" >&2; exit 1; }
for module in guest-sdk/go examples/transforms/*/go; do
    # The glue turns addresses of the host into pointers, which vet can't know to be right.
    (cd "$module" && go vet -unsafeptr=false ./... && go test ./...)
done
(cd guest-sdk/go && GOOS=wasip1 GOARCH=wasm go vet -unsafeptr=false ./glue)

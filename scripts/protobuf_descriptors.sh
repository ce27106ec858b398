#!/usr/bin/env bash
# Makes host/server/proto/descriptors.binpb, which reflection answers with, of the .proto files beside it. A test compares.
#
# Needs a Python that has grpcio-tools: SKEWLESS_FEAST_PYTHON names it, as for the tests of Feast's client.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/prepare.sh
prepare_feast
cd host/server/proto
"$SKEWLESS_FEAST_PYTHON" -m grpc_tools.protoc --proto_path=. --include_imports \
    --descriptor_set_out="${1:-descriptors.binpb}" feast/serving/ServingService.proto

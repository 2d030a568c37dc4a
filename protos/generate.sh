#!/bin/sh
# Makes rpm_service/v1 from the contract. (released.binpb, which a release makes anew with
# `buf build protos --exclude-source-info -o protos/released.binpb`, is what `make check` compares
# the contract with: nobody who speaks that one may break.)
# Usage: protos/generate.sh [OUT], OUT default: this tree.
set -eu
cd "$(dirname "$0")/.."
out=${1:-.}
python=${PYTHON:-.venv/bin/python}
PATH=$(cd "$(dirname "$python")" && pwd):$PATH
"$python" -m grpc_tools.protoc -Iprotos \
    --python_out="$out" --mypy_out="$out" \
    --grpc_python_out="$out" --mypy_grpc_out="$out" \
    protos/rpm_service/v1/*.proto

#!/bin/sh
# Makes the Python modules of proto/ in a folder: generate.sh FOLDER. PYTHON names the interpreter.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
protos=$(cd "$here/../.." && pwd)/proto
mkdir -p "$1"
cd "$protos"
find . -name '*.proto' | sed 's|^\./||' | sort |
  xargs "${PYTHON:-python3}" -m grpc_tools.protoc -I . --python_out="$1" --grpc_python_out="$1"

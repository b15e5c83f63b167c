#!/usr/bin/env bash
# On a machine with an NVIDIA GPU: runs the tests marked gpu, then measures (benchmarks/gpu.py says
# what), in under eight minutes. What it finds goes to $OUT where that is set, else to .scratch/gpu.
#
#   benchmarks/gpu.sh [minutes of the studio training]
set -uo pipefail
cd "$(dirname "$0")/.."

python=.venv/bin/python
[ -x "$python" ] || python=python3
export PYTHONPATH="src:.:benchmarks:tests${PYTHONPATH:+:$PYTHONPATH}"
found=${OUT:-.scratch/gpu}
mkdir -p "$found"

"$python" -m pytest tests/test_gpu.py -m gpu -q -p no:cacheprovider 2>&1 | tee "$found/tests.log"
tested=$?
"$python" benchmarks/gpu.py --minutes "${1:-2}" && exit "$tested"

#!/usr/bin/env bash
# The rest of the study on a machine with a GPU, within twelve minutes by default; resumable: whoever
# runs it again goes on from the last checkpoint. Rows and checkpoints go to $OUT where it is set, so
# that they can be carried home; without it they stay in the checkout.
#
#   studies/gpu.sh <path of the photos' archive> [minutes] [budget]
set -euo pipefail
cd "$(dirname "$0")/.."

archive=${1:?usage: studies/gpu.sh <path of the archive of photos> [minutes] [budget]}
minutes=${2:-11}
budget=${3:-reference}
python=.venv/bin/python
[ -x "$python" ] || python=python3

finish() {
    status=$?
    if [ -n "${OUT:-}" ]; then
        cp studies/claims.csv "$OUT/" 2>/dev/null || true
        [ -d .scratch/study/items ] && tar -C .scratch -cf "$OUT/study-items.tar" study/items
    fi
    exit "$status"
}
trap finish EXIT

# Checkpoints of the last call, put beside the checkout, are taken up.
[ -f study-items.tar ] && { mkdir -p .scratch && tar -C .scratch -xf study-items.tar; }
# A training of 64-pixel networks takes a GPU seconds; its start and its measuring take a core half a
# minute. So as many items share the GPU as there are cores.
"$python" -m stages.study --minutes "$minutes" --jobs "$(nproc)" --archive "$archive" --only "$budget"

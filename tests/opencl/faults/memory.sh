#!/bin/sh
# memory.sh: device memory that runs out at one allocation or another: an error that says so, and nothing is left behind.
. "$(dirname "$0")/lib.sh"
export FAULTY_COUNT="$work/count"
model
predict="predict -m $work/model.safetensors $fixture/new --device opencl:0 --fallback error --quiet"
# The first run compiles, and tests the device: it takes more memory than those behind it.
for run in first second; do
    # shellcheck disable=SC2086
    run 0 $predict
    released
done
total=$(count clCreateBuffer)
[ "$total" -gt 20 ] || { echo "FAILED: only $total allocations"; failures=$((failures + 1)); }
for n in 1 2 3 $((total / 4)) $((total / 2)) $((total * 3 / 4)) "$total"; do
    export FAULTY_CALL="clCreateBuffer:$n:-4"
    # shellcheck disable=SC2086
    fails_well $predict
    says 'memory\|full\|fit'
    unset FAULTY_CALL
    released
done
finish

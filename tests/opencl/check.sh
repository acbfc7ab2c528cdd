#!/bin/sh
# check.sh THAW KEEP NAME OPTIONS [OP/TEXT…]: every algorithm that PoCL's device is offered with these options against
# plain C: all cases, or those of an op whose names contain TEXT. Leaves log-NAME for compile.sh.
. "$(dirname "$0")/lib.sh"
name=$3 device=opencl:0,$4
shift 4
platform pocl.icd pocl-opencl-icd
[ $# -gt 0 ] || proves --device "$device"
for filter in "$@"; do
    proves --device "$device" --op "${filter%%/*}" --case "${filter#*/}"
done
cp "$work/said" "$keep/log-$name"
finish

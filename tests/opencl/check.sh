#!/bin/sh
# check.sh THAW KEEP OPTIONS [CHECK ARGUMENTS…]: every algorithm that PoCL is offered with these options of the device
# against plain C. Arguments from "--" to "--" are a filter each; without one, all cases.
. "$(dirname "$0")/lib.sh"
platform pocl.icd pocl-opencl-icd
device=opencl:0${3:+,$3}
shift 3
if [ $# -eq 0 ]; then
    proves --device "$device"
fi
for filter in "$@"; do
    op=${filter%%/*}
    proves --device "$device" --op "$op" --case "${filter#*/}"
done
finish

#!/bin/sh
# compile.sh THAW KEEP KERNELS: every kernel with every set of macros that the classes of device ask for, through clang
# for an AMD GPU and for SPIR: what one driver's compiler lets pass, another may refuse. The sets are those that
# checks of this suite have logged, so that they are the host's own.
. "$(dirname "$0")/lib.sh"
kernels=$3
command -v clang >/dev/null 2>&1 || skip "there is no clang (Debian: clang)"
cat "$keep"/log-* 2>/dev/null | sed -n 's/.*opencl: \([a-z0-9_]*\.cl\) (\([^)]*\)): .* s, .*/\1 \2/p' |
    sort -u >"$work/sets"
[ -s "$work/sets" ] || skip "no check has logged a program (is PoCL installed?)"

compiled=0
while read -r file options; do
    for target in "spir64-unknown-unknown" "amdgcn-amd-amdhsa -mcpu=gfx1030" "amdgcn-amd-amdhsa -mcpu=gfx906"; do
        # shellcheck disable=SC2086
        if ! cat "$kernels/thaw.clh" "$kernels/$file" | clang -x cl -cl-std=CL1.2 -Xclang -finclude-default-header \
            -I "$kernels" -target $target -nogpulib -Wall -Wno-unused-function -Wno-unused-macros -Wno-unknown-pragmas -Werror \
            -D THAW_CPU=0 -D THAW_LANES=4 -D THAW_WAVE=32 -D THAW_HAS_FMA=1 $options \
            -S -emit-llvm -o /dev/null - 2>"$work/why"; then
            echo "FAILED: $file ($options) for $target:"
            head -n 12 "$work/why"
            failures=$((failures + 1))
        fi
        compiled=$((compiled + 1))
    done
done <"$work/sets"
for file in "$kernels"/*.cl; do
    grep -q "^${file##*/}" "$work/sets" || echo "not used by any check, so not compiled: ${file##*/}"
done
echo "$compiled compilations"
finish

#!/bin/sh
# cache.sh: compiled programs on disk: a second run compiles nothing, a damaged or stale entry costs a compilation and
# nothing else.
. "$(dirname "$0")/lib.sh"
export THAW_CACHE_DIR="$work/cache" FAULTY_COUNT="$work/count"
# One op is enough to fill the cache; check compares its values each time.
checks() { run 0 check --device opencl:0 --op relu_bwd; }
compiled() { count_is "programs compiled from source $1" "$(($(count clCreateProgramWithSource) > 1))" "$2"; }
checks
compiled "by the first run" 1
entries=$(find "$work/cache/opencl" -name '*.clbin' | wc -l)
[ "$entries" -gt 0 ] || { echo "FAILED: nothing was cached"; failures=$((failures + 1)); }
checks
# The class of a device is found out with a program of one line, which is not kept.
compiled "by the second run" 0
for entry in "$work"/cache/opencl/*.clbin; do cp "$entry" "$entry.whole"; done

for damage in empty header middle end half junk; do
    for entry in "$work"/cache/opencl/*.clbin; do
        size=$(wc -c <"$entry.whole")
        cp "$entry.whole" "$entry"
        case $damage in
        empty) : >"$entry" ;;
        header) printf 'XXXX' | dd of="$entry" conv=notrunc bs=1 seek=0 2>/dev/null ;;
        middle) printf '\377\000\377' | dd of="$entry" conv=notrunc bs=1 seek=$((size / 2)) 2>/dev/null ;;
        end) printf '\252\125' | dd of="$entry" conv=notrunc bs=1 seek=$((size - 2)) 2>/dev/null ;;
        half) head -c $((size / 2)) "$entry.whole" >"$entry" ;;
        junk) head -c "$size" /dev/zero >"$entry" ;;
        esac
    done
    checks
    compiled "after damage: $damage" 1
    checks
    compiled "behind damage: $damage" 0
done

export FAULTY_DRIVER="another driver"
checks
compiled "after a change of driver" 1
unset FAULTY_DRIVER

# A folder that cannot be made.
: >"$work/file"
export THAW_CACHE_DIR="$work/file/below"
checks
compiled "without a folder" 1

# Two at once.
export THAW_CACHE_DIR="$work/shared"
unset FAULTY_COUNT
"$thaw" check --device opencl:0 --op affine >"$work/one" 2>&1 &
run 0 check --device opencl:0 --op affine
wait $! || { echo "FAILED: of two at once, the other"; failures=$((failures + 1)); }
run 0 check --device opencl:0 --op affine
finish

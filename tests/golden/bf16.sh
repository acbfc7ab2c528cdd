#!/bin/sh
# bf16.sh THAW IMAGES: features with --precision bf16 are near those of f32, on weights and photos as they are used,
# by AMX and without it. Where the processor multiplies no bf16, or no faster than f32, they are the same bits.
set -eu
weights=${THAW_NSFWJS_DIR-}
if [ -z "$weights" ]; then
    echo "skipped: THAW_NSFWJS_DIR names no weights"
    exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
set -- "$1" "$weights" $(find "$2" -name '*.jpg' -o -name '*.png' | sort | head -n 3)
thaw=$1
shift
for device in cpu:0 cpu:0,amx=off; do
    for precision in f32 bf16; do
        "$thaw" features "$@" -q --device $device --exact --precision $precision -o "$dir/$precision.csv"
    done
    "$thaw" plan --device $device --weights "$weights" --exact --precision bf16 --phase prefix >"$dir/plan"
    if [ $device != cpu:0 ] && grep -q "bf16 amx" "$dir/plan"; then
        echo "$device: AMX is used"
        exit 1
    fi
    if ! grep -q "bf16 a" "$dir/plan"; then
        cmp "$dir/f32.csv" "$dir/bf16.csv"
        echo "$device: bf16 gave the bits of f32"
        continue
    fi
    paste -d, "$dir/f32.csv" "$dir/bf16.csv" | awk -F, -v device=$device '
        { for (i = 2; i <= 2049; i++) { a = $i; d = $(i + 2049) - a; square += a * a; error += d * d } rows++ }
        END {
            relative = sqrt(error / square)
            printf "%s: %d photos: relative L2 distance %.2e\n", device, rows, relative
            exit !(rows > 0 && relative > 0 && relative <= 2e-2)
        }'
done

#!/bin/sh
# bf16.sh THAW IMAGES: features with --precision bf16 are near those of f32, on weights and photos as they are used.
# Where the processor multiplies no bf16, they are the same bits.
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
for precision in f32 bf16; do
    "$thaw" features "$@" -q --device cpu:0 --exact --precision $precision -o "$dir/$precision.csv"
done
"$thaw" plan --device cpu:0 --weights "$weights" --precision bf16 --phase prefix >"$dir/plan"
if ! grep -q "bf16 a" "$dir/plan"; then
    cmp "$dir/f32.csv" "$dir/bf16.csv"
    echo "this processor has neither AMX nor AVX512_BF16: bf16 gave the bits of f32"
    exit 0
fi
paste -d, "$dir/f32.csv" "$dir/bf16.csv" | awk -F, '
    { for (i = 2; i <= 2049; i++) { a = $i; d = $(i + 2049) - a; square += a * a; error += d * d } rows++ }
    END {
        relative = sqrt(error / square)
        printf "%d photos: relative L2 distance %.2e\n", rows, relative
        exit !(rows > 0 && relative > 0 && relative <= 2e-2)
    }'

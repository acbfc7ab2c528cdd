#!/bin/sh
# recipe.sh THAW FIXTURE: train, and use what came out.
. "$(dirname "$0")/lib.sh"
base=$fixture/base.safetensors
photos=$fixture/photos
model=$work/model.safetensors
quick="--epochs 2,1 --lr 1e-2,1e-4 --batch-size 6 --unfreeze-last 20"

run 0 info "$base"
prints "none: a base"
run 0 info --json --tensors "$base"
is_json
prints '"conv2d_0/kernel"'
run 0 convert "$base" -o "$work/copy.safetensors" --scaling 0,1
run 0 info "$work/copy.safetensors"
prints "become 0 to 1"

run 0 plan --weights "$base" --phase finetune --unfreeze-last 20 --batch-size 4
prints "^== finetune"
prints "conv2d_bwd_filter"
run 0 plan "$base" --summary --json
is_json

# shellcheck disable=SC2086
run 0 train "$photos" -o "$model" --weights "$base" $quick --csv "$work/epochs.csv" \
    --log-steps "$work/steps.jsonl"
exists "$model"
exists "$work/epochs.csv"
exists "$work/steps.jsonl"
prints "blue 6+2\|blue [0-9]*+[0-9]*"
prints "batch norm  *frozen"
prints "phase 2 epoch 1/1"
prints "^next: thaw predict -m"

# The same command, the same bits, whatever the number of threads.
# shellcheck disable=SC2086
run 0 train "$photos" -o "$work/again.safetensors" --weights "$base" $quick --threads 1 --json
is_json
run 0 predict -m "$model" "$fixture/new" --csv "$work/a.csv" --quiet
run 0 predict -m "$work/again.safetensors" "$fixture/new" --csv "$work/b.csv" --quiet --threads 1
same "$work/a.csv" "$work/b.csv"

run 0 info "$model"
prints "3: blue, green, red"
prints "^history"
run 0 predict -m "$model" "$fixture/new/red/00.bmp" --top 1
prints "red/00.bmp: [a-z]* [0-9.]* %$"
run 0 predict -m "$model" "$fixture/new" --json
is_json
run 0 evaluate "$model" "$fixture/new"
prints "^6 images: accuracy"
prints "^is "
run 0 evaluate "$model" "$fixture/new" --json --list-errors --csv "$work/e.csv"
is_json
exists "$work/e.csv"
run 0 features "$model" "$fixture/new" -o "$work/f.npy"
exists "$work/f.npy"
count_is "bytes of f.npy" "$(wc -c <"$work/f.npy")" $((128 + 6 * 2048 * 4))
count_is "lines of f.txt" "$(wc -l <"$work/f.txt")" 6
run 0 features "$base" "$fixture/new" -o "$work/f.csv"
count_is "lines of f.csv" "$(wc -l <"$work/f.csv")" 6

# A photo that cannot be read: said, left out, and in the exit code.
cp -r "$fixture/new" "$work/partly"
echo "no image" >"$work/partly/red/bad.bmp"
run 3 predict -m "$model" "$work/partly"
says "bad.bmp"
prints "red/00.bmp: "
run 3 evaluate "$model" "$work/partly"
says "bad.bmp"
prints "1 could not be read"
# CSV on stdout stands alone.
run 0 predict -m "$model" "$fixture/new" --csv -
count_is "lines of CSV" "$(wc -l <"$work/out")" 7
same "$work/out" "$work/a.csv"
run 0 evaluate "$model" "$fixture/new" --csv - --list-errors
same "$work/out" "$work/e.csv"

# All bad photos are found in the first pass, each named once with its reason; a pipe is one of them.
mkfifo "$work/partly/blue/pipe.png"
cp -r "$photos"/red "$work/partly/third"
for cache in auto off; do
    run 0 train "$work/partly" -o "$work/partly.safetensors" --weights "$base" --epochs 1,0 --cache $cache
    says "^thaw: cannot use $work/partly/red/bad.bmp: this is no"
    says "^thaw: cannot use $work/partly/blue/pipe.png is not a regular file"
    prints "^2 photos could not be used and were left out"
    run 1 train "$work/partly" -o "$work/none.safetensors" --weights "$base" --epochs 1,0 --cache $cache \
        --on-bad-image fail
    says "2 images cannot be used"
    says "^thaw: cannot use $work/partly/red/bad.bmp"
    missing "$work/none.safetensors"
done
rm -r "$work/partly/third" "$work/partly/blue/pipe.png"
run 1 predict -m "$model" "$work/absent.jpg"
says "absent.jpg"
mkdir -p "$work/partly/purple"
cp "$fixture/new/red/00.bmp" "$work/partly/purple/"
run 1 evaluate "$model" "$work/partly"
says "purple is none of the 3 classes (blue, green, red)"
mkdir -p "$work/bad/red" "$work/bad/green"
echo "no image" >"$work/bad/red/bad.bmp"
run 1 evaluate "$model" "$work/bad"
says "none of its 1 images could be read"
finish

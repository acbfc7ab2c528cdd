#!/bin/sh
# trace.sh THAW FIXTURE LOOK: --trace as a person uses it.
. "$(dirname "$0")/../cli/lib.sh"
look=$3
base=$fixture/base.safetensors
photos=$fixture/photos
options="--epochs 1,1 --lr 1e-3,1e-4 --batch-size 6 --unfreeze-last 4 --device cpu:0"
t=$work/t.json

# sound FILE: a whole trace, properly nested. has FILE CAT NAME: one with such a slice.
sound() {
    "$look" "$1" >"$work/kinds" 2>"$work/why" || lacks "trace" "soundness" "$work/why"
}
has() {
    "$look" "$1" "$2" "$3" 2>"$work/why" || lacks "trace" "$2 $3" "$work/kinds"
}

# The same run with a trace, without, and waiting for each op: the same bits.
# shellcheck disable=SC2086
run 0 train "$photos" -o "$work/with.st" --weights "$base" $options --log-steps "$work/with.jsonl" --trace "$t"
says "the trace is in $t: open it in https://ui.perfetto.dev"
sound "$t"
has "$t" span "phase 1 (head)"
has "$t" span "phase 2 (finetune)"
has "$t" span "epoch 1"
has "$t" span "step 4"
has "$t" span "validate"
has "$t" span "prefix batch 2"
has "$t" op_enqueue conv2d_bwd_filter
# shellcheck disable=SC2086
run 0 train "$photos" -o "$work/without.st" --weights "$base" $options --log-steps "$work/without.jsonl" --quiet
silent
# shellcheck disable=SC2086
run 0 train "$photos" -o "$work/sync.st" --weights "$base" $options --quiet --trace "$t" --trace-sync
silent
same "$work/with.st" "$work/without.st"
same "$work/with.st" "$work/sync.st"
for name in with without; do
    sed 's/,"images_per_second".*//' "$work/$name.jsonl" >"$work/$name.steps"
done
same "$work/with.steps" "$work/without.steps"

run 0 predict -m "$work/with.st" "$fixture/new" --device cpu:0 --trace "$t"
sound "$t"
has "$t" span "images 1 to 6"
run 0 evaluate "$work/with.st" "$photos" --device cpu:0 --trace "$t" --quiet
sound "$t"

# A check passes through it, and says the same.
run 0 check --device cpu:0 --op relu_bwd
grep -v '^cpu:0:' "$work/out" >"$work/plain"
run 0 check --device cpu:0 --op relu_bwd --trace "$t"
sound "$t"
has "$t" span "relu_bwd/2x5x7x64"
has "$t" span "relu_bwd/misuse"
grep -v '^cpu:0:' "$work/out" >"$work/traced"
same "$work/plain" "$work/traced"

# With -v each call is told before it is made.
run 0 check --device cpu:0 --op bias_grad --case 1x1 -v --trace "$t"
says "trace: cpu:0.*: op_enqueue bias_grad"

# Refused before anything is done.
run 1 check --device cpu:0 --op relu_bwd --trace "$work/no/such/folder.json"
says "its folder does not exist"
count_is "lines of output" "$(wc -l <"$work/out")" 0
run 1 check --device cpu:0 --op relu_bwd --trace /dev/full
says "not a regular file"
run 1 check --device cpu:0 --op relu_bwd --trace-sync
says "needs a --trace"
# shellcheck disable=SC2086
run 1 train "$photos" -o "$work/never.st" --weights "$base" $options --trace "$work"
says "names a folder"
missing "$work/never.st"

# No room for it: said, with another exit code, and what was there is left alone.
echo "of yesterday" >"$t"
cp "$t" "$work/yesterday"
(
    trap '' XFSZ
    ulimit -f 8
    "$thaw" check --device cpu:0 --op relu_bwd --trace "$t" >"$work/out" 2>"$work/err"
    echo $? >"$work/code"
)
what="thaw check, on a full disk"
count_is "exit code" "$(cat "$work/code")" 1
says "the trace is lost: cannot write $t (what was there before is unchanged): File too large"
same "$t" "$work/yesterday"
count_is "files left behind" "$(find "$work" -name '*.tmp-*' | wc -l)" 0

# An error and an interruption leave a whole trace.
run 1 predict -m "$work/with.st" "$work/no-such.jpg" --device cpu:0 --trace "$t"
sound "$t"
rm "$t"
# A job in the background ignores SIGINT.
"$thaw" check --device cpu:0 --op relu_bwd --repeat 100000 --json --trace "$t" >"$work/out" 2>"$work/err" &
pid=$!
tries=0
until grep -q "relu_bwd/" "$work/out" || ! kill -0 "$pid" 2>/dev/null || [ "$tries" -ge 600 ]; do
    sleep 0.05
    tries=$((tries + 1))
done
kill -TERM "$pid"
wait "$pid"
code=$?
what="thaw check, interrupted"
count_is "exit code" "$code" 130
says "the trace is in $t"
sound "$t"
has "$t" span "relu_bwd/2x5x7x64"
rm "$t"
# shellcheck disable=SC2086
"$thaw" train "$photos" -o "$work/never.st" --weights "$base" $options --epochs 3000,1 --trace "$t" \
    >"$work/out" 2>"$work/err" </dev/null &
pid=$!
tries=0
until grep -q "^phase 1 epoch" "$work/out" || ! kill -0 "$pid" 2>/dev/null || [ "$tries" -ge 600 ]; do
    sleep 0.05
    tries=$((tries + 1))
done
kill -TERM "$pid"
wait "$pid"
code=$?
what="thaw train, interrupted"
count_is "exit code" "$code" 130
says "the trace is in $t"
sound "$t"
has "$t" span "phase 1 (head)"
finish

#!/bin/sh
# stop.sh THAW FIXTURE: an interrupted run says how to go on, and goes on.
. "$(dirname "$0")/lib.sh"
base=$fixture/base.safetensors
photos=$fixture/photos
model=$work/model.safetensors
options="--epochs 30,1 --lr 1e-3,1e-4 --batch-size 6 --unfreeze-last 4"

# The leak checker of clang 14 now and then crashes on the thread-local memory of a thread that has just ended,
# as many have here: this run does without that part of its search.
# shellcheck disable=SC2086
LSAN_OPTIONS=use_tls=0:print_suppressions=0 "$thaw" train "$photos" -o "$model" --weights "$base" --checkpoint-dir "$work/run" $options \
    >"$work/out" 2>"$work/err" </dev/null &
pid=$!
tries=0
until grep -q "^phase 1 epoch" "$work/out" || ! kill -0 "$pid" 2>/dev/null || [ "$tries" -ge 600 ]; do
    sleep 0.05
    tries=$((tries + 1))
done
# A job in the background ignores SIGINT.
kill -TERM "$pid"
wait "$pid"
code=$?
what="thaw train, interrupted"
if [ "$code" -ne 130 ]; then
    echo "FAILED: $what: exit code $code, expected 130"
    sed 's/^/    /' "$work/out" "$work/err"
    failures=$((failures + 1))
fi
says "stopping as soon as it is safe"
says "resume"
missing "$model"
exists "$work/run/last.safetensors"

# shellcheck disable=SC2086
run 1 train "$photos" -o "$model" --weights "$base" --checkpoint-dir "$work/run" --resume $options --dropout 0.3
says "dropout"
# shellcheck disable=SC2086
run 0 train "$photos" -o "$model" --weights "$base" --checkpoint-dir "$work/run" --resume $options --quiet
exists "$model"
finish

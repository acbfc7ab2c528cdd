#!/bin/sh
# start.sh THAW FIXTURE PEAK OPENED [sanitized]: what a prediction opens, and how much memory it and a training
# run take. PEAK prints a program's peak, OPENED is a library that says that it was opened.
. "$(dirname "$0")/lib.sh"
peak=$3
base=$fixture/base.safetensors
photo=$(find "$fixture/photos" -type f | sort | head -n 1)
THAW_OPENCL_LIBRARY=$4
THAW_TEST_OPENED=$work/opened
export THAW_OPENCL_LIBRARY THAW_TEST_OPENED

# The library speaks up where it is opened: in the list of all devices.
run 0 devices
exists "$work/opened"
rm -f "$work/opened"

# Nobody opens a driver for a device that is not asked for.
run 0 features "$base" "$photo" -o "$work/one.csv" --device cpu:0
missing "$work/opened"
run 0 features "$base" "$photo" -o "$work/two.csv" --device cpu
missing "$work/opened"
same "$work/one.csv" "$work/two.csv"

# A name that is not there is answered with all that is.
run 1 features "$base" "$photo" -o "$work/three.csv" --device cpu:9
says 'no device "cpu:9"; there are: .*cpu:0'
exists "$work/opened"

# peak_below_two_models ARGUMENTS…
peak_below_two_models() {
    run_peak=$("$peak" "$thaw" "$@" 2>&1 | sed -n 's/^peak \([0-9]*\) KiB$/\1/p')
    file=$(($(wc -c <"$base") / 1024))
    what="peak of $run_peak KiB with a model of $file KiB"
    [ -n "$run_peak" ] && [ "$run_peak" -lt $((2 * file)) ] || {
        echo "FAILED: thaw $*: $what: expected less than twice the model"
        failures=$((failures + 1))
    }
}

# A network has its weights in memory once, and not as file, as folded constants and packed besides; a training
# run leaves what does not train in the file.
if [ -n "${5:-}" ]; then
    echo "SKIPPED: peak memory: the sanitizers' own memory counts too"
else
    peak_below_two_models features "$base" "$photo" -o "$work/peak.csv" --device cpu:0 --threads 2
    peak_below_two_models train "$fixture/photos" --weights "$base" -o "$work/peak.safetensors" --epochs 1,0 \
        --batch-size 4 --device cpu:0 --threads 2
    exists "$work/peak.safetensors"
fi
finish

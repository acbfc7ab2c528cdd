#!/bin/sh
# lost.sh: a device that stops answering in the middle: an error that names it, the checkpoint of before is whole, and
# the run goes on from it. And what a step may not do: create or compile anything.
. "$(dirname "$0")/lib.sh"
export FAULTY_COUNT="$work/count"
recipe="--weights $fixture/base.safetensors --batch-size 7 --device opencl:0 --fallback error --quiet"
# train NAME EPOCHS …
# shellcheck disable=SC2086
train() {
    name=$work/$1 epochs=$2
    shift 2
    run 0 train "$fixture/photos" -o "$name.safetensors" $recipe --epochs "$epochs" "$@"
}

train first 1,1 # compiles, and tests the device
train short 1,1
for f in clCreateBuffer clCreateKernel clBuildProgram clCreateCommandQueue; do
    eval "short_$f=$(count $f)"
done
train long 3,3
released
launches=$(count clEnqueueNDRangeKernel)
for f in clCreateBuffer clCreateKernel clBuildProgram clCreateCommandQueue; do
    eval "before=\$short_$f"
    count_is "calls of $f, whatever the number of epochs" "$(count $f)" "$before"
done

for call in clEnqueueNDRangeKernel:$((launches * 9 / 10)):-5 clEnqueueNDRangeKernel:$((launches / 2)):-9999 \
    clFinish:9:-36; do
    rm -rf "$work/checkpoints"
    export FAULTY_CALL="$call"
    # shellcheck disable=SC2086
    fails_well train "$fixture/photos" -o "$work/lost.safetensors" $recipe --epochs 3,3 \
        --checkpoint-dir "$work/checkpoints"
    says 'opencl:0'
    missing "$work/lost.safetensors"
    unset FAULTY_CALL
    resume=--resume
    [ -e "$work/checkpoints/last.safetensors" ] || resume=
    # shellcheck disable=SC2086
    run 0 train "$fixture/photos" -o "$work/lost.safetensors" $recipe --epochs 3,3 \
        --checkpoint-dir "$work/checkpoints" $resume
    for m in long lost; do
        run 0 predict -m "$work/$m.safetensors" "$fixture/new" --device cpu:0 --csv "$work/$m.csv" --quiet
    done
    same "$work/long.csv" "$work/lost.csv"
    rm -f "$work/lost.safetensors"
done
finish

#!/bin/sh
# recipe.sh THAW KEEP FIXTURE: the recipe on an OpenCL device is the recipe on the CPU: every step's loss and what the
# model then says differ by less than 1e-3, and the same command leaves the same file.
. "$(dirname "$0")/lib.sh"
fixture=$3
platform pocl.icd pocl-opencl-icd
. "$(dirname "$0")/../cli/agree.sh"

for bn in frozen batch; do
    # Batches of 7, 7 and 4.
    full="--epochs 2,2 --batch-size 7 --bn $bn"
    # shellcheck disable=SC2086
    {
        trained "cpu-$bn" cpu:0 "$fixture/photos" $full
        trained "opencl-$bn" opencl:0 "$fixture/photos" $full
        agree "cpu-$bn" "opencl-$bn"
        [ "$bn" = frozen ] || continue
        trained again opencl:0 "$fixture/photos" $full
        same "$work/opencl-$bn.safetensors" "$work/again.safetensors"
        for threads in 1 2; do
            export POCL_MAX_PTHREAD_COUNT=$threads
            trained "threads$threads" opencl:0 "$fixture/photos" $full
            same "$work/opencl-$bn.safetensors" "$work/threads$threads.safetensors"
        done
        unset POCL_MAX_PTHREAD_COUNT
    }
done

# The kernels of a GPU, which a CPU runs slowly.
for class in blue green red; do
    mkdir -p "$work/few/$class"
    cp "$fixture/photos/$class"/0[0-3].bmp "$work/few/$class/"
done
short="--epochs 1,1 --batch-size 3 --prefix-batch 2 --unfreeze-last 20 --seed 3"
# shellcheck disable=SC2086
{
    trained cpu-few cpu:0 "$work/few" $short
    trained wave32-few opencl:0,class=wave32 "$work/few" $short
    agree cpu-few wave32-few
}
finish

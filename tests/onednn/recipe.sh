#!/bin/sh
# recipe.sh THAW FIXTURE: the recipe on oneDNN is the recipe on the CPU backend: every step's loss and what the model
# then says differ by less than 1e-3. No op falls back to the CPU device. The same command leaves the same file, with
# any number of threads.
. "$(dirname "$0")/../cli/lib.sh"
. "$(dirname "$0")/../cli/agree.sh"

for bn in frozen batch; do
    # Batches of 7, 7 and 4.
    full="--epochs 2,2 --batch-size 7 --bn $bn"
    # shellcheck disable=SC2086
    {
        trained "cpu-$bn" cpu:0 "$fixture/photos" $full
        trained "onednn-$bn" onednn:0 "$fixture/photos" $full
        agree "cpu-$bn" "onednn-$bn"
        [ "$bn" = frozen ] || continue
        for threads in 1 3; do
            trained "threads$threads" onednn:0 "$fixture/photos" $full --threads $threads
            same "$work/onednn-$bn.safetensors" "$work/threads$threads.safetensors"
        done
    }
done

run 1 check --device onednn:0,speed=high
says "known ones are isa="
run 1 check --device onednn:0,isa=z80
says "one of sse41"
finish

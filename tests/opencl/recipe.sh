#!/bin/sh
# recipe.sh THAW KEEP FIXTURE: the recipe on an OpenCL device is the recipe on the CPU: every step's loss and what the
# model then says differ by less than 1e-3, and the same command leaves the same file.
. "$(dirname "$0")/lib.sh"
fixture=$3
platform pocl.icd pocl-opencl-icd
recipe="--weights $fixture/base.safetensors --lr 1e-2,1e-4 --fallback error --quiet"

# trained NAME DEVICE PHOTOS ARGUMENTS…: leaves NAME.safetensors, NAME.jsonl and the predictions, NAME.csv.
trained() {
    name=$work/$1 device=$2 photos=$3
    shift 3
    # shellcheck disable=SC2086
    run 0 train "$photos" -o "$name.safetensors" $recipe --device "$device" --log-steps "$name.jsonl" "$@"
    run 0 predict -m "$name.safetensors" "$fixture/new" --device "$device" --csv "$name.csv" --fallback error --quiet
}

losses() { sed -n 's/.*"loss":\([^,}]*\).*/\1/p' "$1"; }
# Only what is a fraction: the columns before are names.
fractions() { tr ',' '\n' <"$1" | grep '^[0-9.e+-]*$'; }

# near WHAT A B RELATIVE: two columns of numbers, equally long and nowhere further apart than 1e-3.
near() {
    paste "$2" "$3" | awk -v what="$1" -v relative="$4" '
        NF != 2 { bad = "one of them has fewer numbers"; exit }
        {
            d = $1 - $2; if (d < 0) d = -d
            if (relative) d /= $1 < 0 ? -$1 : $1
            if (!(d <= worst)) worst = d
            if (!(d <= 1e-3) && !bad) bad = "number " NR ": " $1 " and " $2
        }
        END {
            if (!NR) bad = "no numbers"
            printf "%s: %d numbers, worst difference %.2g\n", what, NR, worst
            if (bad) { print "FAILED: " bad; exit 1 }
        }' || failures=$((failures + 1))
}

# agree A B
agree() {
    for n in "$1" "$2"; do
        losses "$work/$n.jsonl" >"$work/$n.losses"
        fractions "$work/$n.csv" >"$work/$n.fractions"
    done
    near "losses of $1 and $2" "$work/$1.losses" "$work/$2.losses" 1
    near "predictions of $1 and $2" "$work/$1.fractions" "$work/$2.fractions" ""
}

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

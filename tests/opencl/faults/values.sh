#!/bin/sh
# values.sh: an algorithm that does not compile, or gives wrong values, is named and replaced; what comes out is right.
. "$(dirname "$0")/lib.sh"
model
run 0 predict -m "$work/model.safetensors" "$fixture/new" --device cpu:0 --csv "$work/right.csv" --quiet
fractions() { tr ',' '\n' <"$1" | grep '^[0-9.e+-]*$'; }
# right NAME: the predictions in NAME.csv are those of the CPU.
right() {
    fractions "$work/right.csv" >"$work/a"
    fractions "$work/$1.csv" >"$work/b"
    paste "$work/a" "$work/b" | awk '
        NF != 2 { bad = 1 }
        { d = $1 - $2; if (d < 0) d = -d; if (!(d < 1e-3)) bad = 1 }
        END { exit bad || !NR }' || { echo "FAILED: $what: other predictions than the CPU"; failures=$((failures + 1)); }
}
# survives NAME FALLBACK: predictions on the broken device, its cache and its self-test its own.
survives() {
    export THAW_CACHE_DIR="$work/cache-$1"
    run 0 predict -m "$work/model.safetensors" "$fixture/new" --device opencl:0 --csv "$work/$1.csv" --fallback "$2"
    right "$1"
}

# Every convolution of the class's own kind is wrong: its products have the wrong sign.
export FAULTY_EDIT='u##m = FMA(a, b0, u##m)=>u##m = FMA(a, -b0, u##m)'
survives wrong warn
says "conv2d"
says "self-test"
run 0 devices
prints "disabled"
unset FAULTY_EDIT

export FAULTY_BUILD='conv_panel'
survives uncompiled warn
says "conv2d"
says "does not compile"
unset FAULTY_BUILD

# An op whose only algorithm does not compile goes to the CPU, or is an error, as asked.
export FAULTY_BUILD='global_avgpool'
survives alone warn
says "global_avgpool"
export THAW_CACHE_DIR="$work/cache-strict"
fails_well predict -m "$work/model.safetensors" "$fixture/new" --device opencl:0 --fallback error
says "global_avgpool"
unset FAULTY_BUILD
finish

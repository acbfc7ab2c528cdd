#!/bin/sh
# rounding.sh THAW FIXTURE FAULTY CPU: thaw check --weights: each algorithm's error on a model's own numbers.
. "$(dirname "$0")/lib.sh"
base=$fixture/base.safetensors
# OpenCL's drivers are not what is tested here.
THAW_OPENCL_LIBRARY=/nonexistent
export THAW_OPENCL_LIBRARY
# The faulty plugin works through a copy of the CPU's.
cp "$4" "$work/inner.so"
cp "$3" "$work/thaw-faulty.so"
THAW_FAULTY_INNER=$work/inner.so
export THAW_FAULTY_INNER

run 0 check --device cpu:0 --weights "$base" --image "$fixture/photos/red/00.bmp"
prints "^  conv2d  *3x3 75x75x3 to 37x37x32  *[a-z]*  *[0-9.]*e-0[678]"
prints "^  *reference  *0.0e+00  *0.0e+00  *0.000"
prints "^  conv2d_[0-9]* and 3 more  *1x1"
# The kernels are the model's own: with zeros for all values nothing is left to round.
head=$(($(od -An -tu8 -N8 "$base") + 8))
head -c "$head" "$base" >"$work/zeros.safetensors"
head -c $(($(wc -c <"$base") - head)) /dev/zero >>"$work/zeros.safetensors"
run 0 check --device cpu:0 --weights "$work/zeros.safetensors" --seed 3 --json
is_json
prints '"layer": "conv2d_2"'
count_is "errors of zeros" "$(grep -c '"l2": [0-9.]*[1-9]' "$work/out")" 0
run 3 check "$work/thaw-faulty.so" --device faulty:0,fault=value --weights "$base"
prints "FAILED"
says "further off than is allowed; the first: conv2d"

run 1 check --device cpu:0 --weights "$work/absent"
says "absent"
run 1 check --device cpu:0 --weights "$base" --image "$work/absent.bmp"
says "absent.bmp"
run 2 check --image photo.jpg
says "that --weights names"
run 2 check --weights "$base" --op conv2d
says "goes without what selects cases"
finish

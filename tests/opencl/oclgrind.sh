#!/bin/sh
# oclgrind.sh THAW KEEP: the kernels in a simulator that knows every byte's history: no access outside a buffer, no race
# between work-items, no use of what nobody wrote. It says so in its log and goes on, so the log has to be empty.
. "$(dirname "$0")/lib.sh"
for library in /usr/lib/oclgrind/liboclgrind-rt.so /usr/local/lib/oclgrind/liboclgrind-rt.so; do
    [ ! -r "$library" ] || export THAW_OPENCL_LIBRARY="$library"
done
[ -n "${THAW_OPENCL_LIBRARY-}" ] || skip "there is no oclgrind (Debian: oclgrind)"
# Its check of uninitialised values does not know the instruction "freeze", which the optimizer makes.
export OCLGRIND_LOG="$work/log" OCLGRIND_CHECK_API=1 OCLGRIND_DATA_RACES=1 OCLGRIND_UNINITIALIZED=1
export OCLGRIND_BUILD_OPTIONS=-cl-opt-disable

# simulated CLASS OP CASE…
simulated() {
    class=$1 op=$2
    shift 2
    for case in "$@"; do
        : >"$OCLGRIND_LOG"
        proves --device "opencl:0,cache=off,class=$class" --op "$op" --case "$case"
        if [ -s "$OCLGRIND_LOG" ]; then
            echo "FAILED: $op $case as $class: the simulator found:"
            head -n 20 "$OCLGRIND_LOG"
            failures=$((failures + 1))
        fi
    done
}

# Few enough channels for a simulator, and no tile of either shape is full.
for class in cpu wave32; do
    simulated $class conv2d odd_3x3_3-7_s1.1_p1.1.1.1_3x2x2_bias_slice
    for op in conv2d_bwd_data conv2d_bwd_filter; do
        simulated $class $op odd_2x2_3-5
    done
    simulated $class bn_train 3x2x7x33
    simulated $class bn_train_bwd 3x2x7x33
    simulated $class bias_grad 3x2x7x33
    simulated $class global_avgpool 1x7x2x33
    for op in softmax_xent metrics; do
        simulated $class $op 7x33
    done
done
# Here the class decides no more than how much a work-item does.
simulated cpu affine 3x2x7x33
simulated cpu bn_fold /33
for op in maxpool maxpool_bwd avgpool avgpool_bwd; do
    simulated cpu $op 3x1x1x5
done
simulated cpu global_avgpool_bwd 1x7x2x33
simulated cpu dropout 3x5
simulated cpu dropout_bwd 3x5
simulated cpu softmax_xent_bwd 7x33
simulated cpu relu_bwd 3x2x7x33
simulated cpu add 2_3x2x7x33
simulated cpu cast u8-f32_3x2x7x33
simulated cpu cast f32-bf16_3x2x7x33
simulated cpu adam 1-tensors
finish

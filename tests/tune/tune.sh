#!/bin/sh
# tune.sh THAW FIXTURE PICKY CPU: self-test and search through the program, on a plugin with manners.
. "$(dirname "$0")/../cli/lib.sh"
picky=$3
cp "$4" "$work/inner-cpu.so"
THAW_PICKY_INNER=$work/inner-cpu.so
export THAW_PICKY_INNER
unset XDG_CONFIG_HOME THAW_CACHE_DIR || true
# No OpenCL device of this machine: its compiler would take longer than all of this.
OCL_ICD_VENDORS=$work/none
export OCL_ICD_VENDORS
base=$fixture/base.safetensors
small="--batch-size 2 --prefix-batch 1 --unfreeze-last 20"
tests=$work/.cache/thaw/selftest
found=$work/.config/thaw/tune

run 0 tune --help
prints "^Usage: thaw tune"
run 2 tune --budget soon
says "a number from 0"
run 2 tune --model a --weights b
says "give one of them"

# Other plugins of this build have self-tests of their own.
kept() { find "$tests" -name '*picky*' | wc -l; }

run 0 devices --plugin "$picky"
prints "^picky:0 self-test: not yet run"
prints "^cpu:0 self-test: none"
run 0 devices --plugin "$picky" --self-test
# Where there is AMX, one op has another algorithm for some of its cases.
"$thaw" plan --device cpu:0 --weights "$base" $small >"$work/plan" 2>&1
algorithms=$((23 + $(grep -q "3xbf16 amx" "$work/plan" && echo 1 || echo 0)))
prints "^picky:0 self-test: passed (23 ops, $algorithms algorithms"
run 0 devices --plugin "$picky"
prints "^picky:0 self-test: passed"
run 0 devices --plugin "$picky" --json
is_json
prints '"state": "passed"'
count_is "self-tests" "$(kept)" 1

# A wrong default: found at the first use, gone around from then on.
plan="plan --plugin $picky --weights $base --phase finetune $small"
# shellcheck disable=SC2086
for round in 1 2; do
    run 0 $plan --device picky:0,first=wrong
    prints "relu_bwd .* picky:0 .* second .* in place of first, which failed the self-test"
    [ $round -eq 1 ] && says "warning: picky:0: its relu_bwd algorithm .first. failed the self-test"
    [ $round -eq 2 ] && silent
done
count_is "self-tests" "$(kept)" 2
# A result that cannot be read, or kept, is found again.
for file in "$tests"/*; do
    echo "something else" >"$file"
done
# shellcheck disable=SC2086
run 0 $plan --device picky:0,first=wrong
says "failed the self-test"
export THAW_CACHE_DIR=/dev/null/nowhere
# shellcheck disable=SC2086
for round in 1 2; do
    run 0 $plan --device picky:0,first=wrong
    says "failed the self-test"
done
unset THAW_CACHE_DIR
# An op of which nothing is right goes to the CPU.
# shellcheck disable=SC2086
run 0 $plan --device picky:0,first=wrong,second=broken
says "run on cpu:0"
prints "relu_bwd .* cpu:0 .*the self-test found every algorithm of relu_bwd wrong"

# The search, in two goes.
tune="tune --plugin $picky --device picky:0,first=slow --model $base $small --quiet"
# shellcheck disable=SC2086
{
    run 0 $tune --budget 0
    prints "not all were tried"
    run 0 $tune --budget 120
    prints "x  relu_bwd .*: second .* us, first .* us$"
    prints "0 without a result; [1-9][0-9]* have a faster algorithm"
    run 0 $tune --budget 120 --json
    is_json
    prints '"tried": 0'
    run 0 $plan --device picky:0,first=slow
    prints "relu_bwd .* second .* tuned: [0-9.]*x the default's speed"
}
count_is "files" "$(ls "$found" | wc -l)" 1
run 0 tune --plugin "$picky" --device picky:0 --list
prints "second .* first .* relu_bwd"
run 0 tune --plugin "$picky" --device cpu:0 --list
prints "nothing has been tuned"
# What is preferred is tested, whatever the file says.
# shellcheck disable=SC2086
run 0 $plan --device picky:0,first=slow,second=wrong
says "its relu_bwd algorithm .second. failed the self-test"
prints "relu_bwd .* picky:0 .* first"
# Lines that make no sense do no harm.
for file in "$found"/*; do
    printf 'no\tsense\n' >>"$file"
done
# shellcheck disable=SC2086
run 0 $plan --device picky:0,first=slow
says "makes no sense and is ignored"
prints "relu_bwd .* second .* tuned"
finish

#!/bin/sh
# check.sh THAW FIXTURE FAULTY CPU TOY READER: `thaw check` as the author of a plugin meets it. FAULTY, CPU, TOY:
# plugins; READER: check_json.
. "$(dirname "$0")/lib.sh"
faulty=$3
cpu=$4
toy=$5
reader=$6
# OpenCL's drivers are not what is tested here, and some change how a program ends.
THAW_OPENCL_LIBRARY=/nonexistent
export THAW_OPENCL_LIBRARY
# The faulty plugin works through a copy of the CPU's.
cp "$cpu" "$work/inner.so"
THAW_FAULTY_INNER=$work/inner.so
export THAW_FAULTY_INNER

json() { # WHAT: the output is such a document
    "$reader" "$1" <"$work/out" >"$work/why" 2>&1 || lacks "stdout" "$1: $(cat "$work/why")" "$work/out"
}

# ---- which cases there are
run 0 check --list
prints "^op  *data  *kind  *seed  *case$"
prints "^conv2d  *tf32  *values  *1  conv2d/tf32_"
prints "^cast  *u8→f32 "
prints "^device  *-  *device  *1  device/transfer$"
silent
all=$(wc -l <"$work/out")
run 0 check --list --op conv2d --op add,cast --kind misuse
count_is "lines" "$(wc -l <"$work/out")" 5
run 0 check --list --op conv2d --case odd_3x3 --json
json list
run 0 check --list --repeat 2
[ "$(wc -l <"$work/out")" -gt "$((all + 900))" ] || lacks stdout "a second round" "$work/out"
run 0 check --list ops
prints "^conv2d$"
run 0 check --list kinds
prints "^adjoint$"
run 0 check "$work/absent.so" --list --op add
run 2 check --list kind
says "behind --list: .ops. or .kinds."

# ---- filters
run 2 check --op conv
says "did you mean conv2d?"
says "global_avgpool"
run 2 check --op add,
run 2 check --kind value
says "did you mean values?"
run 3 check --case 3x3_3-32_s7
says "is named \"3x3_3-32_s7\" with --seed 1; near it are"
says "^  conv2d/3x3_3-32_s2"
run 3 check --op add --kind adjoint
says "no case of op add of kind adjoint"
run 3 check --list --case =conv2d/misus
says "^  conv2d/misuse$"
run 2 check --markdown --json
says "neither with"
run 0 check --device cpu:0 --case =add/misuse
prints "^cpu:0: 1 cases: 1 passed, 0 failed, 0 declined"
run 0 check --device cpu:0 --op relu_bwd,add --kind values --repeat 2 -v
prints "^passed   relu_bwd/"
count_is "cases" "$(grep -c "^passed" "$work/out")" 64

# ---- what is no plugin, or none to check
run 1 check conv2d
says "check --op conv2d"
run 1 check cpu:0
says "check --device cpu:0"
run 1 check "$work/absent.so"
says "absent.so"
mkdir "$work/folder"
run 1 check "$work/folder"
says "there is no thaw-NAME.so in it"
cp "$toy" "$work/folder/thaw-toy.so"
run 1 check "$work/folder/"
says "^  thaw check $work/folder/thaw-toy.so$"
run 1 check --device nobody:0 --op add
says "cpu:0"

# ---- failures: the first of each op in full, and a command that does the same again
mkdir "$work/it's here"
cp "$faulty" "$work/it's here/thaw-faulty.so"
file="$work/it's here/thaw-faulty.so"
run 3 check "$file" --device faulty:0,fault=value --op add,cast --seed 7 --threads 2
says "cases failed on faulty:0 (seed 7)"
count_is "failures in full" "$(grep -c "^FAILED " "$work/out")" 2
prints "further cases failed (-v prints each): add [0-9]*, cast [0-9]*$"
prints "^add  *f32  *FAILED 16 of 16 "
prints "^cast  *u8→f16  *FAILED 4 of 4 "
cp "$work/out" "$work/first"
grep -A1 "^FAILED   cast" "$work/first" | sed 's/^ *//' >"$work/case"
head -n 1 "$work/case" >"$work/failure"
sed -n 2p "$work/case" >"$work/replay"
grep -q "^thaw check '.*it'\\\\''s here/thaw-faulty.so' --threads 2 --device faulty:0,fault=value --op cast \
--case '=cast/.*' --seed 7$" "$work/replay" || lacks "the command" "what was given" "$work/replay"
PATH=$(dirname "$thaw"):$PATH sh "$work/replay" >"$work/out" 2>"$work/err"
count_is "exit code of the command" $? 3
what=$(cat "$work/replay")
grep -qxF "$(cat "$work/failure")" "$work/out" || lacks stdout "$(cat "$work/failure")" "$work/out"
prints " 1 cases: 0 passed, 1 failed"
run 3 check "$file" --device faulty:0,fault=value --op add --kind values -v
count_is "failures in full" "$(grep -c "^FAILED " "$work/out")" 16
run 3 check "$file" --device faulty:0,fault=value --op add,cast --fail-fast
prints " 1 cases: 0 passed, 1 failed"
# A second device is checked although the first has failed, and the first decides.
run 3 check "$file" --device faulty:0,fault=value --device cpu:0 --op add --kind values
prints "^cpu:0: 16 cases: 16 passed"

# ---- JSON
run 3 check "$file" --device faulty:0,fault=value --device cpu:0 --op add,cast --json
json report
prints '"replay": "thaw check .*it'
run 0 check "$toy" --device toy:0 --op bias_grad,dropout --kind values,adjoint --json
json report
run 1 check --device nobody:0 --json
json report

# ---- devices that decline
run 0 check "$toy" --device toy:0 --op conv2d,bn_fold,dropout --kind values,adjoint
prints "^dropout  *f32  *\[1\]  *\[[12]\]"
prints "^  \[1\] not among the ops of the toy$"
prints "cases: .*bn_fold, "
prints "conv2d_bwd_data: not among"
prints "^Of a fine-tuning step .* toy:0 takes [0-9]* of [0-9]* ops and 35.* % of the$"
prints "^next: conv2d_bwd_filter ("
run 3 check "$file" --device faulty:0,fault=decline --op cast
says "ran no kernel"
prints "takes 0 of [0-9]* ops and 0.0 %"

# ---- Markdown: the same bytes each time, one table over all devices
run 0 check "$toy" --device toy:0 --device cpu:0 --op affine,cast --kind values,batch --markdown
prints "^| op | data | toy:0 | cpu:0 |$"
prints "^| affine | f32 | passed [0-9]* | passed [0-9]* |$"
prints "^| cast | u8→f32 | declined\[^1\] | passed 4 |$"
prints "^| op | data | values | batch |$"
prints "^\[^1\]: not among the ops of the toy$"
prints "^## cpu:0$"
prints "^- thaw [0-9.]*, seed 1$"
cp "$work/out" "$work/once"
run 0 check "$toy" --device toy:0 --device cpu:0 --op affine,cast --kind values,batch --markdown
same "$work/once" "$work/out"
run 3 check "$file" --device faulty:0,fault=value --op add --kind values --markdown
prints "^| add | f32 | FAILED 16 of 16 |"
prints "^   thaw check .* --case '=add/"

# ---- nobody to read it
if [ -w /dev/full ]; then
    what="thaw check --json >/dev/full"
    "$thaw" check --device cpu:0 --repeat 1000 --json >/dev/full 2>"$work/err"
    count_is "exit code" $? 1
    says "standard output"
fi
what="thaw check | head -1"
"$thaw" check --device cpu:0 --op add,cast 2>"$work/err" | head -n 1 >"$work/out"
prints "^== cpu:0: "
silent

# ---- stopped, or worse, in the middle
ulimit -c 0
start() {
    "$thaw" check --device cpu:0 --repeat 1000000 -v >"$work/out" 2>"$work/err" </dev/null &
    pid=$!
    tries=0
    until grep -q "^passed" "$work/out" || ! kill -0 "$pid" 2>/dev/null || [ "$tries" -ge 600 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
}
start
what="thaw check, interrupted"
kill -TERM "$pid"
wait "$pid"
count_is "exit code" $? 130
says "^thaw: behind this case:"
says "stopped after [0-9]* of [0-9]* cases"
prints "^device  *-"
prints "^cpu:0: [0-9]* cases: "
start
what="thaw check, crashed"
kill -SEGV "$pid"
wait "$pid" 2>/dev/null
[ $? -ne 0 ] || lacks "the exit code" "a failure" "$work/err"
says "crashed in this case"
says "^  thaw check --device cpu:0 --op .* --case '=.*' --seed [0-9]*$"
finish

#!/bin/sh
# bench.sh THAW FOLDER CHECK_JSON CPU: what `thaw bench` prints and writes, and how it stops. The programs are
# the smallest there are.
. "$(dirname "$0")/../cli/lib.sh"
check_json=$3
cp "$4" "$work/thaw-cpu.so"
unset XDG_CONFIG_HOME THAW_CACHE_DIR || true
# No OpenCL device of this machine: its compiler would take longer than all of this.
OCL_ICD_VENDORS=$work/none
export OCL_ICD_VENDORS
small="--input-size 75 --batch-sizes 2 --repeat 2 --quick"

report() { # FILE complete|stopped DEVICES
    "$check_json" "$@" >"$work/why" || lacks "$1" "a whole report: $(cat "$work/why")" "$work/why"
}

# Everything of one section, on two devices.
# shellcheck disable=SC2086
run 0 bench --device cpu:0 --device cpu:0,isa=generic --section head $small --json "$work/a.json" --quiet
silent
prints "^head  *2  cpu:0 "
prints "^head  *2  cpu:0,isa=generic "
prints "^ops of head, 2 at a time, on cpu:0,isa=generic: [0-9]* distinct"
prints "^conv2d_bwd_filter  *predictions"
report "$work/a.json" complete 2

# All sections, every device there is.
# shellcheck disable=SC2086
run 0 bench $small --no-ops --json - --quiet
silent
report "$work/out" complete "$("$thaw" devices --json | grep -c '"plugin_path"')"
for section in prefix head finetune forward train; do
    prints "\"name\": \"$section\""
done

# A trace takes time, and the report says so.
# shellcheck disable=SC2086
run 0 bench --device cpu:0 --section head $small --no-ops --trace "$work/trace.json" --json "$work/t.json"
prints "^cpu:0: measured with a trace"
report "$work/t.json" complete 1
grep -q "measured with a trace" "$work/a.json" && lacks "a.json" "no word of a trace" "$work/a.json"

# What cannot be done is refused before anything is measured.
run 1 bench --json "$work/no/such/folder/b.json"
says "its folder does not exist"
run 1 bench --device cpu:9
says "no device .cpu:9.; there are: cpu:0"
run 1 bench --device cpu:0,isa=abacus
says "isa"
run 1 bench --section haed
says "prefix, head, finetune, forward, train"
for sizes in 0 1,,8 8, ,8 x 5000 -1 ""; do
    run 2 bench --batch-sizes "$sizes"
    says "like 1,8,32"
done
run 2 bench --repeat 0
says "from 1 to 1000"
run 1 bench --json "$work/c.json" --device nothing:0
missing "$work/c.json"

# Stopped, it keeps what it has.
# shellcheck disable=SC2086
"$thaw" bench --device cpu:0 --section head --section train --input-size 299 --batch-sizes 32 --repeat 1000 \
    --seconds 1000 --json "$work/d.json" >"$work/out" 2>"$work/err" </dev/null &
pid=$!
# Until it catches SIGTERM: bit 14 of the mask.
tries=0
until [ $((0x$(sed -n 's/^SigCgt:[^0-9a-f]*//p' "/proc/$pid/status") & 0x4000)) -ne 0 ] || [ "$tries" -ge 600 ]; do
    sleep 0.05
    tries=$((tries + 1))
done
sleep 1
# A job in the background ignores SIGINT.
kill -TERM "$pid"
wait "$pid"
code=$?
what="thaw bench, interrupted"
[ "$code" -eq 130 ] || { echo "FAILED: $what: exit code $code, expected 130"; failures=$((failures + 1)); }
says "what was measured is kept"
prints "not complete"
report "$work/d.json" stopped 1
finish

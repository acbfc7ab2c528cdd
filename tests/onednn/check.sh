#!/bin/sh
# check.sh THAW FIXTURE [OPTION]: every algorithm of the oneDNN backend against plain C, none declined; with an option
# that asks for an instruction set, skipped where the processor lacks it.
. "$(dirname "$0")/../cli/lib.sh"
device=onednn:0${3:+,$3}
if [ $# -gt 2 ] && ! "$thaw" check --device "$device" --op add >/dev/null 2>"$work/err"; then
    grep -q 'cannot be had' "$work/err" && { echo "skipped: $(cat "$work/err")"; exit 77; }
fi
run 0 check --device "$device"
prints "^[^ ]*: [1-9][0-9]* cases: [1-9][0-9]* passed, 0 failed, 0 declined"
grep '^FAILED\|^[^ ]*: [0-9]* cases' "$work/out"
finish

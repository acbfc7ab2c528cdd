#!/bin/sh
# table.sh THAW WELL_FORMED: what stands on the terminal.
. "$(dirname "$0")/../cli/lib.sh"
data=$(cd "$(dirname "$0")/data" && pwd)
cd "$data" || exit 1

# expect FILE: stdout of the last run is that file.
expect() {
    diff -u "$data/$1" "$work/out" && return
    echo "FAILED: $what: prints something else than $1"
    failures=$((failures + 1))
}
# prints_not PATTERN
prints_not() {
    grep -qe "$1" "$work/out" || return 0
    echo "FAILED: $what: stdout has \"$1\":"
    sed 's/^/    /' "$work/out"
    failures=$((failures + 1))
}

run 0 bench --compare cpu.json gpu.json --no-html
silent
expect cpu_gpu.txt
missing thaw-bench.html
run 0 bench --compare cpu.json --no-html
silent
expect cpu.txt

# Compared with the first, whichever it is.
run 0 bench --no-html --compare gpu.json cpu.json
prints "^prefix, batch 8  *~250  *55 %  *10.0  *0.0400x"

for baseline in B opencl:0; do
    run 0 bench --no-html --compare cpu.json gpu.json --baseline $baseline
    prints "^A  opencl:0 .*gpu.json"
    prints "^B  cpu:0 .*cpu.json"
    prints "^prefix, batch 8  *~250  *55 %  *10.0  *0.0400x"
done
# What is said of a file is still said once where its second device comes first.
sed 's/"devices": \[/"devices": [{"name": "first"}, /; s/"complete": true/"complete": false/' cpu.json >"$work/both.json"
run 0 bench --no-html --compare gpu.json "$work/both.json" --baseline cpu:0
prints "^A  cpu:0 "
prints "^B  first "
prints "^C  opencl:0 "
prints "^WARNING A, B: the run was stopped"

# What makes a comparison unfair: each change of the one file against the other.
# warns SED PATTERN: with that change of a copy, and without it, a warning like that is and is not there.
warns() {
    sed "$1" cpu.json >"$work/changed.json"
    run 0 bench --compare cpu.json "$work/changed.json" --no-html
    prints "$2"
    run 0 bench --compare cpu.json cpu.json --no-html
    prints_not "$2"
}
warns 's/"thaw": "0.1.0"/"thaw": "0.2.0"/' "^WARNING thaw versions differ: 0.1.0 on A; 0.2.0 on B"
warns 's/"f32"/"tf32"/' "^WARNING precisions differ"
warns 's/"input_size": 299/"input_size": 224/' "^WARNING input sizes differ: 299 on A; 224 on B"
warns 's/"classes": 5/"classes": 6/' "^WARNING numbers of classes differ"
warns 's/"quick": false/"quick": true/' "^WARNING lengths of the run differ: full on A; quick on B"
warns 's/"quick": false/"quick": true/' "^note .*B: a quick run: "
warns 's/"threads": 4/"threads": 2/' "^WARNING threads differ: 4 on A; 2 on B"
warns 's/"thaw.peak\/1"/"largest product"/' "^WARNING sources of the peak differ"
warns 's/"complete": true/"complete": false/' "^WARNING B: the run was stopped"
warns 's/"reference"/"failed"/' "^WARNING B: the self-test failed"
warns 's/"reference"/"not run"/' "^note .*B: the self-test has not run"
warns 's/"clock_ghz_end": 2.95/"clock_ghz_end": 3.2/' "^WARNING B: the processor's clock went from 3.00 to 3.20"
warns 's/"fallback_ops": 0/"fallback_ops": 7/' "^WARNING B: part of 3 of 3 measurements ran on the CPU.*7 ops"
warns 's/"max": 0.81/"max": 0.9/' "^WARNING B: 2 of 3 measurements spread by more than 10 %"
warns 's/"macs_per_image": 8e9/"macs_per_image": 9e9/' "^WARNING train, batch 8: the work differs"
warns 's/"error": null/"error": "gone"/' "^WARNING B: train, batch 8 failed: gone"
warns 's/"share_of_peak": 0.44,/"share_of_peak": 1.44,/' "^note .*B: prefix, batch 8 is above the measured peak (144 %)"
warns 's/"name": "train"/"name": "other"/' "^note .*2 of 4 measurements were not made on every device"
warns 's/"tuned": false/"tuned": true/' "^note .*states of tuning differ"
warns 's/"repeat": 5/"repeat": 3/' "^note .*repetitions differ"
warns 's/"interleaved": true/"interleaved": false/' "^note .*orders of measuring differ"

# What is of a file is said once for its devices.
{
    echo '{"format": "thaw-bench/1", "host": {"clock_ghz_start": 2, "clock_ghz_end": 1},'
    echo '"devices": [{"name": "x:0"}, {"name": "x:1"}]}'
} >"$work/two.json"
run 0 bench --compare cpu.json "$work/two.json" --no-html
prints "^WARNING B, C: the processor's clock went from 2.00 to 1.00 GHz (-50 %)"
prints "^WARNING B, C: the run was stopped before its end"
count_is "warnings of the clock" "$(grep -c clock "$work/out")" 1

# Nothing but a name.
echo '{"format": "thaw-bench/1", "devices": [{"name": "x:0"}]}' >"$work/bare.json"
run 0 bench --compare "$work/bare.json" --no-html
prints "^A  x:0"
finish

#!/bin/sh
# check.sh THAW PLUGIN: the template passes everything; what it declines are the ops that it does not have.
. "$(dirname "$0")/../cli/lib.sh"
plugin=$2
run 0 check "$plugin"
prints "^template:0: [0-9]* cases: [0-9]* passed, 0 failed, [0-9]* declined"
for op in device relu_bwd affine bias_grad; do
    run 0 check "$plugin" --op $op
    prints "^template:0: [1-9][0-9]* cases: [1-9][0-9]* passed, 0 failed, 0 declined"
done
finish

#!/bin/sh
# usage.sh THAW FIXTURE: commands, options, help.
. "$(dirname "$0")/lib.sh"

run 2
says "^Usage: thaw <command>"
run 0 --version
prints "^thaw [0-9]*\.[0-9]*\.[0-9]*$"
run 0 --help
prints "^Exit codes:"
run 0 help
prints "thaw predict -m"
run 2 trian
says "did you mean .thaw train.?"
run 2 xyzzy
says "no such command"

for command in train evaluate predict features plan devices tune bench check convert info; do
    run 0 "$command" --help
    prints "^Usage: thaw $command"
    prints "^Examples:"
    silent
    run 0 help "$command"
    prints "^Usage: thaw $command"
    run 2 "$command" --no-such-option
    says "unknown option"
    says "thaw $command --help"
done

run 2 train --epoch 3 photos
says "did you mean --epochs"
run 2 train --epochs
says "needs a value"
run 2 train --epochs five photos -o m
says "whole number"
run 2 train --epochs=5,x photos -o m
says "whole number"
run 2 train --batch-size 0 photos -o m
says "from 1 to"
run 2 train --dropout 1 photos -o m
says "a number from 0"
run 2 train --bn sometimes photos -o m
says "frozen|batch"
run 2 train --json=yes photos -o m
says "takes no value"
run 2 train
says "needs a folder"
run 2 train one two -o m
says "one word too many"
run 2 train photos
says "-o model"
run 2 train photos -o m --weights a --init b
says "give one of them"
run 2 train photos -o m --unfreeze mixed9 --unfreeze-last 3
says "give one of them"
run 2 train photos -o m --resume
says "checkpoint-dir"
run 2 predict photo.jpg
says "needs a model"
run 2 features model photo.jpg
says "-o FILE"
run 2 plan model --weights base
says "give one of them"
run 2 plan --unfreeze mixed9 --unfreeze-last 3
says "give one of them"
for command in "predict -m model photo.jpg" "evaluate model photos"; do
    # shellcheck disable=SC2086
    run 2 $command --json --csv -
    says "both would write to stdout"
done
run 2 features model photo.jpg -o features.txt
says "ends in .npy or .csv"
run 2 convert in
says "needs a file to write"
run 2 convert in -o out --scaling 1
says "expected -1,1"
run 2 convert in -o out --to pytorch
says "expected one of auto|safetensors|onnx"
finish

#!/bin/sh
# convert.sh THAW FIXTURE: ONNX by the name of the file, or when it is asked for; and not by the name where it is not.
. "$(dirname "$0")/lib.sh"
base=$fixture/base.safetensors
run 0 convert "$base" -o "$work/a.onnx"
prints "^wrote .*/a.onnx"
run 0 convert "$base" --to onnx -o "$work/b"
same "$work/a.onnx" "$work/b"
run 0 convert "$base" --to safetensors -o "$work/b.onnx"
run 0 info "$work/b.onnx"
prints "thaw safetensors"
run 1 info "$work/a.onnx"
run 1 convert "$work/a.onnx" -o "$work/c.safetensors"
says "a.onnx"
missing "$work/c.safetensors"
run 1 convert "$base" -o "$work/no/such/folder/out.onnx"
says "no/such/folder"
finish

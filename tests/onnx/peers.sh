#!/bin/sh
# peers.sh THAW FIXTURE PHOTOS: other people's runtimes compute thaw's probabilities from its ONNX file. FIXTURE: the
# program onnx_fixture; PHOTOS: a folder of photos. THAW_PEERS_PYTHON names a Python with numpy and onnxruntime; what it has
# of openvino and onnx is used as well.
python=${THAW_PEERS_PYTHON:-}
if [ -z "$python" ]; then
    echo "skipped: THAW_PEERS_PYTHON names no Python with numpy and onnxruntime"
    exit 77
fi
if ! "$python" -c 'import numpy, onnxruntime'; then
    echo "skipped: $python (THAW_PEERS_PYTHON) has no numpy or no onnxruntime"
    exit 77
fi
maker=$2
photos=$3
here=$(dirname "$0")
. "$here/../cli/lib.sh"
# shellcheck disable=SC2046
"$maker" "$work" $(find "$photos" -name '*.png' | sort | head -n 3) || exit 1
run 0 convert "$work/model.safetensors" -o "$work/model.onnx"
run 0 predict -m "$work/model.safetensors" --device cpu:0 --top 5 --json "$work"/*.bmp
cp "$work/out" "$work/predictions.json"
"$python" "$here/peers.py" "$work/model.onnx" "$work/predictions.json" || failures=$((failures + 1))
finish

"""Runs an ONNX file of thaw's in each runtime that is here, beside what thaw itself predicts.

usage: peers.py MODEL.onnx PREDICTIONS.json

The input is made as the file's metadata say, from the images that the predictions name: BMPs of the network's own
size.
"""

import json
import sys

import numpy as np
import onnxruntime

LIMIT = 1e-5  # of a probability


def read_bmp(path):
    data = open(path, "rb").read()
    width, height = np.frombuffer(data[18:26], "<i4")
    row = (3 * width + 3) // 4 * 4
    rows = np.frombuffer(data, np.uint8, row * height, int.from_bytes(data[10:14], "little"))
    return rows.reshape(height, row)[::-1, : 3 * width].reshape(height, width, 3)[..., ::-1]


def with_onnxruntime(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda x: session.run(["probabilities"], {"image": x})[0]


def with_openvino(path):
    import openvino

    core = openvino.Core()
    model = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda x: model({"image": x})["probabilities"]


def check(path):
    try:
        import onnx
    except ImportError:
        return
    onnx.checker.check_model(path, full_check=True)
    print(f"onnx {onnx.__version__}: the file is as it should be")


def main(path, predictions):
    meta = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).get_modelmeta().custom_metadata_map
    names = json.loads(meta["class_names"])
    predictions = json.load(open(predictions))
    expected = np.array(
        [[{p["class"]: p["probability"] for p in image["predictions"]}[n] for n in names] for image in predictions])
    pixels = np.stack([read_bmp(image["path"]) for image in predictions]).transpose(0, 3, 1, 2).astype(np.float32)
    x = np.ascontiguousarray(pixels * np.float32(meta["scale"]) + np.float32(meta["shift"]))
    print(f"{len(x)} images, probabilities from {expected.min():.4f} to {expected.max():.4f}")
    if expected.max() < 1.5 * expected.min():
        sys.exit("error: the classes are nearly as probable as each other: any two networks would agree")
    check(path)
    worst = 0
    for module, prepare in (("onnxruntime", with_onnxruntime), ("openvino", with_openvino)):
        try:
            version = __import__(module).__version__
        except ImportError:
            print(f"{module} is not here")
            continue
        run = prepare(path)
        for batch in (x, x[:1]):
            off = float(np.abs(run(batch) - expected[: len(batch)]).max())
            print(f"{module} {version}, batch of {len(batch)}: largest difference {off:.2g}")
            worst = max(worst, off if off == off else 1)
    if worst > LIMIT:
        sys.exit(f"error: more than {LIMIT:g}")


main(*sys.argv[1:])

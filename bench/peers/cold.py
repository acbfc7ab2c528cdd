"""What a user runs to have one photo classified, from a cold start: import, load, decode, compute, print.

usage: cold.py onnxruntime|torch|keras MODEL PHOTO THREADS FACTOR SUMMAND    of the pixels' scaling
"""

import os
import sys

engine, path, photo, threads = sys.argv[1:5]
factor, summand = map(float, sys.argv[5:7])
os.environ["OMP_NUM_THREADS"] = threads
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
from PIL import Image


def pixels():
    """(1, 299, 299, 3), f32, scaled"""
    image = Image.open(photo).convert("RGB").resize((299, 299), Image.Resampling.BILINEAR)
    return (np.asarray(image, "f4") * np.float32(factor) + np.float32(summand))[None]


def with_onnxruntime():
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = int(threads)
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    x = np.ascontiguousarray(pixels().transpose(0, 3, 1, 2))
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def with_torch():
    import torch

    torch.set_num_threads(int(threads))
    model = torch.jit.load(path)
    with torch.inference_mode():
        return model(torch.from_numpy(pixels()).permute(0, 3, 1, 2)).numpy()


def with_keras():
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    model = keras.saving.load_model(path, compile=False)
    return model(pixels(), training=False).numpy()


answer = {"onnxruntime": with_onnxruntime, "torch": with_torch, "keras": with_keras}[engine]()
print(" ".join("%.6f" % p for p in answer[0]))

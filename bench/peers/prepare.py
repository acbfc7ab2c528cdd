"""Files that the peers need: the model in their own formats, and images.

usage: prepare.py FOLDER MODEL.onnx MODEL.safetensors

Writes images.npy (4 of noise, as the network wants them), the same as noise-N.png of 299x299, and torch.pt and
model.keras where those libraries are there. A line "FILE: why" says what could not be made; the last one has
the factor and the summand of the pixels' scaling.
"""

import os
import struct
import sys
import zlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np

import networks

IMAGES = 4


def png(pixels):
    """An 8-bit RGB file; each row begins with 0, "no filter"."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), "u1"), pixels.reshape(height, -1)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows.tobytes(), 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def write_images(folder, weights):
    random = np.random.default_rng(1)
    # Blotches of some size, so that the images differ in more than noise.
    coarse = random.integers(0, 256, (IMAGES, 13, 13, 3))
    pixels = np.kron(coarse, np.ones((1, 23, 23, 1))) + random.integers(-20, 21, (IMAGES, 299, 299, 3))
    pixels = np.clip(pixels, 0, 255).astype("u1")
    for i, image in enumerate(pixels):
        with open(os.path.join(folder, "noise-%d.png" % i), "wb") as file:
            file.write(png(image))
    np.save(os.path.join(folder, "images.npy"), networks.scaling_of(weights)(pixels.astype("f4")))


def write_torch(path, model, _):
    import torch

    network = networks.torch_classifier(model).eval().to(memory_format=torch.channels_last)
    with torch.inference_mode():
        x = torch.zeros(1, 3, 299, 299).to(memory_format=torch.channels_last)
        torch.jit.save(torch.jit.freeze(torch.jit.trace(network, x)), path)


def write_keras(path, model, weights):
    networks.keras_classifier(weights).save(path)


def main():
    folder, model, weights = sys.argv[1:]
    write_images(folder, weights)
    for name, write in (("torch.pt", write_torch), ("model.keras", write_keras)):
        try:
            write(os.path.join(folder, name), model, weights)
        except Exception as why:  # whatever a library says: its row is left out
            print("%s: %s" % (name, " ".join(str(why).split())[:200]))
    scaled = networks.scaling_of(weights)
    print("%.9g %.9g" % (scaled(np.float32(1)) - scaled(np.float32(0)), scaled(np.float32(0))))


if __name__ == "__main__":
    main()

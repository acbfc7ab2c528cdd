"""The same InceptionV3 for each peer: Keras' own network with thaw's weights, and an ONNX file in PyTorch."""

import json
import re

import numpy as np


def read_safetensors(path):
    """-> {name: array}, {metadata}"""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        data = file.read()
    about = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
    return tensors, about


def scaling_of(weights):
    """-> a function from pixels, 0 to 255, to what the network wants, in f32"""
    _, about = read_safetensors(weights)
    scale, shift = np.float32(about["scale"]), np.float32(about["shift"])
    if about.get("divide") == "true":
        return lambda pixels: pixels / (1 / scale) + shift
    return lambda pixels: pixels * scale + shift


# ---- Keras ----------------------------------------------------------------------------------------------


def _number(layer):
    """conv2d -> 0, conv2d_17 -> 17; Keras counts on from network to network, hence the caller's offset."""
    found = re.search(r"_(\d+)$", layer.name)
    return int(found.group(1)) if found else 0


def keras_base(weights):
    """InceptionV3 without its top, with the weights of a file of thaw."""
    import keras

    tensors, _ = read_safetensors(weights)
    base = keras.applications.InceptionV3(include_top=False, weights=None, input_shape=(299, 299, 3))
    for kind, names in (
        ("conv2d", ("kernel",)),
        ("batch_normalization", ("beta", "moving_mean", "moving_variance")),
    ):
        layers = [l for l in base.layers if re.fullmatch(kind + r"(_\d+)?", l.name)]
        first = min(map(_number, layers))
        for layer in layers:
            key = "%s_%d/" % (kind, _number(layer) - first)
            layer.set_weights([tensors[key + n] for n in names])
    return base


def keras_classifier(weights):
    """The whole network, with the head of a model file of thaw."""
    import keras

    tensors, _ = read_safetensors(weights)
    bias = tensors["predictions/bias"]
    base = keras_base(weights)
    dense = keras.layers.Dense(len(bias), activation="softmax")
    network = keras.Model(base.input, dense(keras.layers.GlobalAveragePooling2D()(base.output)))
    dense.set_weights([tensors["predictions/kernel"], bias])
    return network


# ---- PyTorch --------------------------------------------------------------------------------------------


def torch_classifier(model):
    """The graph of an ONNX file of `thaw convert` as a module, node by node."""
    import onnx
    import torch
    from onnx import helper, numpy_helper
    from torch.nn import functional as F

    def pads(a):
        """-> (top, left) where both sides have the same, as InceptionV3 always has."""
        p = a.get("pads", [0, 0, 0, 0])
        assert p[:2] == p[2:], "uneven padding"
        return p[:2]

    def conv(a, x, w, b=None):
        return F.conv2d(x, w, b, a.get("strides", 1), pads(a), groups=a.get("group", 1))

    def norm(a, x, scale, beta, mean, variance):
        return F.batch_norm(x, mean, variance, scale, beta, eps=a.get("epsilon", 1e-5))

    def max_pool(a, x):
        return F.max_pool2d(x, a["kernel_shape"], a.get("strides"), pads(a))

    def average_pool(a, x):
        counts = bool(a.get("count_include_pad", 0))
        return F.avg_pool2d(x, a["kernel_shape"], a.get("strides"), pads(a), count_include_pad=counts)

    def gemm(a, x, w, b=None):
        return F.linear(x, w if a.get("transB") else w.t(), b)

    rules = {
        "Conv": conv,
        "BatchNormalization": norm,
        "Relu": lambda a, x: F.relu(x),
        "MaxPool": max_pool,
        "AveragePool": average_pool,
        "Concat": lambda a, *x: torch.cat(x, a["axis"]),
        "GlobalAveragePool": lambda a, x: x.mean((2, 3), keepdim=True),
        "Flatten": lambda a, x: x.flatten(1),
        "Gemm": gemm,
        "Softmax": lambda a, x: F.softmax(x, a.get("axis", -1)),
    }
    graph = onnx.load(model).graph

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.steps, self.constants = [], {}
            for i, t in enumerate(graph.initializer):
                value = torch.from_numpy(numpy_helper.to_array(t).copy())
                self.register_buffer("v%d" % i, value)
                self.constants[t.name] = "v%d" % i
            for node in graph.node:
                a = {x.name: helper.get_attribute_value(x) for x in node.attribute}
                names = [n for n in node.input if n]
                self.steps.append((rules[node.op_type], a, names, node.output[0]))
            named = [i.name for i in graph.input if i.name not in self.constants]
            self.first, self.last = named[0], graph.output[0].name

        def forward(self, x):
            values = {self.first: x}
            for rule, a, names, result in self.steps:
                given = [
                    getattr(self, self.constants[n]) if n in self.constants else values[n]
                    for n in names
                ]
                values[result] = rule(a, *given)
            return values[self.last]

    return Network()

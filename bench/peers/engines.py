"""The peers' ways to run InceptionV3 forward, each as its makers advise for a CPU.

An engine has `prepare(x)`: x is a batch of images (n, 299, 299, 3) in f32 as the network
wants them; the answer is a function that computes the probabilities (n, classes), or None where this engine has
nothing to offer for that many images.
"""

import numpy as np


class OpenVino:
    def __init__(self, model, weights, threads, precision):
        import openvino as ov

        self.ov, self.model = ov, model
        self.options = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
        }

    def prepare(self, x):
        core = self.ov.Core()
        model = core.read_model(self.model)
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        model.reshape(list(x.shape))
        request = core.compile_model(model, "CPU", self.options).create_infer_request()
        return lambda: request.infer([x])[0]


class OpenVinoStreams(OpenVino):
    """A stream on each thread, and a share of the batch for each: what its makers advise for throughput."""

    def __init__(self, model, weights, threads, precision):
        super().__init__(model, weights, threads, precision)
        self.streams = threads
        del self.options["PERFORMANCE_HINT"]
        self.options["NUM_STREAMS"] = threads

    def prepare(self, x):
        if self.streams < 2 or len(x) % self.streams:
            return None
        core = self.ov.Core()
        model = core.read_model(self.model)
        shares = np.split(np.ascontiguousarray(x.transpose(0, 3, 1, 2)), self.streams)
        model.reshape(list(shares[0].shape))
        compiled = core.compile_model(model, "CPU", self.options)
        requests = [compiled.create_infer_request() for _ in shares]

        def forward():
            for request, share in zip(requests, shares):
                request.start_async([share])
            for request in requests:
                request.wait()
            return np.concatenate([r.get_output_tensor(0).data for r in requests])

        return forward


class OnnxRuntime:
    def __init__(self, model, weights, threads, precision):
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name

    def prepare(self, x):
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        return lambda: self.session.run(None, {self.input: x})[0]


class TensorFlow:
    """Keras' own InceptionV3 as one graph."""

    def __init__(self, model, weights, threads, precision):
        import keras
        import tensorflow as tf

        import networks

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self.tf = tf
        self.model = networks.keras_classifier(weights)

    def prepare(self, x):
        tf = self.tf
        x = tf.constant(x)
        graph = tf.function(lambda x: self.model(x, training=False))
        return lambda: graph(x).numpy()


class TensorFlowFrozen(TensorFlow):
    """The same graph with its weights as constants, so that what can be folded is."""

    def prepare(self, x):
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        tf = self.tf
        x = tf.constant(x)
        graph = tf.function(lambda x: self.model(x, training=False)).get_concrete_function(x)
        graph = convert_variables_to_constants_v2(graph)
        return lambda: graph(x)[0].numpy()


class Torch:
    """Eager, with the channels last: what PyTorch's makers advise for convolutions on a CPU."""

    def __init__(self, model, weights, threads, precision):
        import torch

        import networks

        torch.set_num_threads(threads)
        self.torch = torch
        self.model = networks.torch_classifier(model).eval().to(memory_format=torch.channels_last)

    def prepare(self, x):
        torch = self.torch
        # The images are channels-last as they come: only the names of the dimensions are permuted.
        x = torch.from_numpy(np.ascontiguousarray(x)).permute(0, 3, 1, 2)

        def forward():
            with torch.inference_mode():
                return self.model(x).numpy()

        return forward


class TorchInductor(Torch):
    """Compiled for each batch size, the weights frozen."""

    def __init__(self, model, weights, threads, precision):
        super().__init__(model, weights, threads, precision)
        import torch._inductor.config as config

        config.freezing = True
        self.eager = self.model

    def prepare(self, x):
        torch = self.torch
        model = torch.compile(self.eager, dynamic=False)
        x = torch.from_numpy(np.ascontiguousarray(x)).permute(0, 3, 1, 2)

        def forward():
            with torch.no_grad():
                return model(x).numpy()

        return forward


ENGINES = {
    "openvino": OpenVino,
    "openvino-streams": OpenVinoStreams,
    "onnxruntime": OnnxRuntime,
    "tensorflow": TensorFlow,
    "tensorflow-frozen": TensorFlowFrozen,
    "torch": Torch,
    "torch-inductor": TorchInductor,
}

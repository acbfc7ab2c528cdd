"""The recipe of `thaw train` in Keras: 5 epochs of the head, then 5 of the last 50 layers.

usage: keras_train.py plain|cached PHOTOS WEIGHTS.safetensors THREADS [EPOCHS,EPOCHS]

plain:  what tutorials write; every image passes the whole network in every epoch.
cached: the strongest that a Keras user would write by hand: the part up to mixed8 once for each image, the
        head from pooled features, the last layers from what mixed8 gave.

Prints {"training": seconds from the first photo to the last epoch, "epochs": [{"loss", "val_loss"}]}.
"""

import json
import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
import tensorflow as tf

import networks

BATCH = 32
LAYERS = 50


class FrozenStatistics(keras.layers.BatchNormalization):
    """Always by the stored statistics. Keras up to 3.15 forgets `training=False` of a nested model in fit()."""

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=False, mask=mask)


def with_frozen_statistics(base):
    def copy(layer):
        kind = FrozenStatistics if isinstance(layer, keras.layers.BatchNormalization) else type(layer)
        return kind.from_config(layer.get_config())

    network = keras.models.clone_model(base, clone_function=copy)
    network.set_weights(base.get_weights())
    return network


def photos(folder, weights):
    """-> training and validation set, decoded once and then kept in memory."""
    sets = keras.utils.image_dataset_from_directory(
        folder,
        label_mode="categorical",
        image_size=(299, 299),
        batch_size=BATCH,
        validation_split=0.2,
        subset="both",
        seed=123,
        verbose=False,
    )
    scaled = networks.scaling_of(weights)
    return [s.map(lambda x, y: (scaled(x), y)).cache().prefetch(1) for s in sets]


def head_of(classes):
    return [
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(classes, activation="softmax"),
    ]


def apply(layers, x):
    for layer in layers:
        x = layer(x)
    return x


def fit(model, rate, train, validation, epochs, log):
    model.compile(keras.optimizers.Adam(rate), "categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(train, validation_data=validation, epochs=epochs, verbose=0).history
    for loss, val_loss in zip(history["loss"], history["val_loss"]):
        log.append({"loss": float(loss), "val_loss": float(val_loss)})


def unfreeze_last(base):
    for i, layer in enumerate(base.layers):
        layer.trainable = i >= len(base.layers) - LAYERS


def plain(base, train, validation, epochs, log):
    model = keras.Model(base.input, apply(head_of(classes_of(train)), base.output))
    base.trainable = False
    fit(model, 1e-3, train, validation, epochs[0], log)
    base.trainable = True
    unfreeze_last(base)
    fit(model, 1e-5, train, validation, epochs[1], log)


def classes_of(dataset):
    return dataset.element_spec[1].shape[1]


def once_through(network, dataset):
    """-> what the network makes of all images of a data set, and their labels"""
    anything = tf.TensorSpec((None,) + tuple(network.input.shape[1:]))
    graph = tf.function(lambda x: network(x, training=False), input_signature=[anything])
    pairs = [(graph(x).numpy(), y.numpy()) for x, y in dataset]
    return tuple(np.concatenate(part) for part in zip(*pairs))


def batches(pair, shuffled):
    dataset = tf.data.Dataset.from_tensor_slices(pair)
    if shuffled:
        dataset = dataset.shuffle(len(pair[1]), seed=123)
    return dataset.batch(BATCH).prefetch(1)


def cached(base, train, validation, epochs, log):
    pool, dropout, dense = head_of(classes_of(train))
    middle = base.get_layer("mixed8").output
    trunk = keras.Model(base.input, middle)
    top = keras.Model(middle, base.output)
    kept = [once_through(trunk, s) for s in (train, validation)]
    pooling = keras.Model(middle, pool(base.output))
    pooled = [once_through(pooling, batches(pair, False)) for pair in kept]

    features = keras.Input((base.output.shape[-1],))
    head = keras.Model(features, dense(dropout(features)))
    fit(head, 1e-3, batches(pooled[0], True), batches(pooled[1], False), epochs[0], log)

    unfreeze_last(base)
    start = keras.Input(middle.shape[1:])
    model = keras.Model(start, head(pool(top(start))))
    fit(model, 1e-5, batches(kept[0], True), batches(kept[1], False), epochs[1], log)


def main():
    mode, folder, weights, threads = sys.argv[1:5]
    epochs = [int(n) for n in (sys.argv[5] if len(sys.argv) > 5 else "5,5").split(",")]
    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    keras.utils.set_random_seed(123)
    base = with_frozen_statistics(networks.keras_base(weights))
    log = []
    start = time.perf_counter()
    train, validation = photos(folder, weights)
    {"plain": plain, "cached": cached}[mode](base, train, validation, epochs, log)
    print(json.dumps({"training": time.perf_counter() - start, "epochs": log}))


if __name__ == "__main__":
    main()

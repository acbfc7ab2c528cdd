"""One engine that runs InceptionV3 forward, kept alive between rounds.

usage: worker.py ENGINE MODEL.onnx MODEL.safetensors THREADS PRECISION BATCHES IMAGES.npy

Prints "ready" once every batch size has run. Then it reads commands, one a line, and answers
each with a line:
  run BATCH REPEAT SECONDS   -> the seconds of each run; nothing where the engine does not do that batch
  output FILE                -> "done"; FILE gets the probabilities of IMAGES.npy
Its end is the end of its input. The network's own messages go to stderr.
"""

import os
import sys
import time

# Before any library is imported: it is then that most of them read their environment.
os.environ["OMP_NUM_THREADS"] = sys.argv[4]
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np

import engines


def times_of(forward, repeat, seconds):
    """As `thaw bench` does it: warmed up first; no fourth run or later begins after SECONDS."""
    times = []
    forward()
    start = time.perf_counter()
    while len(times) < repeat and (len(times) < 3 or time.perf_counter() - start < seconds):
        begin = time.perf_counter()
        forward()
        times.append(time.perf_counter() - begin)
    return times


def main():
    name, model, weights, threads, precision, batches, images = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not be taken for an answer

    def answer(text):
        answers.write(text + "\n")
        answers.flush()

    engine = engines.ENGINES[name](model, weights, int(threads), precision)
    x = np.load(images)
    runs = {}
    for batch in map(int, batches.split(",")):
        forward = engine.prepare(np.resize(x, (batch,) + x.shape[1:]))
        if forward:
            runs[batch] = forward
            forward()
    answer("ready")
    for line in sys.stdin:
        word, rest = line.rstrip("\n").split(" ", 1)
        if word == "run":
            batch, repeat, seconds = rest.split()
            forward = runs.get(int(batch))
            times = times_of(forward, int(repeat), float(seconds)) if forward else []
            answer(" ".join("%.9f" % t for t in times))
        elif word == "output":
            np.save(rest, np.asarray(engine.prepare(x)(), "f4"))
            answer("done")


if __name__ == "__main__":
    main()

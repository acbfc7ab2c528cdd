"""Sections forward, avx2 and bf16: the whole network, images to probabilities."""

import os
import statistics
import sys

from processes import HERE, Failed, Worker, say, thaw_json

# InceptionV3 at 299x299 without a head; that of five classes adds a millionth.
MACS = 5711168096


class Thaw:
    """`thaw bench` once for each turn: it measures the peak just before and after."""

    def __init__(self, setup, device, precision):
        self.command = [setup.thaw, "bench", "--device", device, "--section", "forward", "--no-ops"]
        self.command += ["--quick", "--threads", str(setup.threads), "--precision", precision]

    def turn(self, batch, repeat, seconds):
        arguments = self.command[1:] + ["--batch-sizes", str(batch)]
        arguments += ["--repeat", str(repeat), "--seconds", str(seconds)]
        device = thaw_json(self.command[0], arguments)["devices"][0]
        section = device["sections"][0]
        if section["error"]:
            raise Failed("thaw bench: %s" % section["error"])
        seconds = section["seconds"]
        return {"best": seconds["min"], "median": seconds["median"]}, device["peak"]["gflops"]["max"]


def start_peers(setup, names, batches, precision, env, notes):
    workers = {}
    for name in names:
        say("  starting %s" % name)
        command = [sys.executable, os.path.join(HERE, "worker.py"), name, setup.model, setup.weights]
        command += [str(setup.threads), precision, ",".join(map(str, batches)), setup.images]
        worker = Worker(command, env)
        try:
            worker.read()
            workers[name] = worker
        except Failed as why:
            notes.append("%s is left out: %s" % (name, why))
            worker.close()
    return workers


def peer_turn(worker, batch, repeat, seconds):
    times = sorted(map(float, worker.ask("run %d %d %g" % (batch, repeat, seconds)).split()))
    return {"best": times[0], "median": statistics.median(times)} if times else None


def one_round(setup, case, thaw, workers, notes):
    """Everybody once. One that fails is noted, and tried again in the next round."""
    batch, repeat, seconds = case["batch"], setup.repeat, setup.seconds
    figures = {"peak": None}
    try:
        figures["thaw"], figures["peak"] = thaw.turn(batch, repeat, seconds)
    except Failed as why:
        notes.append(str(why))
    for name, worker in workers.items():
        try:
            figures[name] = peer_turn(worker, batch, repeat, seconds)
        except Failed as why:
            notes.append(str(why))
    case["rounds"].append(figures)


def measure(setup, section, kind, results):
    """kind: {"device", "precision", "peers", "env", "batches", "target": {batch: ratio}}"""
    thaw = Thaw(setup, kind["device"], kind["precision"])
    notes = results["notes"]
    say("== %s" % section)
    workers = start_peers(setup, kind["peers"], kind["batches"], kind["precision"], kind["env"], notes)
    cases = [
        {
            "section": section,
            "name": "%s, batch %d" % (kind["precision"], batch),
            "batch": batch,
            "macs": MACS * batch,
            "target": kind["target"].get(batch),
            "rounds": [],
        }
        for batch in kind["batches"]
    ]
    results["cases"].extend(cases)
    try:
        for r in range(setup.rounds):
            for case in cases:
                say("  round %d of %d, batch %d" % (r + 1, setup.rounds, case["batch"]))
                with setup.turn():
                    one_round(setup, case, thaw, workers, notes)
        for name, worker in workers.items():
            try:
                file = os.path.join(setup.work, "%s-%s.npy" % (section, name))
                worker.ask("output " + file)
                setup.outputs.append((section, name, file))
            except Failed as why:
                notes.append(str(why))
    finally:
        for worker in workers.values():
            worker.close()

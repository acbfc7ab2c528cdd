"""Section predict: one photo, from a cold start; and the memory that it takes."""

import os
import sys

from processes import HERE, Failed, run, say


def commands(setup):
    command = [setup.thaw, "predict", "-m", setup.weights, setup.photo]
    programs = {"thaw": command + ["--threads", str(setup.threads), "--quiet"]}
    files = {"onnxruntime": setup.model, "torch": "torch.pt", "keras": "model.keras"}
    for engine, file in files.items():
        path = os.path.join(setup.work, file)
        if os.path.exists(path):
            command = [sys.executable, os.path.join(HERE, "cold.py"), engine, path, setup.photo]
            programs[engine] = command + [str(setup.threads)] + setup.scaling
    return programs


def measure(setup, results, wanted):
    say("== predict")
    cases = {
        "seconds": {"section": "predict", "name": "one photo, cold", "below": True, "targets": {"onnxruntime": 0.5}},
        "bytes": {
            "section": "memory",
            "name": "predict",
            "unit": "bytes",
            "below": True,
            "targets": {"onnxruntime": 0.6},
        },
    }
    programs = commands(setup)
    for case in cases.values():
        case["rounds"] = []
    results["cases"] += [c for c in cases.values() if c["section"] in wanted]
    # One round that does not count: it brings the files into memory.
    for r in range(-1, 3 if setup.quick else 2 * setup.rounds):
        figures = {key: {"peak": None} for key in cases}
        with setup.turn():
            for name, command in list(programs.items()):
                try:
                    result = run(command)
                except Failed as why:
                    results["notes"].append("%s is left out: %s" % (name, why))
                    del programs[name]
                    continue
                for key in cases:
                    figures[key][name] = {"best": result[key], "median": result[key]}
        for key, case in cases.items():
            if r >= 0:
                case["rounds"].append(figures[key])

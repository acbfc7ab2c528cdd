"""Sections recipe and scaling: whole runs of `thaw train`, beside the same recipe in Keras."""

import json
import os
import statistics
import sys

from processes import HERE, Failed, run, say


def thaw_train(setup, photos, epochs, threads, processors=None):
    command = [setup.thaw, "train", photos, "-o", os.path.join(setup.work, "trained.safetensors")]
    command += ["--weights", setup.base, "--epochs", epochs, "--threads", str(threads)]
    command += ["--device", "cpu:0", "--quiet", "--json"]
    with setup.turn():
        result = run(command, processors=processors)
    result["report"] = json.loads(result.pop("text"))
    return result


def keras_train(setup, mode, epochs):
    command = [sys.executable, os.path.join(HERE, "keras_train.py"), mode, setup.photos, setup.base]
    with setup.turn():
        result = run(command + [str(setup.threads), epochs])
    text = result.pop("text")
    result["report"] = json.loads(text[text.index("{") :])
    return result


def sample(value):
    return {"best": value, "median": value}


def losses(name, report):
    epochs = report["epochs"]
    half = len(epochs) // 2
    phases = ["loss %.4f, validation %.4f" % (e["loss"], e["val_loss"]) for e in (epochs[half - 1], epochs[-1])]
    return "after phase 1: %s; after phase 2: %s (%s)" % (*phases, name)


def measure(setup, results, wanted):
    epochs = "1,1" if setup.quick else "5,5"
    # The targets are those of the recipe as it is.
    target = {} if setup.quick else {"keras plain": 12, "keras cached": 2.8}
    programs = {"thaw": lambda: thaw_train(setup, setup.photos, epochs, setup.threads)}
    for mode in ("plain", "cached"):
        programs["keras " + mode] = lambda mode=mode: keras_train(setup, mode, epochs)
    cases = {
        "seconds": {"section": "recipe", "name": "epochs " + epochs, "targets": target},
        "training": {"section": "recipe", "name": "epochs %s, without start" % epochs},
        "bytes": {
            "section": "memory",
            "name": "recipe, epochs " + epochs,
            "unit": "bytes",
            "below": True,
            "targets": {"keras plain": 0.25},
        },
    }
    say("== recipe")
    for case in cases.values():
        case["rounds"] = []
    results["cases"] += [c for c in cases.values() if c["section"] in wanted]
    shown = set()
    for r in range(1 if setup.quick else max(1, setup.rounds - 2)):
        peak = setup.peak()
        for case in cases.values():
            case["rounds"].append({"peak": peak})
        for name, train in programs.items():
            say("  round %d, %s" % (r + 1, name))
            try:
                result = train()
            except Failed as why:
                results["notes"].append(str(why))
                continue
            report = result["report"]
            result["training"] = report.get("training", report.get("seconds"))
            for key, case in cases.items():
                case["rounds"][-1][name] = sample(result[key])
            if name not in shown:
                results["notes"].append(losses(name, report))
                shown.add(name)


# ---- scaling --------------------------------------------------------------------------------------------


def half_of(photos, folder):
    """Every other photo of each class."""
    for name in sorted(os.listdir(photos)):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        for file in sorted(os.listdir(os.path.join(photos, name)))[::2]:
            link = os.path.join(folder, name, file)
            if not os.path.exists(link):
                os.symlink(os.path.join(photos, name, file), link)
    return folder


def parts(result):
    """-> seconds of an epoch of phase 2, and of all that is not an epoch, each for a photo"""
    report = result["report"]
    photos = report["train_images"] + report["validation_images"]
    epochs = [e["seconds"] for e in report["epochs"]]
    fine = [e["seconds"] for e in report["epochs"] if e["phase"] == 2]
    return statistics.median(fine) / photos, (report["seconds"] - sum(epochs)) / photos


def scaling(setup, results):
    say("== scaling")
    half = half_of(setup.photos, os.path.join(setup.work, "half"))
    runs = {}
    first = {min(os.sched_getaffinity(0))}
    for name, photos, epochs, threads, processors in (
        ("all", setup.photos, "5,5", setup.threads, None),
        ("half", half, "5,5", setup.threads, None),
        ("short", setup.photos, "1,1", setup.threads, None),
        ("one thread", setup.photos, "1,1", 1, None),
        ("one processor", setup.photos, "1,1", 1, first),
    ):
        rounds = []
        for r in range(1 if setup.quick else 3):
            say("  %s, round %d" % (name, r + 1))
            rounds.append(thaw_train(setup, photos, epochs, threads, processors))
        runs[name] = min(rounds, key=lambda r: r["seconds"])
    epoch, prefix = parts(runs["all"])
    epoch_half, _ = parts(runs["half"])
    _, prefix_short = parts(runs["short"])
    for name, value, wanted in (
        ("an epoch's time for a photo, all photos to half of them", epoch / epoch_half, "1"),
        ("the frozen part's time, 5+5 epochs to 1+1", prefix / prefix_short, "1"),
        (
            "speed of epochs 1,1 on %d threads to one processor's" % setup.threads,
            runs["one processor"]["seconds"] / runs["short"]["seconds"],
            "1.9 where there are 2",
        ),
        (
            "the same to 1 thread's, whose photos others decode",
            runs["one thread"]["seconds"] / runs["short"]["seconds"],
            "1.9 where there are 2",
        ),
    ):
        results["figures"].append({"section": "scaling", "name": name, "value": value, "wanted": wanted})

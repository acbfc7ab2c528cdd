"""thaw beside its peers, in turns, as one table of ratios. bench/peers/run starts this; its --help says what."""

import argparse
import json
import os
import platform
import subprocess
import sys

import forward
import predict
import recipe
import table
from processes import HERE, Failed, Turn, run, say, thaw_json

SECTIONS = ("forward", "avx2", "bf16", "recipe", "predict", "memory", "scaling")
PACKAGES = ("tensorflow-cpu", "keras", "onnxruntime", "openvino", "onnx", "torch", "numpy", "pillow")
ALL = ("openvino", "openvino-streams", "onnxruntime", "tensorflow", "tensorflow-frozen", "torch", "torch-inductor")
FEW = ("openvino", "openvino-streams", "onnxruntime", "tensorflow-frozen")


class Setup:
    """What every section needs to know."""

    def __init__(self, arguments):
        self.thaw, self.work = arguments.thaw, arguments.work
        self.base, self.photos = arguments.weights, arguments.photos
        self.threads = arguments.threads or len(os.sched_getaffinity(0))
        self.quick, self.lock = arguments.quick, arguments.lock
        self.rounds = arguments.rounds or (2 if self.quick else 5)
        self.repeat, self.seconds = 10, 1.5
        self.outputs = []
        self.photo = first_file(arguments.unseen)
        self.weights = os.path.join(self.work, "model.safetensors")
        self.model = os.path.join(self.work, "model.onnx")
        self.images = os.path.join(self.work, "images.npy")
        self.scaling = []

    def turn(self):
        return Turn(self.lock)

    def peak(self):
        """GFLOP/s of f32 multiply-adds, measured now. The head is the smallest that `thaw bench` measures."""
        arguments = ["bench", "--device", "cpu:0", "--section", "head", "--no-ops", "--quick"]
        with self.turn():
            report = thaw_json(self.thaw, arguments + ["--threads", str(self.threads)])
        return report["devices"][0]["peak"]["gflops"]["max"]


def first_file(folder):
    for path, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            return os.path.join(path, file)
    raise Failed("no photo in %s" % folder)


# ---- what is needed before -------------------------------------------------------------------------------


def make_model(setup, notes):
    """A short training gives a head; its model goes to the peers as ONNX, and in formats of their own."""
    say("== a model for all of them, in %s" % setup.work)
    command = [setup.thaw, "train", setup.photos, "-o", setup.weights, "--weights", setup.base]
    run(command + ["--epochs", "1,0", "--device", "cpu:0", "--quiet"])
    run([setup.thaw, "convert", setup.weights, "-o", setup.model, "--quiet"])
    for name in ("torch.pt", "model.keras"):
        if os.path.exists(os.path.join(setup.work, name)):
            os.remove(os.path.join(setup.work, name))
    made = run([sys.executable, os.path.join(HERE, "prepare.py"), setup.work, setup.model, setup.weights])
    *whys, numbers = made["text"].strip().split("\n")
    setup.scaling = numbers.split()
    notes.extend(whys)


def forward_kinds(setup):
    """What each section of whole networks is: see forward.measure."""
    plain = {
        "device": "cpu:0",
        "precision": "f32",
        "peers": FEW if setup.quick else ALL,
        "env": {},
        "batches": (1, 32) if setup.quick else (1, 8, 32),
        "target": {1: 1.7, 32: 1.8},
    }
    avx2 = {
        "device": "cpu:0,isa=avx2",
        "env": {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
        "peers": [p for p in plain["peers"] if p != "onnxruntime"],
        "batches": (1, 32),
        "target": {1: 1.5, 32: 1.5},
    }
    bf16 = {
        "precision": "bf16",
        "peers": ("openvino", "openvino-streams"),
        "batches": (1, 32),
        "target": {1: 1.2, 32: 1.2},
    }
    forward, bf16 = {"forward": plain}, {"bf16": {**plain, **bf16}}
    if has_amx():
        # In f32 the peers make no use of it by themselves.
        forward["forward without AMX"] = {**plain, "device": "cpu:0,amx=off", "batches": (1, 32)}
        no_amx = {"device": "cpu:0,amx=off", "env": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}}
        bf16["bf16 without AMX"] = {**bf16["bf16"], **no_amx}
    return {"forward": forward, "avx2": {"avx2": {**plain, **avx2}}, "bf16": bf16}


def compare(setup, results):
    """Everybody's probabilities of the same images."""
    if not setup.outputs:
        return
    photos = [os.path.join(setup.work, "noise-%d.png" % i) for i in range(4)]
    table_of_thaw = os.path.join(setup.work, "thaw.csv")
    run([setup.thaw, "predict", "-m", setup.weights, "--device", "cpu:0", "--quiet", "--csv", table_of_thaw] + photos)
    files = ["%s, %s=%s" % output for output in setup.outputs]
    answer = run([sys.executable, os.path.join(HERE, "compare.py"), table_of_thaw] + files)
    results["differences"] = json.loads(answer["text"])


# ---- the whole -------------------------------------------------------------------------------------------


def measure(setup, sections, results):
    kinds = forward_kinds(setup)
    if set(sections) & {"forward", "avx2", "bf16", "predict", "memory"}:
        make_model(setup, results["notes"])
    for section in ("forward", "avx2", "bf16"):
        if section in sections:
            for name, kind in kinds[section].items():
                forward.measure(setup, name, kind, results)
    if "avx2" in sections:
        results["notes"].append("avx2: ONNX Runtime has no switch for the instruction set, and is left out")
    if set(sections) & {"predict", "memory"}:
        predict.measure(setup, results, sections)
    if set(sections) & {"recipe", "memory"}:
        recipe.measure(setup, results, sections)
    if "scaling" in sections:
        recipe.scaling(setup, results)
    compare(setup, results)


def of_cpuinfo(field):
    """The first line of that name, or nothing where the system has none."""
    try:
        with open("/proc/cpuinfo") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith(field))
    except (OSError, StopIteration):
        return ""


def has_amx():
    return "amx_bf16" in of_cpuinfo("flags").split()


def versions():
    from importlib import metadata

    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def arguments_of():
    parser = argparse.ArgumentParser()
    for name in ("--thaw", "--work", "--weights", "--photos", "--unseen"):
        parser.add_argument(name, required=True)
    parser.add_argument("--only")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--lock")
    arguments = parser.parse_args()
    # AVX2 takes twice as long as the rest of a forward pass, and says little that is new.
    usual = [s for s in SECTIONS if s != "avx2" or not arguments.quick]
    arguments.sections = arguments.only.split(",") if arguments.only else usual
    for section in arguments.sections:
        if section not in SECTIONS:
            parser.error("--only: %s is none of %s" % (section, ", ".join(SECTIONS)))
    return arguments


def main():
    arguments = arguments_of()
    os.makedirs(arguments.work, exist_ok=True)
    results = {"format": "thaw-peers/1", "cases": [], "figures": [], "notes": [], "differences": {}}
    code = 0
    try:
        setup = Setup(arguments)
        about = subprocess.run([setup.thaw, "--version"], capture_output=True, text=True, check=True)
        results["machine"] = {"cpu": of_cpuinfo("model name") or platform.machine(), "threads": setup.threads}
        results["versions"] = {"thaw": about.stdout.split()[-1], **versions()}
        measure(setup, arguments.sections, results)
    except Failed as why:
        results["notes"].append(str(why))
        code = 1
    except KeyboardInterrupt:
        results["notes"].append("stopped before the end")
        code = 130
    results["notes"] = list(dict.fromkeys(results["notes"]))
    if arguments.json:
        with open(arguments.json + ".part", "w") as file:
            json.dump(results, file, indent=1)
        os.replace(arguments.json + ".part", arguments.json)
    table.print_all(results)
    return code


if __name__ == "__main__":
    sys.exit(main())

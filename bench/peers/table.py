"""Arithmetic and print of the results: ratios to thaw, the peak beside them.

usage: table.py FILE.json    prints once more what bench/peers/run --json has written

A case has "section", "name" and "rounds": [{"peak": GFLOP/s or None, "thaw": SAMPLE, PEER: SAMPLE}], where SAMPLE is
{"best", "median"} of that turn in seconds (or bytes: "unit"); a turn that failed is not there. "macs": of one
run. "target": the ratio that is wanted to the best peer, "targets": {PEER: ratio}; "below": of thaw's figure to
the peer's, as a limit.
"""

import json
import statistics
import sys

THAW = "thaw"


def values_of(case, program, key):
    return [r[program][key] for r in case["rounds"] if r.get(program)]


def ratio(case, peer, key):
    """How many times thaw's figure a peer takes: the median over the rounds that have both."""
    both = [r for r in case["rounds"] if r.get(peer) and r.get(THAW)]
    return statistics.median(r[peer][key] / r[THAW][key] for r in both) if both else None


def share_of_peak(case, program):
    """Of the peak measured in the same round; the plain algorithm's multiply-adds are counted."""
    shares = [
        2 * case["macs"] / r[program]["median"] / 1e9 / r["peak"]
        for r in case["rounds"]
        if r.get(program) and r.get("peak") and case.get("macs")
    ]
    return statistics.median(shares) if shares else None


def programs_of(case):
    """thaw first, then the others by their speed."""
    names = {n for r in case["rounds"] for n in r if n not in ("peak", THAW) and r[n]}
    peers = sorted(names, key=lambda n: statistics.median(values_of(case, n, "median")))
    return ([THAW] if values_of(case, THAW, "median") else []) + peers


def best_peer(case):
    """-> name and ratio of the peer that comes closest to thaw, or is furthest before it; None, None"""
    ratios = [(ratio(case, p, "median"), p) for p in programs_of(case) if p != THAW]
    ratios = [(r, p) for r, p in ratios if r is not None]
    return min(ratios)[::-1] if ratios else (None, None)


def amount(value, unit):
    if value is None:
        return "-"
    if unit == "bytes":
        return "%.0f MiB" % (value / 2**20)
    return "%.1f ms" % (value * 1e3) if value < 1 else "%.2f s" % value


def rows_of(case):
    unit = case.get("unit", "seconds")
    for program in programs_of(case):
        share = share_of_peak(case, program)
        times = None if program == THAW else [ratio(case, program, k) for k in ("median", "best")]
        yield [
            case["section"],
            case["name"],
            program,
            amount(statistics.median(values_of(case, program, "median")), unit),
            amount(min(values_of(case, program, "best")), unit),
            "-" if share is None else "%.0f %%" % (100 * share),
            *(["1", "1"] if times is None else ["-" if t is None else "%.2f" % t for t in times]),
        ]


HEAD = ["section", "case", "program", "median", "best", "of peak", "to thaw", "best to best"]


def render(rows, left=3):
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    lines = []
    for n, row in enumerate(rows):
        cells = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
        if n == 0:
            lines.append("  ".join("-" * w for w in widths))
    return "\n".join(lines)


def verdict(case, name, value):
    """How thaw stands to one peer, and what is wanted."""
    wanted = case.get("targets", {}).get(name, case.get("target"))
    below = case.get("below")
    text = "%.2f of %s" % (1 / value, name) if below else "%.2f times as fast as %s" % (value, name)
    if wanted is not None:
        text += "  (wanted: at %s %g)" % ("most" if below else "least", wanted)
    return [case["section"], case["name"], text]


def verdicts_of(case):
    """Against the best peer; where each has a target of its own, against each."""
    names = case.get("targets") or [n for n, _ in [best_peer(case)] if n]
    for name in names:
        value = ratio(case, name, "median")
        if value is not None:
            yield verdict(case, name, value)


def print_machine(results):
    machine, versions = results.get("machine"), results.get("versions", {})
    if machine:
        print("%s, %d threads" % (machine["cpu"], machine["threads"]))
    print(", ".join("%s %s" % (n, v or "(not there)") for n, v in versions.items()) + "\n")


def print_all(results):
    print_machine(results)
    cases = [c for c in results["cases"] if programs_of(c)]
    if cases:
        print(render([HEAD] + [row for case in cases for row in rows_of(case)]))
    verdicts = [v for case in cases for v in verdicts_of(case)]
    for f in results["figures"]:
        verdicts.append([f["section"], f["name"], "%.2f  (wanted: %s)" % (f["value"], f["wanted"])])
    if verdicts:
        print("\n" + render([["section", "case", "thaw is"]] + verdicts))
    peaks = [r["peak"] for c in cases for r in c["rounds"] if r.get("peak")]
    if peaks:
        print(
            "\nFMA peak, f32, all threads: median %.0f GFLOP/s, from %.0f to %.0f in %d measurements"
            % (statistics.median(peaks), min(peaks), max(peaks), len(peaks))
        )
    for name, value in results["differences"].items():
        print("largest difference of a probability to thaw's (%s): %.1e" % (name, value))
    for note in results["notes"]:
        print("note: " + note)


def main():
    with open(sys.argv[1]) as file:
        print_all(json.load(file))


if __name__ == "__main__":
    main()

"""units.py FOLDER: the arithmetic of bench/peers/table.py, worked out by hand beside it."""

import json
import math
import os
import sys

sys.path.insert(0, sys.argv[1])
import table

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "canned.json")) as file:
    forward, recipe, memory, nobody = json.load(file)["cases"]


def equal(name, found, expected):
    same = found == expected if not isinstance(expected, float) else math.isclose(found, expected)
    if not same:
        sys.exit("FAILED: %s: %r, expected %r" % (name, found, expected))


# Round by round 2, 1.5 and 1: of the three the middle one, not the ratio of the medians (0.05/0.04).
equal("ratio of medians", table.ratio(forward, "fast", "median"), 1.5)
equal("ratio of bests", table.ratio(forward, "fast", "best"), 1.5)
# 2.5 and 4: the round in which thaw is missing does not count.
equal("a missing turn", table.ratio(forward, "slow", "median"), 3.25)
equal("nobody", table.ratio(nobody, "slow", "median"), None)
# 2 GFLOP in 0.04 s of 100 GFLOP/s, and in 0.02 s of 200: half of the peak both times.
equal("share", table.share_of_peak(forward, "thaw"), 0.5)
equal("no multiply-adds", table.share_of_peak(recipe, "thaw"), None)
equal("best peer", table.best_peer(forward), ("fast", 1.5))
equal("no peer", table.best_peer(nobody), (None, None))
equal("order", table.programs_of(forward), ["thaw", "fast", "slow"])
equal("verdicts", [v[2].split("  ")[0] for v in table.verdicts_of(recipe)],
      ["12.50 times as fast as plain", "2.70 times as fast as cached"])
equal("of a limit", list(table.verdicts_of(memory))[0][2], "0.50 of fast  (wanted: at most 0.6)")
equal("bytes", table.amount(104857600, "bytes"), "100 MiB")
equal("milliseconds", table.amount(0.0123, "seconds"), "12.3 ms")

"""The largest difference between the probabilities of thaw and of the peers.

usage: compare.py THAW.csv NAME=FILE.npy…    THAW.csv is what `thaw predict --csv` wrote

Prints a JSON object, {NAME: difference}.
"""

import csv
import json
import sys

import numpy as np


def of_thaw(path):
    with open(path, newline="") as file:
        rows = list(csv.reader(file))[1:]
    return np.array([[float(p) for p in row[2:]] for row in rows])


def main():
    wanted = of_thaw(sys.argv[1])
    given = dict(argument.split("=", 1) for argument in sys.argv[2:])
    print(json.dumps({name: float(np.abs(np.load(file) - wanted).max()) for name, file in given.items()}))


if __name__ == "__main__":
    main()

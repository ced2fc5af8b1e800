"""RTAMT on one formula: `rtamt_child.py FOLDER discrete|dense FORMULA ROWS online|offline` prints a line of JSON.

FOLDER holds the columns `at` (nanoseconds), `x` and `y` as little-endian numbers of 8 bytes.
"""

import array
import json
import logging
import pathlib
import sys
import time

import rtamt


def column(folder, name, kind, rows):
    values = array.array(kind)
    with open(pathlib.Path(folder) / name, "rb") as file:
        values.fromfile(file, rows)
    return list(values)


def specification(kind, formula):
    spec = kind()
    for name in ("x", "y", "out"):
        spec.declare_var(name, "float")
    spec.spec = f"out = {formula}"
    spec.parse()
    return spec


def offline(formula, at, x, y, dense):
    if dense:
        spec = specification(rtamt.StlDenseTimeSpecification, formula)
        signals = [[name, [list(pair) for pair in zip(at, values)]] for name, values in (("x", x), ("y", y))]
        begun = time.process_time()
        spec.evaluate(*signals)
    else:
        spec = specification(rtamt.StlDiscreteTimeSpecification, formula)
        data = {"time": at, "x": x, "y": y}
        begun = time.process_time()
        spec.evaluate(data)
    return {"seconds": time.process_time() - begun}


def online(formula, x, y):
    """Of the last half of the rows, so that the windows are full."""
    spec = specification(rtamt.StlDiscreteTimeSpecification, formula)
    spec.pastify()
    took = []
    for row, pair in enumerate(zip(x, y)):
        inputs = [("x", pair[0]), ("y", pair[1])]
        begun = time.perf_counter_ns()
        spec.update(row, inputs)
        took.append(time.perf_counter_ns() - begun)
    took = sorted(took[len(took) // 2 :])
    return {"p50": took[len(took) // 2], "p99": took[(len(took) - 1) * 99 // 100], "max": took[-1]}


def main():
    logging.disable(logging.WARNING)
    folder, kind, formula, rows, mode = sys.argv[1:]
    rows = int(rows)
    at = [nanos / 1e9 for nanos in column(folder, "at", "q", rows)]
    x, y = (column(folder, name, "d", rows) for name in "xy")
    said = online(formula, x, y) if mode == "online" else offline(formula, at, x, y, kind == "dense")
    print(json.dumps(said))


main()

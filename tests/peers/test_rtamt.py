"""`checkrein judge` against RTAMT, the reference for robustness: seeded random formulas over random traces, to the bit.

RTAMT_SEED=… draws others, RTAMT_FORMULAS=… more of them (thousands for a soak).
"""

import json
import os

import pytest
from robustness import SIGNALS, Writer, batches, trace

if "CI" in os.environ:
    import rtamt
else:
    rtamt = pytest.importorskip("rtamt", reason="RTAMT's parser needs Python older than 3.13")

SEED = os.environ.get("RTAMT_SEED", "1")
COUNT = int(os.environ.get("RTAMT_FORMULAS", "300"))
# Formulas that share a trace and a call of `judge`.
EACH = 25


def discrete(formula, columns):
    """RTAMT's value of the formula at each row, in discrete time."""
    spec = rtamt.StlDiscreteTimeSpecification()
    for name in SIGNALS:
        spec.declare_var(name, "float")
    spec.declare_var("out", "float")
    spec.spec = f"out = {formula}"
    spec.parse()
    # It appends to the lists that it is given.
    said = spec.evaluate({name: list(values) for name, values in columns.items()})
    assert [at for at, _ in said[: len(columns["time"])]] == columns["time"]
    return [float(value) for _, value in said[: len(columns["time"])]]


def dense(formula, columns):
    """RTAMT's value of the formula at each row, in dense time: that of the last breakpoint at or before it."""
    spec = rtamt.StlDenseTimeSpecification()
    for name in SIGNALS:
        spec.declare_var(name, "float")
    spec.declare_var("out", "float")
    spec.spec = f"out = {formula}"
    spec.parse()
    said = spec.evaluate(*([name, list(map(list, zip(columns["time"], columns[name])))] for name in SIGNALS))
    values, place, last = [], 0, None
    for at in columns["time"]:
        while place < len(said) and said[place][0] <= at:
            last, place = float(said[place][1]), place + 1
        values.append(last)
    return values


def judged(checkrein, folder, columns, period, formulas, outside):
    """For each formula, per row, what `judge` says: (lo, hi, truth)."""
    path = folder / "trace.csv"
    stamps = [int(at * period * 1_000_000) for at in columns["time"]]
    rows = zip(stamps, *(columns[name] for name in SIGNALS))
    path.write_text("\n".join([",".join(columns), *(",".join(map(repr, row)) for row in rows)]) + "\n")
    rules = [word for n, formula in enumerate(formulas) for word in ("--rule", f"r{n}: {formula.ours}")]
    result = checkrein("judge", path, "--time-unit", "ns", *rules, "--at-samples", "--json", "--outside", outside)
    assert result.returncode in (0, 1, 2), f"{result.stderr}\n{result.args}"
    said = {f"r{n}": [] for n in range(len(formulas))}
    told = {name: [] for name in said}
    for line in result.stdout.splitlines():
        record = json.loads(line)
        said[record["rule"]].append((float(record["lo"]), float(record["hi"]), record["truth"]))
        told[record["rule"]].append(record["t_ns"])
    for name, at in told.items():
        assert at == stamps, f"{name}: a line for each row, in their order"
    return list(said.values())


class Comparison:
    """Counts what was compared, and keeps the shortest formula on which the two differ."""

    def __init__(self):
        self.compared = 0
        self.formulas = set()
        self.worst = None

    def hold(self, fits, case, formula, row, ours, theirs):
        self.compared += 1
        if fits:
            return
        self.formulas.add(formula)
        if self.worst is None or len(formula.ours) < len(self.worst[1].ours):
            self.worst = (case, formula, row, ours, theirs)

    def close(self, least):
        if self.worst:
            (batch, columns, period), formula, row, ours, theirs = self.worst
            rows = "\n".join(",".join(map(str, values)) for values in zip(*columns.values()))
            pytest.fail(
                f"{len(self.formulas)} formulas differ; the shortest, of batch {batch}: "
                f"at time {columns['time'][row]} Checkrein says {ours}, RTAMT {theirs}\n"
                f"ours:   {formula.ours}\ntheirs: {formula.theirs}\n"
                f"the trace, with its time in {period} ms:\n{','.join(columns)}\n{rows}"
            )
        assert self.compared >= least, f"only {self.compared} values could be compared"


def truth_of(value):
    """What a margin says of truth; at zero it is for strictness to decide."""
    return {1: "true", -1: "false", 0: None}[(value > 0) - (value < 0)]


def same(ours, theirs):
    lo, hi, truth = ours
    return lo == hi == theirs and truth != "unknown" and truth_of(theirs) in (None, truth)


def holds(ours, theirs):
    """Whether the value is among those that were held possible, and the truth told already is its own."""
    lo, hi, truth = ours
    return lo <= theirs <= hi and (truth == "unknown" or truth_of(theirs) in (None, truth))


def known(formula, columns, row):
    """Whether all that the formula looks at from this row lies inside the trace."""
    at, times = columns["time"][row], columns["time"]
    return at - formula.history >= times[0] and at + formula.horizon <= times[-1]


def on_a_grid(dice, count):
    """A row each second, each quarter of one, or each 20 ms; RTAMT counts rows."""
    period = dice.choice([1_000, 250, 20])
    writer = Writer(dice, period)
    return trace(dice, dice.randint(2, 40)), period, [writer.formula(dice.randint(1, 5)) for _ in range(count)]


def test_cut_to_the_trace_every_sample_is_equal(checkrein, tmp_path):
    held = Comparison()
    for batch, columns, period, formulas in batches(SEED, COUNT, EACH, on_a_grid):
        ours = judged(checkrein, tmp_path, columns, period, formulas, "cut")
        for formula, said in zip(formulas, ours):
            for row, (mine, value) in enumerate(zip(said, discrete(formula.theirs, columns))):
                held.hold(same(mine, value), (batch, columns, period), formula, row, mine, value)
    held.close(8 * COUNT)


def test_what_is_known_is_equal_and_the_unknown_holds_what_came(checkrein, tmp_path):
    """Checkrein hears only the first half. What it knows then is right, and what it holds possible has come true."""
    held = Comparison()
    for batch, columns, period, formulas in batches(SEED, COUNT, EACH, on_a_grid):
        heard = {name: values[: (len(values) + 1) // 2] for name, values in columns.items()}
        ours = judged(checkrein, tmp_path, heard, period, formulas, "unknown")
        for formula, said in zip(formulas, ours):
            for row, (mine, value) in enumerate(zip(said, discrete(formula.theirs, columns))):
                if known(formula, heard, row):
                    held.hold(same(mine, value), (batch, columns, period), formula, row, mine, value)
                elif known(formula, columns, row):
                    held.hold(holds(mine, value), (batch, columns, period), formula, row, mine, value)
    held.close(2 * COUNT)


def on_eighths(dice, count):
    """Rows some eighths of a second apart. Dense time has another until and since there, and no events at all."""
    writer = Writer(dice, 1_000, step=0.375, binary=False, events=False)
    columns = trace(dice, dice.randint(2, 40), gap=lambda: dice.randint(1, 12) / 8)
    return columns, 1_000, [writer.formula(dice.randint(1, 5)) for _ in range(count)]


def test_in_dense_time_what_is_known_is_equal(checkrein, tmp_path):
    held = Comparison()
    for batch, columns, period, formulas in batches(SEED, COUNT, EACH, on_eighths):
        ours = judged(checkrein, tmp_path, columns, period, formulas, "unknown")
        for formula, said in zip(formulas, ours):
            for row, (mine, value) in enumerate(zip(said, dense(formula.theirs, columns))):
                if known(formula, columns, row):
                    held.hold(same(mine, value), (batch, columns, period), formula, row, mine, value)
    held.close(2 * COUNT)

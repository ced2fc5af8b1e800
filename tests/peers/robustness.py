"""Random formulas in two languages: Checkrein's and RTAMT's. Everything is written with all its parentheses."""

import dataclasses
import random

SIGNALS = ("x", "y", "z")
# The words of either language for an operator with one operand and a window.
FUTURE = ("always", "eventually")
PAST = ("historically", "once")


@dataclasses.dataclass(frozen=True)
class Formula:
    """A formula with what of the trace it needs: samples before an instant and after it."""

    ours: str
    theirs: str
    history: float = 0
    horizon: float = 0


def eighths(dice, lo, hi):
    """A multiple of 1/8: sums, differences and products of such numbers are exact."""
    return dice.randint(lo * 8, hi * 8) / 8


class Writer:
    """Draws formulas. `step`: the bounds of windows are multiples of it, in what their trace counts time by; `period`:
    how long one of that is, in milliseconds."""

    def __init__(self, dice, period, step=1, binary=True, events=True):
        self.dice = dice
        self.period = period
        self.step = step
        # until, unless, since.
        self.binary = binary
        # rise and fall: in either language at samples, but another thing under an operator that looks between them.
        self.events = events

    def quantity(self, depth):
        dice = self.dice
        kind = dice.choice(["signal", "signal", "plus", "minus", "times", "scaled", "abs"] if depth else ["signal"])
        if kind == "signal":
            return dice.choice(SIGNALS)
        if kind == "scaled":
            return f"({eighths(dice, 0, 3)} * {self.quantity(depth - 1)})"
        if kind == "abs":
            return f"abs({self.quantity(depth - 1)})"
        sign = {"plus": "+", "minus": "-", "times": "*"}[kind]
        return f"({self.quantity(depth - 1)} {sign} {self.quantity(depth - 1)})"

    def comparison(self):
        dice = self.dice
        if dice.random() < 0.1:
            quantity, (lo, hi) = self.quantity(1), sorted(eighths(dice, -4, 4) for _ in range(2))
            return Formula(f"({quantity} in {lo} .. {hi})", f"(({quantity} >= {lo}) and ({quantity} <= {hi}))")
        right = str(eighths(dice, -4, 4)) if dice.random() < 0.8 else self.quantity(1)
        text = f"({self.quantity(dice.choice([0, 0, 1, 2]))} {dice.choice(['<', '<=', '>', '>='])} {right})"
        return Formula(text, text)

    def window(self, longest=8):
        a, b = sorted(self.dice.randint(0, longest) for _ in range(2))
        if self.dice.random() < 0.5:
            a = 0
        return a * self.step, b * self.step

    def ours(self, a, b):
        """A window in our words."""
        return f"[{a * self.period:g} ms, {b * self.period:g} ms]"

    def formula(self, depth, event=None):
        """A formula of at most this depth. `event`: rise and fall may stand here."""
        dice = self.dice
        event = self.events if event is None else event
        if depth == 0:
            return self.comparison()
        kinds = ["comparison", "not", "and", "or", "implies", "future", "past", "past", "future"]
        if self.binary:
            kinds += ["until", "since", "unless", "unbounded since"]
        kinds += ["unbounded past"]
        kinds += ["event"] * event
        kind = dice.choice(kinds)
        if kind == "comparison":
            return self.comparison()
        if kind == "not":
            p = self.formula(depth - 1, event)
            return dataclasses.replace(p, ours=f"(not {p.ours})", theirs=f"(not {p.theirs})")
        if kind in ("and", "or", "implies"):
            p, q = self.formula(depth - 1, event), self.formula(depth - 1, event)
            # `->` groups to the left there and to the right here; the parentheses make it one.
            theirs = "->" if kind == "implies" else kind
            return both(p, q, f"({p.ours} {kind} {q.ours})", f"({p.theirs} {theirs} {q.theirs})")
        if kind == "event":
            word, p = dice.choice(["rise", "fall"]), self.formula(depth - 1, False)
            # At t it looks at what was just before; before the first sample nothing is missing but to a window.
            history = p.history + self.step if p.history else 0
            return Formula(f"({word}({p.ours}))", f"({word}({p.theirs}))", history, p.horizon)
        if kind == "unbounded past":
            word, p = dice.choice(PAST), self.formula(depth - 1, False)
            # A window that reaches before the start inside it leaves something unknown for ever.
            history = float("inf") if p.history else 0
            return Formula(f"({word} {p.ours})", f"({word}({p.theirs}))", history, p.horizon)
        if kind in ("future", "past"):
            word, p, (a, b) = dice.choice(FUTURE if kind == "future" else PAST), self.formula(depth - 1, False), self.window()
            history, horizon = (p.history, p.horizon + b) if kind == "future" else (p.history + b, p.horizon)
            ours, theirs = f"({word}{self.ours(a, b)} {p.ours})", f"({word}[{a:g},{b:g}]({p.theirs}))"
            return Formula(ours, theirs, history, horizon)
        p, q = self.formula(depth - 1, False), self.formula(depth - 1, False)
        if kind == "unbounded since":
            history = float("inf") if p.history or q.history else 0
            parts = both(p, q, f"({p.ours} since {q.ours})", f"({p.theirs} since {q.theirs})")
            return dataclasses.replace(parts, history=history)
        return self.until(kind, p, q)

    def until(self, kind, p, q):
        """`until`, `unless`, `since` over a window.

        With a lower bound a > 0 the discrete value depends on the sampling rate: what is asked of p there reaches to the
        sample before t+a, and in dense time up to t+a. So one of the two is written in the words of the other.
        """
        a, b = self.window()
        parts = both(p, q, "", "")
        if kind == "since":
            parts = dataclasses.replace(parts, history=parts.history + b)
        else:
            parts = dataclasses.replace(parts, horizon=parts.horizon + b)
        ours = f"({p.ours} {kind}{self.ours(a, b)} {q.ours})"
        theirs = f"({p.theirs} {kind}[{a:g},{b:g}] {q.theirs})"
        if a > 0:
            past = kind == "since"
            throughout, at, word = ("historically", "once", "since") if past else ("always", "eventually", "until")
            if self.dice.random() < 0.5:
                held = f"({throughout}[0,{a:g}]({p.theirs}))"
                theirs = f"({held} and ({at}[{a:g},{a:g}](({p.theirs} {word}[0,{b - a:g}] {q.theirs}))))"
                if kind == "unless":
                    theirs = f"((always[0,{b:g}]({p.theirs})) or {theirs})"
            else:
                held = f"({throughout}{self.ours(0, a - self.step)} {p.ours})"
                ours = f"({held} and ({at}{self.ours(a, a)} ({p.ours} {word}{self.ours(0, b - a)} {q.ours})))"
                if kind == "unless":
                    ours = f"((always{self.ours(0, b)} {p.ours}) or {ours})"
        return dataclasses.replace(parts, ours=ours, theirs=theirs)


def both(p, q, ours, theirs):
    return Formula(ours, theirs, max(p.history, q.history), max(p.horizon, q.horizon))


def trace(dice, rows, gap=lambda: 1):
    """Rows from time 0 on, one or `gap` apart; values are multiples of 1/8, now and then held over several rows as of a slow device."""
    columns = {"time": [], **{name: [] for name in SIGNALS}}
    hold = {name: dice.choice([0.0, 0.5, 0.9]) for name in SIGNALS}
    time = 0
    for row in range(rows):
        columns["time"].append(time)
        time += gap()
        for name in SIGNALS:
            values = columns[name]
            held = row > 0 and dice.random() < hold[name]
            values.append(values[-1] if held else eighths(dice, -5, 5))
    return columns


def batches(seed, count, each, make):
    """`count` formulas in batches that share a trace; each batch has a seed of its own, named in what fails."""
    for number in range((count + each - 1) // each):
        batch = f"{seed}.{number}"
        dice = random.Random(batch)
        yield batch, *make(dice, min(each, count - number * each))

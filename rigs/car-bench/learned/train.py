"""Trains the learned cruise controller of car-bench and writes cruise.onnx beside this file.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 onnx==1.23.2
    venv/bin/python rigs/car-bench/learned/train.py

What it learns. It is told the car's speed, the speed that it was set, the vehicle before it, a person before it and its place in
the lane, and answers with an acceleration and a steering angle. Two small nets, one along the road and one across it.
1. Both imitate a law: constant time headway (R. Rajamani, Vehicle Dynamics and Control, chapter 6) with a braking term, and a
   proportional law on offset and heading.
2. The one along the road is improved on whole drives in a simple model of the plant, by evolution strategies. What a drive
   costs: speed that is lost, a gap smaller than it should be, room to brake that is used up, and a demand that jumps.

The training range: 0 to 17 m/s; vehicles that drive at 4 m/s or more, from 12 m on; persons who appear 45 m ahead or
more, and not nearer than a brake of 1.75 m/s^2 and a second need; what it is told up to 0.1 s old.

The plant: the acceleration follows its demand with a lag of 0.5 s, as the twin's (src/sim/world/road.rs).
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
ALONG = [5, 32, 32, 1]
ACROSS = [3, 16, 1]
STEP = 0.04
LAG = 0.5
SPEED = 16.0
FAR = 100.0
NOBODY = 250.0
BRAKE, DRIVE = 4.8, 1.5
STEER = 0.2
DRAW = np.random.default_rng(7)


def parts(sizes, weights):
    at, out = 0, []
    for a, b in zip(sizes, sizes[1:]):
        out.append((weights[..., at : at + a * b].reshape(*weights.shape[:-1], a, b), weights[..., at + a * b : at + a * b + b]))
        at += a * b + b
    return out


def think(sizes, weights, x):
    for matrix, bias in parts(sizes, weights):
        x = np.tanh(x @ matrix + bias[..., None, :])
    return x


def fresh(sizes):
    return np.concatenate([np.concatenate([DRAW.normal(size=a * b) / np.sqrt(a), np.zeros(b)]) for a, b in zip(sizes, sizes[1:])])


def imitate(sizes, draw, steps, batch=512, rate=4e-3):
    """Adam on the squared difference; `draw` gives what the net sees and what it should answer."""
    weights = fresh(sizes)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, steps + 1):
        x, wanted = draw(batch)
        xs = [x]
        for matrix, bias in parts(sizes, weights):
            xs.append(np.tanh(xs[-1] @ matrix + bias))
        back = 2 * (xs[-1] - wanted) / batch
        grads = []
        for (matrix, _), before, after in zip(reversed(parts(sizes, weights)), reversed(xs[:-1]), reversed(xs[1:])):
            back = back * (1 - after**2)
            grads = [(before.T @ back).ravel(), back.sum(0)] + grads
            back = back @ matrix.T
        grad = np.concatenate(grads)
        mean = 0.9 * mean + 0.1 * grad
        square = 0.999 * square + 0.001 * grad**2
        now = rate * 0.5 * (1 + np.cos(np.pi * step / steps)) + 1e-5
        weights -= now * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    print(f"{sizes}: squared difference {np.mean((xs[-1] - wanted) ** 2):.5f}")
    return weights


# --- along the road: speed, set speed, gap, speed of the lead, gap to a person ------------------------------------------------


def seen(speed, wanted, gap, lead, person):
    """What the net sees; the net file does the same with Mul, Sub and Clip."""
    return np.stack(
        [
            speed / SPEED,
            (wanted - speed) / SPEED,
            np.minimum(gap, FAR) / FAR,
            np.clip(lead - speed, -SPEED, SPEED) / SPEED,
            np.minimum(person, FAR) / FAR,
        ],
        axis=-1,
    )


def law(speed, wanted, gap, lead, person):
    cruise = 0.6 * (wanted - speed)
    closing = lead - speed
    follow = np.where(gap < FAR, 0.12 * (gap - 5 - 2 * speed) + 0.9 * closing, 9.0)
    last = np.where((closing < 0) & (gap < FAR), -(closing**2) / (2 * np.maximum(gap - 5, 1.0)), 0.0)
    last = np.where(last < -1.5, last, 9.0)
    needed = speed**2 / (2 * np.maximum(person - 5, 0.5))
    braking = 1 / (1 + np.exp(-np.clip((needed - 1.7) / 0.1, -50, 50)))
    stop = np.where(person < FAR, 9.0 - braking * (9.0 + 1.2 * needed + 0.3), 9.0)
    return np.clip(np.minimum.reduce([cruise, follow, last, stop]), -BRAKE, DRIVE)


def roads(batch):
    speed = DRAW.uniform(0, 17, batch)
    wanted = DRAW.uniform(0, 16, batch)
    gap = np.where(DRAW.random(batch) < 0.65, DRAW.uniform(2, 100, batch), NOBODY)
    lead = np.where(gap < FAR, np.maximum(speed + DRAW.uniform(-9, 6, batch), 4.0), speed)
    person = np.where(DRAW.random(batch) < 0.35, DRAW.uniform(1, 100, batch), NOBODY)
    return speed, wanted, gap, lead, person


def answer(accel):
    """From -1 .. 1 of the net: the middle between hardest brake and strongest drive is 0."""
    return (accel - (DRIVE - BRAKE) / 2) / ((DRIVE + BRAKE) / 2)


def meant(x):
    return (DRIVE - BRAKE) / 2 + x * (DRIVE + BRAKE) / 2


def drive(weights, drives, late, seconds=16.0):
    """What each set of weights' drives cost; weights (n, count)."""
    shape = (len(weights), drives)
    draw = lambda low, high: np.broadcast_to(DRAW.uniform(low, high, drives), shape).copy()
    speed, wanted = draw(0, 16), draw(4, 16)
    kind = DRAW.integers(0, 4, drives)
    gap = np.where(kind == 0, NOBODY, np.where(kind == 1, draw(12, 30), draw(25, 90)))
    lead = np.where(kind == 1, np.clip(speed - draw(0, 4), 4, 15), draw(4, 15))
    slow = np.where(kind == 2, np.maximum(lead - draw(0, 7), 4), lead)
    person = np.where(kind == 3, np.maximum(draw(45, 90), speed**2 / 3.5 + speed + 6), NOBODY)
    gap = np.where(kind == 3, NOBODY, np.maximum(gap, (np.maximum(speed - lead, 0)) ** 2 / 5 + 12))
    accel, before, cost, past = np.zeros(shape), np.zeros(shape), np.zeros(shape), []
    for step in range(int(seconds / STEP)):
        past.append((speed, wanted, gap, np.where(gap < FAR, lead, speed), person))
        command = meant(think(ALONG, weights, seen(*past[max(0, len(past) - 1 - int(late / STEP))]))[..., 0])
        cost += 0.3 * (command - before) ** 2 * STEP
        before = command
        accel = command + (accel - command) * np.exp(-STEP / LAG)
        fresh_speed = np.maximum(speed + accel * STEP, 0.0)
        accel = np.where((fresh_speed == 0) & (accel < 0), 0.0, accel)
        if step * STEP > 3:
            lead = np.maximum(lead - 2.5 * STEP, slow)
        way = (speed + fresh_speed) / 2 * STEP
        gap = np.where(gap < NOBODY, np.maximum(gap + lead * STEP - way, 0), gap)
        person = np.where(person < NOBODY, np.maximum(person - way, 0), person)
        speed = fresh_speed
        closing = np.maximum(speed - lead, 0)
        room = np.where(gap < NOBODY, gap - closing**2 / 6 - 0.85 * closing, 9.0)
        head = np.where(gap < NOBODY, gap - np.maximum(2, speed + speed**2 / 27.8), 9.0)
        clear = np.where(person < NOBODY, person - speed**2 / 6 - 0.85 * speed, 9.0)
        short = np.maximum(0, 3 - room) + np.maximum(0, 2 - head) + np.maximum(0, 3 - clear)
        # Speed that it could have: the set one, a gap of 5 m and 2 s behind a lead, none before a person.
        could = np.where(gap < NOBODY, np.minimum(wanted, lead + 0.15 * (gap - 5 - 2 * speed)), wanted)
        could = np.where(person < NOBODY, np.minimum(could, np.sqrt(np.maximum(0, 3.6 * (person - 6)))), could)
        cost += STEP * (0.15 * np.abs(speed - np.clip(could, 0, None)) + 1.5 * short + 20 * (gap <= 0))
    return cost.mean(axis=1)


def improve(weights, rounds=300, pairs=12, drives=48, size=0.015, rate=0.02):
    for turn in range(rounds):
        nudges = DRAW.normal(size=(pairs, len(weights)))
        nudges = np.concatenate([nudges, -nudges])
        costs = drive(weights + size * nudges, drives, DRAW.uniform(0, 0.1))
        ranks = np.argsort(np.argsort(costs)) / (len(costs) - 1) - 0.5
        weights = weights - rate * (ranks @ nudges) / len(costs)
    return weights


# --- across the road ----------------------------------------------------------------------------------------------------


def lanes(batch):
    offset = DRAW.uniform(-1, 1, batch) * DRAW.choice([1.0, 0.1], batch)
    heading = DRAW.uniform(-0.15, 0.15, batch) * DRAW.choice([1.0, 0.1], batch)
    speed = DRAW.uniform(0, 17, batch)
    x = np.stack([offset, heading / 0.15, speed / SPEED], axis=-1)
    steer = np.clip(-0.0104 * offset - 0.35 * heading, -STEER, STEER)
    return x, steer[:, None] / STEER


# --- the file -----------------------------------------------------------------------------------------------------------


def save(along, across):
    """Input `told`: speed, set speed, gap, speed of the lead, gap to a person, offset, heading in SI. Outputs in SI."""
    constants, nodes = [], []

    def constant(name, array):
        constants.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    # Rows: what is told. Columns: speed, set - speed, gap, lead - speed, person.
    mix = np.zeros((7, 5))
    mix[0, 0] = mix[1, 1] = mix[2, 2] = mix[3, 3] = mix[4, 4] = 1
    mix[0, 1] = mix[0, 3] = -1
    x = node("MatMul", ["told", constant("mix", mix)], "mixed")
    x = node("Mul", [x, constant("scales", [1 / SPEED, 1 / SPEED, 1 / FAR, 1 / SPEED, 1 / FAR])], "scaled")
    x = node("Clip", [x, constant("least", -1.0), constant("most", 1.0)], "a0")
    for index, (matrix, bias) in enumerate(parts(ALONG, along)):
        x = node("Gemm", [x, constant(f"aw{index}", matrix), constant(f"ab{index}", bias)], f"ag{index}")
        x = node("Tanh", [x], f"a{index + 1}")
    x = node("Mul", [x, constant("half", (DRIVE + BRAKE) / 2)], "span")
    node("Add", [x, constant("middle", (DRIVE - BRAKE) / 2)], "accel")
    pick = np.zeros((7, 3))
    pick[5, 0], pick[6, 1], pick[0, 2] = 1, 1 / 0.15, 1 / SPEED
    x = node("MatMul", ["told", constant("pick", pick)], "s0")
    for index, (matrix, bias) in enumerate(parts(ACROSS, across)):
        x = node("Gemm", [x, constant(f"sw{index}", matrix), constant(f"sb{index}", bias)], f"sg{index}")
        x = node("Tanh", [x], f"s{index + 1}")
    node("Mul", [x, constant("steer_most", STEER)], "steer")
    info = lambda name, size: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
    graph = helper.make_graph(nodes, "car-bench-cruise", [info("told", 7)], [info("accel", 1), info("steer", 1)], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    (HERE / "cruise.onnx").write_bytes(model.SerializeToString())


def main():
    across = imitate(ACROSS, lanes, 6000)

    def along_draw(batch):
        drawn = roads(batch)
        return seen(*drawn), answer(law(*drawn))[:, None]

    along = imitate(ALONG, along_draw, 12000)
    trial = lambda w, late: np.mean([drive(w[None], 200, late)[0] for _ in range(3)])
    print(f"imitating: {trial(along, 0.04):.2f}")
    along = improve(along)
    print(f"improved:  {trial(along, 0.04):.2f}; told 1 s late {trial(along, 1.0):.2f}, 2 s late {trial(along, 2.0):.2f}")
    save(along, across)


if __name__ == "__main__":
    main()

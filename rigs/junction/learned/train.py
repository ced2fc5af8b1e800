"""Trains the learned signal timing of junction and writes timing.onnx beside this file.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 onnx==1.23.2
    venv/bin/python rigs/junction/learned/train.py

What it learns. It is told the queues of the main and the side road, which of them has green and whether somebody waits to cross,
and answers with the stage to serve: 0 the main road, 1 the side road and the crossing. Greens, yellows and clearances keep their
times whatever it asks for: the signal controller sees to that.

It is found by evolution strategies alone, on half hours in a simple model of the junction: what a half hour costs is the time
that vehicles and people wait. Nobody shows it a law.

The training range: 0.08 to 0.3 vehicles a second on the main road, 0.04 to 0.16 on the side road, detectors that count right.

The plant: queues as a fluid that leaves at saturation flow (src/sim/world/junction.rs), 5 s of green at least, 4 s of yellow,
2 s of red between, 13 s where somebody walks (src/sim/devices/signal_controller.rs).
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
SIZES = [5, 12, 1]
STEP = 0.5
SATURATION = 1900 / 3600
LOST = 2.0
GREEN_MIN, BETWEEN, YELLOW, WALK = 5.0, 6.0, 4.0, 13.0
DRAW = np.random.default_rng(41)


def parts(weights):
    at, out = 0, []
    for a, b in zip(SIZES, SIZES[1:]):
        out.append((weights[..., at : at + a * b].reshape(*weights.shape[:-1], a, b), weights[..., at + a * b : at + a * b + b]))
        at += a * b + b
    return out


def think(weights, told):
    """Above 0: the side road. weights (n, count), told (n, runs, 5)."""
    x = told * np.array([0.1, 0.1, 1, 1, 1])
    for matrix, bias in parts(weights):
        x = np.tanh(x @ matrix + bias[..., None, :])
    return x[..., 0]


def half_hours(weights, runs, seconds=1200.0):
    shape = (len(weights), runs)
    arrivals = np.broadcast_to(np.stack([DRAW.uniform(0.08, 0.3, runs), DRAW.uniform(0.04, 0.16, runs)], -1), (*shape, 2))
    calls = DRAW.random((int(seconds / STEP), runs)) < STEP / 40
    queue = np.broadcast_to(DRAW.uniform(0, 12, (runs, 2)), (*shape, 2)).copy()
    stage, wanted = np.zeros(shape, int), np.zeros(shape, int)
    green_for, between = np.full(shape, GREEN_MIN), np.zeros(shape)
    call, walk = np.zeros(shape, bool), np.zeros(shape)
    cost = np.zeros(shape)
    for step in range(int(seconds / STEP)):
        call |= calls[step]
        green = between <= 0
        told = np.stack([queue[..., 0], queue[..., 1], green & (stage == 0), green & (stage == 1), call], axis=-1).astype(float)
        wanted = np.where(think(weights, told) > 0, 1, 0)
        free = green & (green_for >= GREEN_MIN) & (walk <= 0)
        change = free & (wanted != stage)
        between = np.where(change, BETWEEN, np.maximum(between - STEP, 0))
        arrived = ~green & (between <= 0)
        stage = np.where(arrived, 1 - stage, stage)
        green_for = np.where(green & ~change, green_for + STEP, 0.0)
        # Who waits walks with the green of the side road.
        walks = (between <= 0) & (stage == 1) & call & (green_for < STEP)
        walk = np.where(walks, WALK, np.maximum(walk - STEP, 0))
        call &= ~walks
        for road in range(2):
            runs_off = (between <= 0) & (stage == road) & (green_for > LOST)
            runs_off |= (between > BETWEEN - LOST) & (stage == road)
            queue[..., road] = np.maximum(0, queue[..., road] + STEP * (arrivals[..., road] - SATURATION * runs_off))
        cost += STEP * (queue.sum(-1) + 0.02 * (queue**2).sum(-1) + 2.0 * call)
    return cost.mean(axis=1) / seconds


def learn(rounds=160, pairs=16, runs=16):
    weights = 0.5 * DRAW.normal(size=sum(a * b + b for a, b in zip(SIZES, SIZES[1:])))
    size, rate = 0.3, 0.6
    for turn in range(rounds):
        nudges = DRAW.normal(size=(pairs, len(weights)))
        nudges = np.concatenate([nudges, -nudges])
        costs = half_hours(weights + size * nudges, runs, 600.0)
        ranks = np.argsort(np.argsort(costs)) / (len(costs) - 1) - 0.5
        weights = weights - rate * (ranks @ nudges) / len(costs)
        size, rate = max(0.05, size * 0.99), max(0.1, rate * 0.99)
        if turn % 40 == 0:
            print(f"round {turn}: {costs.mean():.2f}", flush=True)
    return weights


def save(weights):
    """Input `told`: queues in vehicles, green of the main and of the side road, call. Output: the stage, 0 to 1."""
    constants, nodes = [], []

    def constant(name, array):
        constants.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    x = "told"

    def node(kind, inputs, output):
        nodes.append(helper.make_node(kind, inputs, [output]))
        return output

    x = node("Mul", [x, constant("scales", [0.1, 0.1, 1, 1, 1])], "h0")
    for index, (matrix, bias) in enumerate(parts(weights)):
        x = node("Gemm", [x, constant(f"w{index}", matrix), constant(f"b{index}", bias)], f"g{index}")
        x = node("Tanh", [x], f"h{index + 1}")
    x = node("Mul", [x, constant("half", 0.5)], "halved")
    node("Add", [x, constant("middle", 0.5)], "stage")
    info = lambda name, size: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
    graph = helper.make_graph(nodes, "junction-timing", [info("told", 5)], [info("stage", 1)], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    (HERE / "timing.onnx").write_bytes(model.SerializeToString())


def main():
    weights = learn()
    print(f"vehicles and people that wait, on average: {half_hours(weights[None], 100)[0]:.2f}")
    save(weights)


if __name__ == "__main__":
    main()

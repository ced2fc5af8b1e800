"""Trains the learned reacher of robot-cell and writes reacher.onnx beside this file.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 onnx==1.23.2
    venv/bin/python rigs/robot-cell/learned/train.py

What it learns. The reacher is told where the tool is, where it shall be, how near a person is and whether the machine takes
moves, and answers with the next place on the way and a speed. It has two parts:
1. A net without offsets gives the next step of the way. It imitates: straight on, no farther than the tool goes in 0.3 s and
   needs to brake, and exactly there once that is near. Without offsets no step is asked for where there is no way left.
2. A net of the distance to the person gives the share of speed and step. It first imitates a ramp from 2 m to 3 m, and is then
   improved by evolution strategies on approaches in a simple model of the plant: what an approach costs is the time that the
   tool is slow, and, ten times that, how far speed and separation monitoring (the rig's rule `separation`) is broken.

The training range: the travel of the machine, a scanner that tells the truth at most 0.25 s late, and one person who walks at
1.2 m/s or less. Nobody told it of those who run.

The plant: the tool follows the place that was asked for last with 1 m/s^2, at no more than the speed asked for.
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
WAY = [3, 32, 3]
GATE = [1, 12, 1]
SPEED = 0.25
# Slower than this share it asks for no speed: short steps that are soon done, rather than slow ones.
SLOW = 0.3
LEAST = 0.2
AHEAD = SPEED * 0.3 + SPEED**2 / 2
SPAN = 0.6
STEP = 0.02
PERIOD = 0.1
DRAW = np.random.default_rng(3)


# --- the next step of the way ---------------------------------------------------------------------------------------------


def way_parts(weights):
    cut = WAY[0] * WAY[1]
    return weights[:cut].reshape(WAY[0], WAY[1]), weights[cut:].reshape(WAY[1], WAY[2])


def imitate_way(steps=15000, batch=256):
    """Adam; the hidden layer is a tanh without offsets, so that the answer is odd: none for none."""
    weights = np.concatenate([DRAW.normal(size=WAY[0] * WAY[1]) * 2, DRAW.normal(size=WAY[1] * WAY[2]) * 0.2])
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, steps + 1):
        bearing = DRAW.normal(size=(batch, 3))
        bearing /= np.linalg.norm(bearing, axis=1, keepdims=True)
        length = DRAW.choice([0.02, 0.1, 0.3, 0.75], size=(batch, 1)) * DRAW.uniform(0, 1, (batch, 1))
        way = bearing * length
        wanted = way * np.minimum(1, AHEAD / np.maximum(length, 1e-9)) / AHEAD
        first, second = way_parts(weights)
        hidden = np.tanh(way / SPAN * 4 @ first)
        error = hidden @ second - wanted
        # Near the goal a difference counts more: there it decides where the tool comes to rest.
        back = 2 * error / batch * (1 + 3 * np.exp(-length / 0.02))
        grad = np.concatenate(
            [((way / SPAN * 4).T @ ((back @ second.T) * (1 - hidden**2))).ravel(), (hidden.T @ back).ravel()]
        )
        mean = 0.9 * mean + 0.1 * grad
        square = 0.999 * square + 0.001 * grad**2
        rate = 1e-2 * 0.5 * (1 + np.cos(np.pi * step / steps)) + 1e-5
        weights -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    first, second = way_parts(weights)
    print("gain at the goal:", np.round(np.linalg.eigvals(first @ second * 4 / SPAN * AHEAD).real, 2))
    print(f"step: mean difference {1e3 * AHEAD * np.abs(error).mean():.1f} mm")
    return weights


# --- the share by the person's distance -------------------------------------------------------------------------------------


def gate(weights, distance):
    """weights (n, count), distance (n, runs) in m."""
    h = GATE[1]
    w1, b1, w2, b2 = weights[:, :h], weights[:, h : 2 * h], weights[:, 2 * h : 3 * h], weights[:, 3 * h :]
    hidden = np.tanh((np.minimum(distance, 5.0) - 2.5)[..., None] * w1[:, None] + b1[:, None])
    share = 1 / (1 + np.exp(-np.clip((hidden * w2[:, None]).sum(-1) + b2, -50, 50)))
    # A little is none: the tool stands, where it would else creep.
    return np.maximum(0, share * (1 + LEAST) - LEAST)


def imitate_gate(tries=4000):
    """Random search: the net is tiny."""
    distance = np.linspace(0, 5, 200)[None]
    wanted = np.clip((distance - 2.05) / 0.9, 0, 1)
    h = GATE[1]
    best = np.concatenate([np.full(h, 2.0), DRAW.uniform(-2, 2, h), np.full(h, 1.0), [0.0]])
    cost = np.mean((gate(best[None], distance) - wanted) ** 2)
    size = 0.3
    for _ in range(tries):
        trial = best[None] + size * DRAW.normal(size=(16, len(best)))
        costs = np.mean((gate(trial, np.repeat(distance, 16, 0)) - wanted) ** 2, axis=1)
        if costs.min() < cost:
            best, cost = trial[costs.argmin()], costs.min()
        else:
            size = max(0.01, size * 0.999)
    print(f"share: mean squared difference {cost:.5f}")
    return best


def approach(weights, runs, seconds=8.0):
    """Somebody walks up to the cell, waits and leaves, while the tool is on its way."""
    shape = (len(weights), runs)
    draw = lambda low, high: np.broadcast_to(DRAW.uniform(low, high, runs), shape)
    walk, nearest, begin, lag = draw(0.3, 1.2), draw(0.6, 2.5), draw(0, 2), draw(0.1, 0.25)
    person, speed, place, asked, allowed = np.full(shape, 4.0), np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
    past, cost = [], np.zeros(shape)
    for turn in range(int(seconds / STEP)):
        time = turn * STEP
        person = np.where(time > begin, np.maximum(nearest, person - walk * STEP), person)
        past.append(person)
        if turn % round(PERIOD / STEP) == 0:
            late = np.minimum(len(past) - 1, (lag / STEP).astype(int))
            told = np.stack(past)[len(past) - 1 - late, np.arange(shape[0])[:, None], np.arange(runs)]
            share = gate(weights, told)
            asked = np.where(share > 0, np.maximum(asked, place + share * AHEAD), asked)
            allowed = np.where(share > 0, SPEED * (SLOW + (1 - SLOW) * share), allowed)
        # As fast as it may go and still stop at the place that was asked for.
        could = np.minimum(allowed, np.sqrt(2 * np.maximum(asked - place, 0)))
        speed = speed + np.clip(could - speed, -STEP, STEP)
        place = place + speed * STEP
        needed = 1.6 * (0.3 + speed) + 0.3 * speed + speed**2 / 2 + 0.3
        broken = np.where(speed > 0.002, np.maximum(0, needed + 0.4 - person), 0)
        cost += STEP * ((SPEED - speed) / SPEED + 10 * broken)
    return cost.mean(axis=1)


def improve(weights, rounds=150, pairs=12, runs=48, size=0.1, rate=0.1):
    for _ in range(rounds):
        nudges = DRAW.normal(size=(pairs, len(weights)))
        nudges = np.concatenate([nudges, -nudges])
        costs = approach(weights + size * nudges, runs)
        ranks = np.argsort(np.argsort(costs)) / (len(costs) - 1) - 0.5
        weights = weights - rate * (ranks @ nudges) / len(costs)
    return weights


# --- the file -------------------------------------------------------------------------------------------------------------


def save(way, share):
    """Inputs: tool (x y z), goal (x y z) in m, ready (0 or 1), person in m. Outputs: next place, speed, how far to go."""
    constants, nodes = [], []

    def constant(name, array):
        constants.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    h = GATE[1]
    first, second = way_parts(way)
    node("Sub", ["goal", "tool"], "way")
    x = node("MatMul", ["way", constant("w0", first * 4 / SPAN)], "g0")
    x = node("Tanh", [x], "h0")
    node("MatMul", [x, constant("w1", second * AHEAD)], "full_step")
    x = node("Clip", ["person", "", constant("far", 5.0)], "near")
    x = node("Sub", [x, constant("middle", 2.5)], "shifted")
    x = node("Gemm", [x, constant("p0", share[None, :h]), constant("pb0", share[h : 2 * h])], "pg0")
    x = node("Tanh", [x], "ph0")
    x = node("Gemm", [x, constant("p1", share[2 * h : 3 * h, None]), constant("pb1", share[3 * h :])], "pg1")
    x = node("Sigmoid", [x], "allowed")
    x = node("Mul", [x, constant("stretch", 1 + LEAST)], "stretched")
    x = node("Sub", [x, constant("least", LEAST)], "cut")
    x = node("Relu", [x], "at_least_none")
    node("Mul", [x, "ready"], "share")
    node("Mul", ["full_step", "share"], "step")
    node("Add", ["tool", "step"], "place")
    x = node("Mul", ["share", constant("more", SPEED * (1 - SLOW))], "faster")
    node("Add", [x, constant("slow", SPEED * SLOW)], "speed")
    # How far it asks to go, squared, in mm^2: nothing to do where it is none, or where a person is too near.
    x = node("Mul", ["step", constant("mm", 1000.0)], "step_mm")
    x = node("Mul", [x, x], "squares")
    node("MatMul", [x, constant("ones", np.ones((3, 1)))], "far_to_go")
    info = lambda name, size: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
    inputs = [info("tool", 3), info("goal", 3), info("ready", 1), info("person", 1)]
    graph = helper.make_graph(
        nodes, "robot-cell-reacher", inputs, [info("place", 3), info("speed", 1), info("far_to_go", 1)], constants
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    (HERE / "reacher.onnx").write_bytes(model.SerializeToString())


def main():
    way = imitate_way()
    share = imitate_gate()
    trial = lambda w: np.mean([approach(w[None], 200)[0] for _ in range(3)])
    print(f"imitating: {trial(share):.3f}")
    share = improve(share)
    print(f"improved:  {trial(share):.3f}")
    print("share at 1, 1.5, 2, 2.5, 3, 4 m:", np.round(gate(share[None], np.array([[1, 1.5, 2, 2.5, 3, 4.0]]))[0], 2))
    save(way, share)


if __name__ == "__main__":
    main()

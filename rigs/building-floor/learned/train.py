"""Trains the learned controller of building-floor and writes hvac.onnx beside this file.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 onnx==1.23.2
    venv/bin/python rigs/building-floor/learned/train.py

What it learns. It is told the temperature and CO2 of two rooms, the air handler's supply air, the air outside and where damper,
valves and fan stand, and answers with where they shall go: each from where it stands by 1.5 % at most, every five seconds. So
nothing that it asks for jumps, whatever it was trained for.
1. It imitates a law: warmer supply air the colder the rooms are, more fresh air the more CO2 there is, and no cooling while heating.
2. It is improved on whole hours in a simple model of the plant (below), by evolution strategies. What an hour costs: degrees
   away from the goal, CO2 above 900 ppm, supply air near freezing, heat and fan power, and outputs that hunt.

The training range: -12 to 12 degC outside, 2 to 6 people in each room, goals from 20 to 23 degC, a fan that gives what it is
asked for, valves and dampers that move.

The plant: two rooms of one thermal mass and one volume of air each, a damper, a coil and a fan with strokes, with the numbers of
src/sim/world/floor.rs.
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
SIZES = [9, 32, 4]
STEP_MAX = 1.5
PERIOD = 5.0
DRAW = np.random.default_rng(23)
# What the net sees: differences and shares of about 1. Rows below in the order of `told`.
TOLD = ["goal", "room_a", "co2_a", "room_b", "co2_b", "supply", "outside", "damper", "heat", "cool", "fan"]


def seen(told):
    """told (..., 11) in degC, ppm and percent to what the net sees (..., 9)."""
    goal, a, ca, b, cb, supply, outside, damper, heat, cool, fan = np.moveaxis(told, -1, 0)
    return np.stack(
        [
            (goal - a) / 2,
            (goal - b) / 2,
            (ca - 800) / 400,
            (cb - 800) / 400,
            (supply - goal) / 10,
            (damper - 50) / 50,
            (heat - 50) / 50,
            (cool - 50) / 50,
            (fan - 50) / 50,
        ],
        axis=-1,
    )


def count():
    return sum(a * b + b for a, b in zip(SIZES, SIZES[1:]))


def parts(weights):
    at, out = 0, []
    for a, b in zip(SIZES, SIZES[1:]):
        out.append((weights[..., at : at + a * b].reshape(*weights.shape[:-1], a, b), weights[..., at + a * b : at + a * b + b]))
        at += a * b + b
    return out


def think(weights, told):
    """Steps in percent; weights (n, count), told (n, runs, 11)."""
    x = seen(told)
    for matrix, bias in parts(weights):
        x = np.tanh(x @ matrix + bias[..., None, :])
    return x * STEP_MAX


def law(told):
    goal, a, ca, b, cb, supply, outside, damper, heat, cool, fan = np.moveaxis(told, -1, 0)
    mean, worst = (a + b) / 2, np.maximum(ca, cb)
    wanted = np.clip(goal + 4 * (goal - mean), 16, 32)
    fresh = np.clip(25 + 0.25 * np.maximum(0, worst - 700), 0, 100)
    # Never below 8 degC: the damper gives way to the coil.
    fresh = np.where(supply < 10, 10, fresh)
    hot = (mean > goal + 1.5) & (heat < 2)
    target = np.stack([fresh, np.where(cool > 2, 0, heat + 0.6 * (wanted - supply)), np.where(hot, cool + 2, 0.0), 0 * fan + 60], axis=-1)
    now = np.stack([damper, heat, cool, fan], axis=-1)
    return np.clip((np.clip(target, 0, 100) - now) * 0.5, -STEP_MAX, STEP_MAX)


def draw_told(batch):
    u = lambda low, high: DRAW.uniform(low, high, batch)
    goal = u(19, 24)
    near = DRAW.choice([0.5, 4.0], batch)
    a, b = goal + near * u(-1, 1), goal + near * u(-1, 1)
    valve = lambda: np.where(DRAW.random(batch) < 0.3, 0.0, u(0, 100))
    return np.stack([goal, a, u(420, 1300), b, u(420, 1300), u(2, 38), u(-15, 15), u(0, 100), valve(), valve(), u(0, 100)], axis=-1)


def imitate(steps=8000, batch=512):
    weights = np.concatenate([np.concatenate([DRAW.normal(size=a * b) / np.sqrt(a), np.zeros(b)]) for a, b in zip(SIZES, SIZES[1:])])
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, steps + 1):
        told = draw_told(batch)
        wanted = law(told) / STEP_MAX
        xs = [seen(told)]
        for matrix, bias in parts(weights):
            xs.append(np.tanh(xs[-1] @ matrix + bias))
        back = 2 * (xs[-1] - wanted) / batch
        grads = []
        for (matrix, _), before, after in zip(reversed(parts(weights)), reversed(xs[:-1]), reversed(xs[1:])):
            back = back * (1 - after**2)
            grads = [(before.T @ back).ravel(), back.sum(0)] + grads
            back = back @ matrix.T
        grad = np.concatenate(grads)
        mean = 0.9 * mean + 0.1 * grad
        square = 0.999 * square + 0.001 * grad**2
        rate = 4e-3 * 0.5 * (1 + np.cos(np.pi * step / steps)) + 1e-5
        weights -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    print(f"imitating: squared difference {np.mean((xs[-1] - wanted) ** 2):.4f}")
    return weights


# --- the plant: numbers of src/sim/world/floor.rs -----------------------------------------------------------------------

VOLUME, LOSS, MASS = 180.0, 45.0, 60 * 165_000.0
AIR_FLOW, AIR = VOLUME * 6 / 3600, 1.204 * 1006.0
STROKE = np.array([100 / 90, 100 / 60, 100 / 60, 100 / 30]) * PERIOD


def hours(weights, runs, seconds=5400.0):
    shape = (len(weights), runs)
    draw = lambda low, high: np.broadcast_to(DRAW.uniform(low, high, runs), shape).copy()
    goal, outside, people = draw(20, 23), draw(-12, 12), np.round(draw(2, 6))
    room = [goal + draw(-1.5, 1.5), goal + draw(-1.5, 1.5)]
    co2 = [draw(450, 1100), draw(450, 1100)]
    supply = goal.copy()
    # Damper, heat, cool, fan: where they stand.
    stand = np.stack([draw(5, 60), draw(0, 50), 0 * goal, draw(20, 70)], axis=-1)
    cost = np.zeros(shape)
    before = np.zeros((*shape, 4))
    for step in range(int(seconds / PERIOD)):
        told = np.stack([goal, room[0], co2[0], room[1], co2[1], supply, outside, *np.moveaxis(np.round(stand, 1), -1, 0)], axis=-1)
        move = think(weights, told)
        asked = np.clip(stand + move, 0, 100)
        stand = stand + np.clip(asked - stand, -STROKE, STROKE)
        damper, heat, cool, fan = np.moveaxis(stand / 100, -1, 0)
        back = (room[0] + room[1]) / 2
        mixed = damper * outside + (1 - damper) * back
        heated, cooled = heat * 0.55 * (65 - mixed), cool * 12
        supply = supply + (mixed + heated - cooled - supply) * (1 - np.exp(-PERIOD / 30))
        flow = fan * AIR_FLOW
        fresh = damper * 420 + (1 - damper) * (co2[0] + co2[1]) / 2
        for i in range(2):
            gain = LOSS * (outside - room[i]) + flow * AIR * (supply - room[i]) + people * 75
            room[i] = room[i] + PERIOD * gain / MASS
            co2[i] = co2[i] + PERIOD * (people * 5.2 + flow * (fresh - co2[i])) / VOLUME
        cold = np.maximum(0, 9 - supply)
        worst = np.maximum(co2[0], co2[1])
        late = step * PERIOD > 1200
        comfort = (np.abs(room[0] - goal) + np.abs(room[1] - goal)) * (0.5 + late)
        power = flow * 2 * AIR * np.maximum(heated, 0) / 10_000 + fan**3 + cool
        cost += comfort + 0.02 * np.maximum(0, worst - 850) + cold + 0.05 * power + 0.05 * np.sum((move - before) ** 2, axis=-1)
        cost += 0.5 * (np.minimum(heat, cool) > 0.02)
        before = move
    return cost.mean(axis=1) * PERIOD / seconds


def improve(weights, rounds=250, pairs=12, runs=24, size=0.02, rate=0.03):
    for _ in range(rounds):
        nudges = DRAW.normal(size=(pairs, len(weights)))
        nudges = np.concatenate([nudges, -nudges])
        costs = hours(weights + size * nudges, runs)
        ranks = np.argsort(np.argsort(costs)) / (len(costs) - 1) - 0.5
        weights = weights - rate * (ranks @ nudges) / len(costs)
    return weights


# --- the file -----------------------------------------------------------------------------------------------------------


def save(weights):
    """Input `told` in the order of TOLD, in degC, ppm and percent. Output: damper, heat, cool, fan in percent."""
    constants, nodes = [], []

    def constant(name, array):
        constants.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    # `seen` as one matrix and one offset: it is the same for all of them.
    base = seen(np.zeros(len(TOLD)))
    matrix = np.stack([seen(row) - base for row in np.eye(len(TOLD))])
    x = node("Gemm", ["told", constant("see", matrix), constant("from", base)], "h0")
    for index, (matrix, bias) in enumerate(parts(weights)):
        x = node("Gemm", [x, constant(f"w{index}", matrix), constant(f"b{index}", bias)], f"g{index}")
        x = node("Tanh", [x], f"h{index + 1}")
    x = node("Mul", [x, constant("step_max", STEP_MAX)], "move")
    pick = np.zeros((len(TOLD), 4))
    pick[range(7, 11), range(4)] = 1
    node("MatMul", ["told", constant("stands", pick)], "now")
    x = node("Add", ["now", x], "next")
    node("Clip", [x, constant("least", 0.0), constant("most", 100.0)], "asked")
    info = lambda name, size: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
    graph = helper.make_graph(nodes, "building-floor-hvac", [info("told", len(TOLD))], [info("asked", 4)], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    (HERE / "hvac.onnx").write_bytes(model.SerializeToString())


def main():
    weights = imitate()
    trial = lambda w: np.mean([hours(w[None], 100)[0] for _ in range(2)])
    print(f"imitating: {trial(weights):.3f}")
    weights = improve(weights)
    print(f"improved:  {trial(weights):.3f}")
    save(weights)


if __name__ == "__main__":
    main()

"""Trains the learned pilot of drone-bench and writes pilot.onnx beside this file.

    python3 -m venv venv && venv/bin/pip install numpy==2.4.6 onnx==1.23.2
    venv/bin/python rigs/drone-bench/learned/train.py

What it learns. The pilot is told where the machine is, how fast it flies and where it shall be, and answers with a velocity;
the net then asks for the place that it reaches with it in a second, as the rig's `goto` wants both. It learns in two parts:
1. It imitates a proportional and derivative law on places and speeds drawn from the training range.
2. It is improved on whole flights in a simple model of the plant (below), by evolution strategies: weights are nudged at
   random, the nudges that flew better count more. What a flight costs: the way to the goal, speed while there, overshoot, and
   a command that jumps.

The training range: goals up to 6 m away to each side and 3 m up or down, speeds up to 3 m/s, wind up to 6 m/s, what it is told
up to 100 ms old. Nothing tells the net when it is outside of it.

The plant: the autopilot's position and velocity loops as the twin has them (gains, limits and slew of
src/sim/devices/quadrotor/control.rs), attitude as a lag of 0.15 s, drag as speed through the air times 0.35 /s (the twin's
drag at its tilt in 10 m/s). Everything that it leaves out, the twin has.

The same seed gives the same file on one machine; another NumPy may round differently.
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
SIZES = [6, 24, 24, 3]
REACH = np.array([6.0, 6.0, 3.0])
SPEED = np.array([3.0, 3.0, 2.0])
ERROR_SCALE = 3.0
SPEED_SCALE = 2.0
PERIOD = 0.04
STEP = 0.02
DRAW = np.random.default_rng(11)


# --- the net, for one set of weights or many at once -------------------------------------------------------------------


def count():
    return sum(a * b + b for a, b in zip(SIZES, SIZES[1:]))


def layers(weights):
    """Splits flat weights (..., count) into matrices and biases."""
    at, parts = 0, []
    for a, b in zip(SIZES, SIZES[1:]):
        parts.append((weights[..., at : at + a * b].reshape(*weights.shape[:-1], a, b), weights[..., at + a * b : at + a * b + b]))
        at += a * b + b
    return parts


def think(weights, error, speed):
    """Velocity in m/s; weights (n, count), error and speed (n, flights, 3)."""
    x = np.concatenate([error / ERROR_SCALE, speed / SPEED_SCALE], axis=-1)
    for matrix, bias in layers(weights):
        x = np.tanh(x @ matrix + bias[..., None, :])
    return x * SPEED


# --- what it imitates ---------------------------------------------------------------------------------------------------


def law(error, speed):
    wanted = 2.0 * error - 1.0 * speed
    sideways = np.linalg.norm(wanted[..., :2], axis=-1, keepdims=True)
    flat = wanted[..., :2] * np.minimum(1.0, SPEED[0] / np.maximum(sideways, 1e-9))
    return np.concatenate([flat, np.clip(wanted[..., 2:], -SPEED[2], SPEED[2])], axis=-1)


def imitate(steps=6000, batch=256):
    """Gradient descent (Adam) on the squared difference to the law; half of the draws near the goal, where it matters."""
    weights = np.concatenate(
        [np.concatenate([DRAW.normal(size=a * b) / np.sqrt(a), np.zeros(b)]) for a, b in zip(SIZES, SIZES[1:])]
    )
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, steps + 1):
        near = DRAW.choice([1.0, 0.15], size=(batch, 1))
        error = DRAW.uniform(-1, 1, (batch, 3)) * REACH * near
        speed = DRAW.uniform(-1, 1, (batch, 3)) * 1.2 * SPEED * np.sqrt(near)
        wanted = law(error, speed) / SPEED
        xs = [np.concatenate([error / ERROR_SCALE, speed / SPEED_SCALE], axis=-1)]
        for matrix, bias in layers(weights):
            xs.append(np.tanh(xs[-1] @ matrix + bias))
        back = 2 * (xs[-1] - wanted) / batch
        grads = []
        for (matrix, _), before, after in zip(reversed(layers(weights)), reversed(xs[:-1]), reversed(xs[1:])):
            back = back * (1 - after**2)
            grads = [(before.T @ back).ravel(), back.sum(0)] + grads
            back = back @ matrix.T
        grad = np.concatenate(grads)
        mean = 0.9 * mean + 0.1 * grad
        square = 0.999 * square + 0.001 * grad**2
        rate = 3e-3 * 0.5 * (1 + np.cos(np.pi * step / steps)) + 1e-5
        weights -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return weights


# --- the plant ----------------------------------------------------------------------------------------------------------


def approach(way, brake=2.5):
    length = np.abs(way)
    return np.where(length <= brake, length, np.sqrt(2 * brake * np.maximum(length - brake / 2, 0))) * np.sign(way)


def limited(vector, most):
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return vector * np.minimum(1.0, most / np.maximum(length, 1e-9))


def fly(weights, start, wind, late, seconds=8.0):
    """Flies to the origin from each start; what each set of weights' flights cost. weights (n, count), start (flights, 3)."""
    shape = (len(weights), *start.shape)
    place = np.broadcast_to(start, shape).copy()
    speed, goal, integral, lean = np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
    gain, grow = np.array([2.5, 2.5, 5.0]), np.array([1.2, 1.2, 2.5])
    cost = np.zeros(shape[:2])
    past = []
    before = np.zeros(shape)
    for step in range(int(seconds / STEP)):
        if step % round(PERIOD / STEP) == 0:
            past.append((place.copy(), speed.copy()))
            seen = max(0, len(past) - 1 - int(late / PERIOD))
            told_place, told_speed = past[seen]
            command = think(weights, -told_place, told_speed)
            target = told_place + command
            cost += 0.02 * np.sum((command - before) ** 2, axis=-1)
            before = command
        wanted = command + np.concatenate(
            [
                limited(target[..., :2] - place[..., :2], 1e9)
                * (
                    approach(np.linalg.norm(target[..., :2] - place[..., :2], axis=-1, keepdims=True))
                    / np.maximum(np.linalg.norm(target[..., :2] - place[..., :2], axis=-1, keepdims=True), 1e-9)
                ),
                approach(target[..., 2:] - place[..., 2:]),
            ],
            axis=-1,
        )
        wanted = np.concatenate([limited(wanted[..., :2], 5.0), np.clip(wanted[..., 2:], -1.5, 2.5)], axis=-1)
        goal = goal + limited(wanted - goal, 6.0 * STEP)
        error = goal - speed
        integral = np.clip(integral + error * grow * STEP, -4, 4)
        asked = np.concatenate(
            [limited((error * gain + integral)[..., :2], 5.6), np.clip((error * gain + integral)[..., 2:], -5, 5)], axis=-1
        )
        lean += (asked - lean) * (STEP / 0.15)
        speed = speed + (lean + 0.35 * (wind - speed)) * STEP
        place = place + speed * STEP
        far = np.linalg.norm(place, axis=-1)
        overshoot = np.maximum(0.0, -np.sum(place * start, axis=-1) / np.maximum(np.linalg.norm(start, axis=-1), 0.3))
        still = np.sum(speed**2, axis=-1) * np.exp(-far)
        cost += STEP * (far + 8.0 * overshoot + 0.3 * still)
    return cost.mean(axis=1)


def improve(weights, rounds=500, pairs=12, flights=32, size=0.02, rate=0.03):
    for turn in range(rounds):
        start = DRAW.uniform(-1, 1, (flights, 3)) * REACH * DRAW.choice([1.0, 0.2], size=(flights, 1))
        bearing = DRAW.uniform(0, 2 * np.pi, (flights, 1))
        wind = DRAW.uniform(0, 6, (flights, 1)) * np.concatenate([np.cos(bearing), np.sin(bearing), 0 * bearing], axis=1)
        nudges = DRAW.normal(size=(pairs, len(weights)))
        nudges = np.concatenate([nudges, -nudges])
        costs = fly(weights + size * nudges, start, wind, DRAW.uniform(0, 0.1))
        ranks = np.argsort(np.argsort(costs)) / (len(costs) - 1) - 0.5
        weights = weights - rate * (ranks @ nudges) / len(costs)
        if turn % 100 == 0:
            print(f"round {turn}: {costs.mean():.3f}", flush=True)
    return weights


# --- the file -----------------------------------------------------------------------------------------------------------


def save(weights):
    """Inputs: state (x y z vx vy vz in m and m/s, up positive) and goal (x y z). Outputs: place and velocity."""
    constant = lambda name, array, kind=np.float32: numpy_helper.from_array(np.asarray(array, kind), name)
    constants = [constant("scales", 1 / np.repeat([ERROR_SCALE, SPEED_SCALE], 3)), constant("speeds", SPEED)]
    # The state is split by two matrices: every runtime has those.
    constants += [constant("take_place", np.eye(6)[:, :3]), constant("take_speed", np.eye(6)[:, 3:])]
    nodes = [
        helper.make_node("MatMul", ["state", "take_place"], ["place"]),
        helper.make_node("MatMul", ["state", "take_speed"], ["speed"]),
        helper.make_node("Sub", ["goal", "place"], ["error"]),
        helper.make_node("Concat", ["error", "speed"], ["told"], axis=1),
        helper.make_node("Mul", ["told", "scales"], ["h0"]),
    ]
    for index, (matrix, bias) in enumerate(layers(weights)):
        constants += [constant(f"w{index}", matrix), constant(f"b{index}", bias)]
        nodes.append(helper.make_node("Gemm", [f"h{index}", f"w{index}", f"b{index}"], [f"g{index}"]))
        nodes.append(helper.make_node("Tanh", [f"g{index}"], [f"h{index + 1}"]))
    nodes += [
        helper.make_node("Mul", [f"h{len(SIZES) - 1}", "speeds"], ["velocity"]),
        helper.make_node("Add", ["place", "velocity"], ["target"]),
    ]
    info = lambda name, size: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
    graph = helper.make_graph(
        nodes, "drone-bench-pilot", [info("state", 6), info("goal", 3)], [info("target", 3), info("velocity", 3)], constants
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    (HERE / "pilot.onnx").write_bytes(model.SerializeToString())


def main():
    weights = imitate()
    start = DRAW.uniform(-1, 1, (64, 3)) * REACH
    trial = lambda w, wind, late: fly(w[None], start, np.array([wind, 0.0, 0.0]), late)[0]
    print(f"imitating: {trial(weights, 0, 0.04):.3f} in still air, {trial(weights, 6, 0.04):.3f} in wind")
    weights = improve(weights)
    print(f"improved:  {trial(weights, 0, 0.04):.3f} in still air, {trial(weights, 6, 0.04):.3f} in wind")
    for late in (0.1, 0.3, 0.5, 0.8, 1.2):
        print(f"told {late} s late: {trial(weights, 0, late):.3f}")
    save(weights)


if __name__ == "__main__":
    main()

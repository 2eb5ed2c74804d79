#!/usr/bin/env python3
"""Writes ppo_*.txt and dqn.txt beside this file: losses and their gradients in double precision.

The formulas are CleanRL's ppo.py and dqn.py written out with derivatives by hand; every derivative
is checked here against central differences before anything is written. Needs Python alone.
"""
import math
import pathlib
import random

FOLDER = pathlib.Path(__file__).parent


def log_softmax(row):
    top = max(row)
    log_total = top + math.log(sum(math.exp(x - top) for x in row))
    return [x - log_total for x in row]


def mean(values):
    return sum(values) / len(values)


def normalise(values):
    centre = mean(values)
    deviation = math.sqrt(sum((v - centre) ** 2 for v in values) / (len(values) - 1))
    return [(v - centre) / (deviation + 1e-8) for v in values]


def ppo(options, data, logits, values):
    """Parts of the loss, and its gradients by logits and values."""
    count = len(values)
    advantages = normalise(data["advantages"]) if options["normalise"] else data["advantages"]
    parts = {key: 0.0 for key in ("policy", "value", "entropy", "kl", "clip_fraction")}
    logit_gradients, value_gradients = [], []
    for i in range(count):
        log_probs = log_softmax(logits[i])
        probs = [math.exp(x) for x in log_probs]
        action = data["actions"][i]
        log_ratio = log_probs[action] - data["log_probs"][i]
        ratio = math.exp(log_ratio)
        low, high = 1 - options["clip"], 1 + options["clip"]
        surrogate = ratio * advantages[i]
        clipped = min(max(ratio, low), high) * advantages[i]
        parts["policy"] -= min(surrogate, clipped) / count
        entropy = -sum(p * l for p, l in zip(probs, log_probs))
        parts["entropy"] += entropy / count
        parts["kl"] += (ratio - 1 - log_ratio) / count
        parts["clip_fraction"] += (abs(ratio - 1) > options["clip"]) / count
        by_log_prob = -advantages[i] * ratio / count if surrogate <= clipped else 0.0
        logit_gradients.append([
            by_log_prob * ((j == action) - p)
            + options["entropy_coefficient"] * p * (l + entropy) / count
            for j, (p, l) in enumerate(zip(probs, log_probs))])
        error = values[i] - data["returns"][i]
        slope = error
        loss = error * error
        if options["value_clip"] > 0:
            moved = values[i] - data["values"][i]
            bound = options["value_clip"]
            kept = data["values"][i] + min(max(moved, -bound), bound) - data["returns"][i]
            if kept * kept > loss:
                loss = kept * kept
                slope = kept if abs(moved) < bound else 0.0
        parts["value"] += 0.5 * loss / count
        value_gradients.append(options["value_coefficient"] * slope / count)
    parts["total"] = (parts["policy"] - options["entropy_coefficient"] * parts["entropy"]
                      + options["value_coefficient"] * parts["value"])
    return parts, logit_gradients, value_gradients


def dqn(data, values):
    """Loss, temporal-difference errors and the gradient by values."""
    count = len(values)
    loss, errors, gradients = 0.0, [], []
    for i in range(count):
        selector = data["next_online"][i]
        best = selector.index(max(selector))
        target = data["rewards"][i] + data["discounts"][i] * data["next_target"][i][best]
        error = target - values[i][data["actions"][i]]
        errors.append(error)
        huber = 0.5 * error * error if abs(error) <= 1 else abs(error) - 0.5
        loss += data["weights"][i] * huber / count
        slope = -data["weights"][i] * max(-1.0, min(1.0, error)) / count
        gradients.append([slope if j == data["actions"][i] else 0.0
                          for j in range(len(values[i]))])
    return loss, errors, gradients


def check(function, table, gradients):
    step = 1e-6
    for i, row in enumerate(table):
        for j in range(len(row)):
            kept = row[j]
            row[j] = kept + step
            above = function()
            row[j] = kept - step
            below = function()
            row[j] = kept
            assert abs((above - below) / (2 * step) - gradients[i][j]) < 1e-8, (i, j)


def flat(values):
    return [x for row in values for x in row] if isinstance(values[0], list) else values


def write(name, columns):
    lines = [f"{key} " + " ".join(repr(float(v)) for v in flat(values))
             for key, values in columns.items()]
    (FOLDER / name).write_text("\n".join(lines) + "\n")


def table(rng, rows, columns, scale):
    return [[rng.gauss(0, scale) for _ in range(columns)] for _ in range(rows)]


def write_ppo(name, options):
    rng = random.Random(7)
    rows, columns = 12, 3
    logits = table(rng, rows, columns, 1.0)
    values = [rng.gauss(0, 1) for _ in range(rows)]
    data = {
        "actions": [rng.randrange(columns) for _ in range(rows)],
        "advantages": [rng.gauss(0, 2) for _ in range(rows)],
        "returns": [rng.gauss(0, 1) for _ in range(rows)],
        "values": [v + rng.gauss(0, 0.5) for v in values],
    }
    data["log_probs"] = [log_softmax(logits[i])[data["actions"][i]] + rng.gauss(0, 0.3)
                         for i in range(rows)]
    parts, by_logits, by_values = ppo(options, data, logits, values)
    check(lambda: ppo(options, data, logits, values)[0]["total"], logits, by_logits)
    wrapped = [values]
    check(lambda: ppo(options, data, logits, values)[0]["total"], wrapped, [by_values])
    write(name, {**{key: [value] for key, value in options.items()}, "logits": logits,
                 "new_values": values, **data, **{k: [v] for k, v in parts.items()},
                 "logit_gradients": by_logits, "value_gradients": by_values})


def write_dqn():
    rng = random.Random(8)
    rows, columns = 10, 4
    values = table(rng, rows, columns, 1.0)
    data = {
        "actions": [rng.randrange(columns) for _ in range(rows)],
        "rewards": [rng.gauss(0, 1) for _ in range(rows)],
        "discounts": [0.0 if i % 4 == 3 else 0.9 for i in range(rows)],
        "weights": [rng.uniform(0.1, 1.0) for _ in range(rows)],
        "next_online": table(rng, rows, columns, 1.0),
        "next_target": table(rng, rows, columns, 1.0),
    }
    loss, errors, gradients = dqn(data, values)
    check(lambda: dqn(data, values)[0], values, gradients)
    write("dqn.txt", {"q_values": values, **data, "loss": [loss], "td_errors": errors,
                      "gradients": gradients})


if __name__ == "__main__":
    base = {"clip": 0.2, "value_clip": 0.0, "entropy_coefficient": 0.01,
            "value_coefficient": 0.5, "normalise": 0}
    write_ppo("ppo_plain.txt", base)
    write_ppo("ppo_clipped_values.txt", {**base, "value_clip": 0.3, "normalise": 1})
    write_dqn()

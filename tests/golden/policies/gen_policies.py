#!/usr/bin/env python3
"""Writes <head>.safetensors (weights) and <head>.txt (observation, greedy action, log-probability).

An independent reading of policies/policy_spec.h in double precision, standard library only.
The observation is normalised, 5 inputs, hidden layers of 7 and 6; see golden_test.cpp.
Usage: gen_policies.py   (writes beside itself)
"""
import json
import math
import pathlib
import random
import struct

FOLDER = pathlib.Path(__file__).parent
INPUTS, HIDDEN, ROWS = 5, [7, 6], 12
LOW, HIGH, CATEGORIES, EPSILON, CLIP = [-2.0, 0.0], [2.0, 10.0], 3, 0.25, 10.0
OUTPUTS = {"categorical": CATEGORIES, "q_values": CATEGORIES, "gaussian": 2, "squashed_gaussian": 4}


def f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def write_safetensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, (dtype, shape, values) in tensors.items():
        packed = struct.pack(f"<{len(values)}{'d' if dtype == 'F64' else 'f'}", *values)
        offsets = [len(data), len(data) + len(packed)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        data += packed
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def make_weights(rng, head):
    tensors = {  # the doubles first, so that they are aligned
        "observation_mean": ("F64", [INPUTS], [rng.uniform(-1, 1) for _ in range(INPUTS)]),
        "observation_variance": ("F64", [INPUTS], [rng.uniform(0.2, 3) for _ in range(INPUTS)]),
    }
    widths = [INPUTS, *HIDDEN, OUTPUTS[head]]
    for i, (fan_in, out) in enumerate(zip(widths, widths[1:])):
        weight = [f32(rng.uniform(-1, 1)) for _ in range(out * fan_in)]
        tensors[f"policy.{i}.weight"] = ("F32", [out, fan_in], weight)
        tensors[f"policy.{i}.bias"] = ("F32", [out], [f32(rng.uniform(-1, 1)) for _ in range(out)])
    if head == "gaussian":
        tensors["policy.log_std"] = ("F32", [2], [f32(rng.uniform(-1, 1)) for _ in range(2)])
    if head == "q_values":
        tensors["exploration_epsilon"] = ("F32", [], [EPSILON])
    return tensors


def forward(tensors, x):
    mean, variance = tensors["observation_mean"][2], tensors["observation_variance"][2]
    x = [min(max((v - m) / math.sqrt(s + 1e-8), -CLIP), CLIP) for v, m, s in zip(x, mean, variance)]
    for i in range(len(HIDDEN) + 1):
        weight, bias = tensors[f"policy.{i}.weight"][2], tensors[f"policy.{i}.bias"][2]
        rows = [weight[o * len(x):(o + 1) * len(x)] for o in range(len(bias))]
        x = [b + math.fsum(w * v for w, v in zip(row, x)) for row, b in zip(rows, bias)]
        if i < len(HIDDEN):
            x = [math.tanh(v) for v in x]
    return x


def greedy(head, tensors, outputs):
    if head in ("categorical", "q_values"):
        best = max(range(CATEGORIES), key=lambda i: outputs[i])
        if head == "q_values":
            return [best], math.log(1 - EPSILON + EPSILON / CATEGORIES)
        return [best], outputs[best] - math.log(sum(math.exp(o) for o in outputs))
    half_log_two_pi = 0.5 * math.log(2 * math.pi)
    if head == "gaussian":
        log_std = tensors["policy.log_std"][2]
        return outputs, sum(-s - half_log_two_pi for s in log_std)
    means, log_stds = outputs[:2], [min(max(s, -20.0), 2.0) for s in outputs[2:]]
    action, log_prob = [], 0.0
    for u, log_std, low, high in zip(means, log_stds, LOW, HIGH):
        action.append(low + (high - low) * (math.tanh(u) + 1) / 2)
        log_prob += -log_std - half_log_two_pi
        log_prob -= math.log(1 - math.tanh(u) ** 2) + math.log((high - low) / 2)
    return action, log_prob


def main():
    for seed, head in enumerate(OUTPUTS):
        rng = random.Random(seed)
        tensors = make_weights(rng, head)
        spec = {"head": head, "hidden": HIDDEN, "activation": "tanh",
                "normalise_observations": True, "observation_clip": CLIP,
                "log_std_low": -20.0, "log_std_high": 2.0}
        write_safetensors(FOLDER / f"{head}.safetensors", tensors,
                          {"corral.policy": json.dumps(spec)})
        lines = []
        for _ in range(ROWS):
            x = [f32(rng.uniform(-2, 2)) for _ in range(INPUTS)]
            action, log_prob = greedy(head, tensors, forward(tensors, x))
            lines.append(" ".join(repr(v) for v in [*x, *action, log_prob]))
        (FOLDER / f"{head}.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

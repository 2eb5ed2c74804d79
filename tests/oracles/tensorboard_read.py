"""Reads a run folder's event files with PyPI tensorboard and compares them with metrics.jsonl.

    python tensorboard_read.py RUN_FOLDER

Exit status 0 when both hold the same steps and values (to float32), each once.
"""
import json
import math
import struct
import sys

from tensorboard.backend.event_processing import event_accumulator


def to_float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def main(folder):
    accumulator = event_accumulator.EventAccumulator(
        folder, size_guidance={event_accumulator.TENSORS: 0, event_accumulator.SCALARS: 0})
    accumulator.Reload()
    found = {tag: [(event.step, event.value) for event in accumulator.Scalars(tag)]
             for tag in accumulator.Tags()["scalars"]}
    expected = {}
    with open(folder + "/metrics.jsonl") as lines:
        for line in lines:
            record = json.loads(line)
            for name, value in record.items():
                if name in ("step", "wall_seconds") or value is None:
                    continue
                expected.setdefault(name, []).append((record["step"], to_float32(value)))
    found = {tag: [point for point in points if math.isfinite(point[1])]
             for tag, points in found.items()}
    found = {tag: points for tag, points in found.items() if points}
    if found != expected:
        sys.exit(f"TensorBoard reads {found}\nmetrics.jsonl holds {expected}")
    print(f"{len(expected)} metrics, {sum(map(len, expected.values()))} values agree")


if __name__ == "__main__":
    main(sys.argv[1])

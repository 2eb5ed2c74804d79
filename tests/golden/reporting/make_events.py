"""Writes scalars.tfevents with TensorBoard's own messages and record writer (made with 2.21.0).

    python -m pip install tensorboard && python make_events.py
"""
import os

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

folder = os.path.dirname(os.path.abspath(__file__))
START = 1700000000.0


def scalars(wall_seconds, step, values):
    summary = summary_pb2.Summary(value=[
        summary_pb2.Summary.Value(tag=tag, simple_value=value)
        for tag, value in sorted(values.items())])
    return event_pb2.Event(wall_time=START + wall_seconds, step=step, summary=summary)


events = [
    event_pb2.Event(wall_time=START, file_version="brain.Event:2"),
    scalars(0.0, 0, {"rollout/episode_return": 21.5}),
    scalars(1.25, 4096, {"rollout/episode_return": 88.125, "entropy": 0.0, "policy_loss": -0.015625}),
    scalars(2.5, 10000000000, {"evaluation/return": float("nan"), "loss": float("inf")}),
]
with open(os.path.join(folder, "scalars.tfevents"), "wb") as file:
    writer = RecordWriter(file)
    for event in events:
        writer.write(event.SerializeToString())
    writer.flush()

#!/usr/bin/env python3
"""Memory of a language-model run over its rounds: bench/memory_slope.py [build/release/corral] [rounds] [mode]

Runs small GRPO rounds (default 1000, lockstep; or async) with two worker processes on a model of random weights, reads the resident
memory of learner and workers from /proc after each line of metrics, and fits a line behind the first tenth (which fills caches and
pools). Prints the growth per 100 rounds of each process; status 1 when one grows by 1 MB per 100 rounds or more.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

LIMIT = 1 << 20  # bytes per 100 rounds
ROUND = ["--digits", "1", "--length", "3", "--prompts", "8", "--group", "8", "--max-prompt", "12", "--max-new", "8", "--rewards",
         "length:1:3", "--score-truncated", "--lr", "1e-4", "--threads", "1", "--kl", "0.01", "--eval-every", "20", "--held-out", "20",
         "--checkpoint-every", "5", "--workers", "2"]


def resident_bytes(process):
    with open(f"/proc/{process}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def children(process):
    found = set()
    for task in pathlib.Path(f"/proc/{process}/task").iterdir():  # a thread's own children
        found.update(int(child) for child in (task / "children").read_text().split())
    return sorted(found)


def newest_round(metrics):
    try:
        return json.loads(metrics.read_text().rsplit("\n", 2)[-2])["step"]
    except (FileNotFoundError, IndexError):
        return 0


def slope(points):
    """Bytes per round, least squares."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def watch(command, metrics):
    """Points (round, bytes) by process name."""
    points = {}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as learner:
        seen = 0
        while learner.poll() is None:
            now = newest_round(metrics)
            if now > seen:
                seen = now
                names = [("learner", learner.pid)] + [(f"worker {i}", pid) for i, pid in enumerate(children(learner.pid))]
                for name, process in names:
                    points.setdefault(name, []).append((now, resident_bytes(process)))
            time.sleep(0.05)
    if learner.returncode != 0:
        sys.exit(f"the run failed with status {learner.returncode}")
    return points


def main():
    corral = sys.argv[1] if len(sys.argv) > 1 else "build/release/corral"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    mode = sys.argv[3] if len(sys.argv) > 3 else "lockstep"
    with tempfile.TemporaryDirectory() as folder:
        model, out = f"{folder}/model", f"{folder}/run"
        subprocess.run([corral, "init-model", "--hidden", "64", "--layers", "2", "--heads", "4", "--context", "32", "--out", model],
                       check=True, stdout=subprocess.DEVNULL)
        command = [corral, "train", "--algo", "grpo", "--model", model, "--out", out, "--steps", str(rounds), "--mode", mode, *ROUND]
        points = watch(command, pathlib.Path(out) / "metrics.jsonl")
    grows = False
    for name, series in points.items():
        settled = [point for point in series if point[0] > rounds / 10]
        if len(settled) < 10:
            sys.exit(f"{name}: only {len(settled)} points behind the first tenth")
        per_100 = 100 * slope(settled)
        grows = grows or per_100 >= LIMIT
        print(f"{name:9} {series[0][1] / 2**20:7.1f} MiB at round {series[0][0]}, {series[-1][1] / 2**20:7.1f} MiB at round "
              f"{series[-1][0]}, slope {per_100 / 1024:8.1f} KiB per 100 rounds ({len(settled)} points)")
    sys.exit(1 if grows else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Lockstep and async beside each other: wall clock to equal held-out accuracy of GRPO on chain sums, two worker processes.

usage: bench/async_beside_lockstep.py --model runs/warm/model [--target 0.9] [--seeds 1] [--staleness 2] [more options of corral train]
The model is the warm start that configs/grpo-chain-sum.ini tells how to make. Prints for every run: seconds until the evaluation that
reaches the target, rounds, CPU seconds of learner and workers together, mean idle shares of learner and workers; then the ratio of the
medians, and the ratio that the CPU seconds would allow if both cores were always busy.
"""
import argparse, json, os, pathlib, statistics, subprocess, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def train(mode, seed, options, more):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "run"
        start, before = time.monotonic(), os.times()
        subprocess.run([ROOT / "build/release/corral", "train", "--config", ROOT / "configs/grpo-chain-sum.ini", "--model", options.model,
                        "--workers", "2", "--stop-return", str(options.target), "--seed", str(seed), "--quiet", "--out", out,
                        "--mode", mode, "--max-staleness", str(options.staleness), *more], check=True, capture_output=True)
        seconds, after = time.monotonic() - start, os.times()
        lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    mean = lambda name: statistics.mean(line[name] for line in lines if name in line)
    reached = [line["evaluation/return"] for line in lines if "evaluation/return" in line]
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"seconds": seconds, "rounds": max(line["step"] for line in lines), "cpu": cpu, "best": max(reached),
            "learner idle": mean("learner/idle"), "workers idle": mean("workers/idle"), "staleness": mean("policy/staleness")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--target", type=float, default=0.9)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--staleness", type=int, default=2)
    options, more = parser.parse_known_args()
    runs = {"lockstep": [], "async": []}
    for seed in range(1, options.seeds + 1):
        for mode, results in runs.items():
            results.append(train(mode, seed, options, more))
            print(f"seed {seed} {mode:8}", "  ".join(f"{name} {value:.3g}" for name, value in results[-1].items()), flush=True)
    median = lambda mode, name: statistics.median(run[name] for run in runs[mode])
    cores = len(os.sched_getaffinity(0))
    print(f"wall clock async / lockstep: {median('async', 'seconds') / median('lockstep', 'seconds'):.2f}; by CPU seconds on {cores} busy "
          f"cores no less than {median('async', 'cpu') / cores / median('lockstep', 'seconds'):.2f}")


if __name__ == "__main__":
    main()

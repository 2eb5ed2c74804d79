#!/usr/bin/env python3
"""Trains configurations over several seeds and reports the final policies.

usage: bench/learning.py [--seeds 10] [--parallel 2] [--out bench/results/learning] CONFIG...

For every configs/CONFIG.ini and seed: one run of `corral train` in lockstep with one worker thread, then
`corral eval` of the last weights over 100 episodes with a seed that the training never used. Prints a table of
medians and quartiles, and writes CONFIG.svg (evaluation return against environment steps: median and quartiles
over the seeds) and CONFIG.json (every figure) into the folder given with --out.
"""
import argparse, concurrent.futures, json, pathlib, re, statistics, subprocess, tempfile, time

from curves import quartiles, svg

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORRAL = ROOT / "build/release/corral"
EVALUATION_SEED = 1000003


def train(config, seed):
    """One run: its final evaluation, its curve and its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/run"
        start = time.monotonic()
        subprocess.run([CORRAL, "train", "--config", ROOT / f"configs/{config}.ini", "--seed", str(seed),
                        "--workers", "1", "--worker-mode", "thread", "--endpoint", "inproc", "--quiet", "--out", out],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds = time.monotonic() - start
        shown = subprocess.run([CORRAL, "eval", "--run", out, "--checkpoint", "last", "--episodes", "100",
                                "--seed", str(EVALUATION_SEED)], check=True, capture_output=True, text=True).stdout
        final = float(re.search(r"^return\s+(-?[\d.]+)", shown, re.M).group(1))
        curve = {}
        for line in open(f"{out}/metrics.jsonl"):
            record = json.loads(line)
            if "evaluation/return" in record:
                curve[record["step"]] = record["evaluation/return"]
        return {"seed": seed, "final": final, "seconds": round(seconds, 2), "curve": sorted(curve.items())}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="+")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results/learning")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    print("| configuration | seeds | median final return | quartiles | least | median seconds |\n|---|---|---|---|---|---|")
    for config in options.configs:
        with concurrent.futures.ThreadPoolExecutor(options.parallel) as pool:
            runs = list(pool.map(lambda seed: train(config, seed), range(1, options.seeds + 1)))
        finals = [run["final"] for run in runs]
        lower, median, upper = quartiles(finals)
        seconds = statistics.median(run["seconds"] for run in runs)
        print(f"| {config} | {len(runs)} | {median:.1f} | {lower:.1f} to {upper:.1f} | {min(finals):.1f} | {seconds:.1f} |", flush=True)
        (options.out / f"{config}.svg").write_text(
            svg(f"{config}: evaluation return", [run["curve"] for run in runs], "environment steps", lambda x: f"{x / 1000:.0f}k"))
        (options.out / f"{config}.json").write_text(json.dumps(runs) + "\n")


if __name__ == "__main__":
    main()

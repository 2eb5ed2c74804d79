#!/usr/bin/env python3
"""Trains configurations over several seeds and reports the final policies.

usage: bench/learning.py [--seeds 10] [--parallel 2] [--out bench/results/learning] CONFIG...

For every configs/CONFIG.ini and seed: one run of `corral train` in lockstep with one worker thread, then
`corral eval` of the last weights over 100 episodes with a seed that the training never used. Prints a table of
medians and quartiles, and writes CONFIG.svg (evaluation return against environment steps: median and quartiles
over the seeds) and CONFIG.json (every figure) into the folder given with --out.
"""
import argparse, concurrent.futures, json, pathlib, re, statistics, subprocess, tempfile, time

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


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0], values[0]
    return statistics.quantiles(values, n=4, method="inclusive")


def points(rows, scale):
    return " ".join(f"{scale[0](x):.1f},{scale[1](y):.1f}" for x, y in rows)


def svg(config, runs):
    """Median and quartiles of the evaluation return over the seeds."""
    steps = sorted({step for run in runs for step, _ in run["curve"]})
    bands = []
    for step in steps:
        values = [dict(run["curve"])[step] for run in runs if step in dict(run["curve"])]
        if len(values) >= max(1, len(runs) // 2):
            bands.append((step, *quartiles(values)))
    low = min(b[1] for b in bands)
    high = max(b[3] for b in bands)
    span = (high - low) or 1.0
    scale = (lambda x: 60 + 520 * x / bands[-1][0], lambda y: 200 - 170 * (y - low) / span)
    band = points([(b[0], b[3]) for b in bands] + [(b[0], b[1]) for b in reversed(bands)], scale)
    line = points([(b[0], b[2]) for b in bands], scale)
    ticks = "".join(f'<text x="52" y="{scale[1](low + span * i / 4) + 4:.0f}" text-anchor="end">{low + span * i / 4:.4g}</text>'
                    for i in range(5))
    ticks += "".join(f'<text x="{scale[0](bands[-1][0] * i / 4):.0f}" y="222" text-anchor="middle">{bands[-1][0] * i / 4 / 1000:.0f}k</text>'
                     for i in range(5))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 250" font-family="sans-serif" font-size="12">'
            f'<rect width="600" height="250" fill="white"/><text x="60" y="18" font-size="14">{config}: evaluation return, '
            f'median and quartiles of {len(runs)} seeds</text>{ticks}<text x="320" y="243" text-anchor="middle">environment steps</text>'
            f'<polygon points="{band}" fill="#9ec5e8"/><polyline points="{line}" fill="none" stroke="#1f5fa8" stroke-width="2"/></svg>\n')


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
        (options.out / f"{config}.svg").write_text(svg(config, runs))
        (options.out / f"{config}.json").write_text(json.dumps(runs) + "\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Wall clock from starting `corral train` to its end at a mean return of 475 on CartPole-v1, over ten seeds.

usage: bench/time_to_solve.py [--seeds 10] [more options of corral train]
"""
import argparse, pathlib, statistics, subprocess, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def solve(seed, more):
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        shown = subprocess.run([ROOT / "build/release/corral", "train", "--config", ROOT / "configs/ppo-cartpole.ini",
                                "--workers", "4", "--worker-mode", "process", "--stop-return", "475",
                                "--seed", str(seed), "--quiet", "--out", f"{folder}/run", *more],
                               check=True, capture_output=True, text=True).stdout
        return time.monotonic() - start, "reached a return" in shown


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    options, more = parser.parse_known_args()
    results = [solve(seed, more) for seed in range(1, options.seeds + 1)]
    for seed, (seconds, solved) in enumerate(results, 1):
        print(f"seed {seed:2}  {seconds:6.2f} s  {'solved' if solved else 'not solved'}")
    print(f"median {statistics.median(seconds for seconds, _ in results):.2f} s, "
          f"{sum(solved for _, solved in results)} of {len(results)} solved")


if __name__ == "__main__":
    main()

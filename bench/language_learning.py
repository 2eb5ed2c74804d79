#!/usr/bin/env python3
"""Teaches a small language model chain sums by reward, over several seeds and algorithms.

usage: bench/language_learning.py [--seeds 5] [--first-seed 1] [--parallel 2] [--work runs/language-learning]
                                  [--out bench/results/learning] [ALGORITHM...]

For every seed: a new model, 2,000 problems, supervised training until it is right on about every second
held-out sum (the warm start), all by `corral`. From there, for every algorithm: `corral train --config
configs/grpo-chain-sum.ini --algo ALGORITHM` (PPO: configs/ppo-chain-sum.ini) in lockstep with two worker
threads, then `corral eval` of the last weights: greedy completions of the 200 held-out sums, which neither
training has seen.

Every finished run leaves WORK/ALGORITHM-SEED.json: an interrupted bench goes on where it stopped. Prints a table and
writes chain-sum-ALGORITHM.svg (held-out score against rounds) and chain-sum-ALGORITHM.json (every figure) into --out.
Seconds are wall clock, for a machine that runs nothing else with --parallel 1; processor seconds depend less on that.
"""
import argparse, concurrent.futures, json, os, pathlib, re, shutil, statistics, subprocess, time

from curves import quartiles, svg

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORRAL = ROOT / "build/release/corral"
TASK = ["--task", "chain-sum", "--digits", "1", "--length", "3"]
HELD_OUT = 200
MODEL = ["--hidden", "64", "--layers", "3", "--heads", "4", "--context", "64"]
WARM_START = ["--batch-tokens", "1024", "--learning-rate", "2e-3", "--warmup-steps", "20", "--threads", "1",
              "--max-new-tokens", "6"]
WARM_STEPS = [220, 280, 250, 320, 360, 200]  # the first that ends between 40 and 60 % is taken: seeds differ
CONFIGS = {"ppo": "ppo-chain-sum"}  # of the others: grpo-chain-sum
# What an algorithm gets besides its preset. Without the price on the distance dr-grpo and rloo end at 85 % on seed 3: of what they
# get wrong no sample is right any more, hence none is learned from.
OPTIONS = {"dapo": ["--overlong-buffer", "2"], "dr-grpo": ["--kl", "0.01"], "rloo": ["--kl", "0.01"]}
ALGORITHMS = ["grpo", "dr-grpo", "dapo", "rloo", "reinforce++", "ppo", "gspo", "cispo"]


def corral(*words):
    """Runs the program: its output, wall-clock and processor seconds (of its worker threads too)."""
    start = time.monotonic()
    process = subprocess.Popen([CORRAL, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    shown = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"corral {' '.join(map(str, words))}\n{shown}")
    return shown, time.monotonic() - start, usage.ru_utime + usage.ru_stime


def metrics(run, name):
    """(step, value) of one metric of a run, sorted."""
    rows = [json.loads(line) for line in open(run / "metrics.jsonl")]
    return sorted((row["step"], row[name]) for row in rows if name in row)


def warm_start(work, seed):
    """The folder of the model that the examples made of a new one, and its held-out score."""
    folder = work / f"warm-{seed}"
    if not (folder / "new").exists():
        corral("init-model", *MODEL, "--seed", seed, "--out", folder / "new")
    corral("make-data", *TASK, "--seed", seed, "--count", 2000, "--out", folder / "sums.jsonl",
           "--held-out-count", HELD_OUT, "--held-out", folder / "held-out.jsonl")
    for steps in WARM_STEPS:
        run = folder / f"{steps}-steps"
        if not (run / "model").exists():
            shutil.rmtree(run, ignore_errors=True)
            corral("train", "--algo", "sft", "--model", folder / "new", "--seed", seed, "--data", folder / "sums.jsonl",
                   "--validation", folder / "held-out.jsonl", "--evaluate-exact", HELD_OUT, "--steps", steps, *WARM_START,
                   "--quiet", "--out", run)
        score = metrics(run, "evaluation/exact_match")[-1][1]
        if 0.4 <= score <= 0.6:
            return run / "model", score
    raise SystemExit(f"seed {seed}: no warm start between 40 and 60 %")


def reinforce(work, algorithm, seed, start):
    """One run, or what it left when it ended before."""
    kept = work / f"{algorithm}-{seed}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    model, before = start
    config = ROOT / f"configs/{CONFIGS.get(algorithm, 'grpo-chain-sum')}.ini"
    out = work / f"{algorithm}-{seed}"
    shutil.rmtree(out, ignore_errors=True)
    _, seconds, processor = corral("train", "--config", config, "--algo", algorithm, *OPTIONS.get(algorithm, []), "--model", model,
                                   "--held-out", HELD_OUT, "--seed", seed, "--workers", 2, "--worker-mode", "thread",
                                   "--endpoint", "inproc", "--quiet", "--out", out)
    shown, _, _ = corral("eval", "--run", out, "--checkpoint", "last", "--episodes", HELD_OUT)
    result = {"seed": seed, "before": before, "final": float(re.search(r"^score\s+([\d.]+)", shown, re.M).group(1)),
              "rounds": metrics(out, "reward/mean")[-1][0], "seconds": round(seconds, 1),
              "processor_seconds": round(processor, 1), "curve": [(0, before), *metrics(out, "evaluation/return")]}
    kept.write_text(json.dumps(result) + "\n")
    shutil.rmtree(out)
    print(f"{algorithm} seed {seed}: {100 * before:.1f} % before, {100 * result['final']:.1f} % after, {seconds:.0f} s", flush=True)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("algorithms", nargs="*", metavar="ALGORITHM", help=", ".join(ALGORITHMS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "runs/language-learning")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results/learning")
    options = parser.parse_args()
    algorithms = options.algorithms or ALGORITHMS
    options.work.mkdir(parents=True, exist_ok=True)
    options.out.mkdir(parents=True, exist_ok=True)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    with concurrent.futures.ThreadPoolExecutor(options.parallel) as pool:
        starts = dict(zip(seeds, pool.map(lambda seed: warm_start(options.work, seed), seeds)))
        jobs = [(algorithm, seed) for seed in seeds for algorithm in algorithms]
        done = dict(zip(jobs, pool.map(lambda job: reinforce(options.work, *job, starts[job[1]]), jobs)))
    print("| `--algo` | seeds | before | median after | quartiles | least | rounds | median seconds | processor |\n"
          "|---|---|---|---|---|---|---|---|---|")
    for algorithm in algorithms:
        runs = [done[algorithm, seed] for seed in seeds]
        lower, median, upper = (f"{100 * value:.1f}" for value in quartiles([run["final"] for run in runs]))
        before = [100 * run["before"] for run in runs]
        seconds, processor = (statistics.median(run[name] for run in runs) for name in ("seconds", "processor_seconds"))
        print(f"| `{algorithm}` | {len(runs)} | {min(before):.1f} to {max(before):.1f} % | {median} % | {lower} to {upper} % | "
              f"{100 * min(run['final'] for run in runs):.1f} % | {runs[0]['rounds']} | {seconds:.0f} | {processor:.0f} |", flush=True)
        name = f"chain-sum-{algorithm}"
        (options.out / f"{name}.svg").write_text(
            svg(f"{algorithm} on chain sums: held-out score", [run["curve"] for run in runs], "rounds", lambda x: f"{x:.0f}"))
        (options.out / f"{name}.json").write_text(json.dumps(runs) + "\n")


if __name__ == "__main__":
    main()

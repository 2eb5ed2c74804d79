#!/usr/bin/env python3
"""Greedy tokens per second of transformers.generate on the stories model, beside those of bench_generate.

usage: bench/generate_peer.py FOLDER_OF_STORIES260K [--threads 2] [--tokens 96] [--bench build/release/bench_generate]
"""
import argparse, re, subprocess, time

import torch
from transformers import AutoModelForCausalLM

PROMPT = [1, 403, 407, 261, 378]
ROUNDS = 5


def tokens_per_second(model, tokens):
    ids = torch.tensor([PROMPT])
    best = 0.0
    with torch.inference_mode():
        for _ in range(ROUNDS):
            start = time.perf_counter()
            out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False,
                                 use_cache=True, min_new_tokens=tokens)
            best = max(best, (out.shape[1] - len(PROMPT)) / (time.perf_counter() - start))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--bench")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = AutoModelForCausalLM.from_pretrained(options.folder, dtype=torch.float32).eval()
    peer = tokens_per_second(model, options.tokens)
    print(f"transformers.generate, {options.threads} threads: {peer:.0f} tokens/s (best of {ROUNDS})")
    if options.bench:
        shown = subprocess.run([options.bench, options.folder, "--stories-only"], check=True, capture_output=True,
                               text=True).stdout
        for line in shown.splitlines():
            ours = re.match(r"(stories260k, (\d+) threads, batch 1) +(\d+) tokens/s", line)
            if ours:
                print(f"{ours[1]}: {int(ours[3])} tokens/s, {int(ours[3]) / peer:.0f} times as many")


if __name__ == "__main__":
    main()

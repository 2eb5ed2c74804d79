#!/usr/bin/env python3
"""tokenize_peer.py FOLDER FILE...: what bench_tokenize measures, with the package `tokenizers`."""

import os

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import pathlib
import sys
import time

from tokenizers import Tokenizer

ROUNDS = 3


def best_seconds(work):
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    tokenizer = Tokenizer.from_file(str(pathlib.Path(sys.argv[1]) / "tokenizer.json"))
    print(f"{'MB/s, one core':28} {'MB':>7} {'tokens':>9} {'encode':>9} {'by line':>9} {'decode':>9}")
    for path in sys.argv[2:]:
        text = pathlib.Path(path).read_text()
        lines = text.split("\n")
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        megabytes = len(text.encode()) / 1e6
        whole = best_seconds(lambda: tokenizer.encode_fast(text, add_special_tokens=False)
                             if hasattr(tokenizer, "encode_fast")
                             else tokenizer.encode(text, add_special_tokens=False))
        fast = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)
        by_line = best_seconds(lambda: fast(lines, add_special_tokens=False))
        decoding = best_seconds(lambda: tokenizer.decode(ids))
        rates = " ".join(f"{megabytes / seconds:9.1f}" for seconds in (whole, by_line, decoding))
        print(f"{path:28.28} {megabytes:7.2f} {len(ids):9} {rates}")


if __name__ == "__main__":
    main()

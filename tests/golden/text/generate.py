#!/usr/bin/env python3
"""Writes tokenizer.json files, and the ids that the package `tokenizers` gives, beside this file.

    pip install -r scripts/oracles.txt
    python generate.py                writes <kind>.json, digests.json and samples.json
    python generate.py --check        compares the goldens with this `tokenizers`; exit status 1
    python generate.py --show KIND I  string I, its ids and texts
    --data FOLDER                     also GPT-2's tokenizer and Stories260K's, from there

The 100,000 strings are made by string_at() below and again in tokenizer_golden_test.cpp. For each
thousand of them digests.json holds two digests: "ids" of encode and encode_plain, and "text" of
decode. A text of bytes that are not UTF-8 is what bytes.decode(errors="replace") makes of it.
"""

import argparse
import hashlib
import json
import pathlib
import struct
import sys

import kinds
from tokenizers import Tokenizer

FOLDER = pathlib.Path(__file__).parent
TABLE = json.loads((FOLDER / "strings.json").read_text())
STRINGS = 100_000
BLOCK = 1000
SAMPLES = 12
DATA_KINDS = {"data/gpt2": "gpt2_tokenizer", "data/stories260k": "stories260k"}
MASK = (1 << 64) - 1


class Numbers:
    """splitmix64."""

    def __init__(self, seed):
        self.state = seed & MASK

    def __call__(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)


def part(number):
    kind = number() % 16
    if kind < 6:
        _, low, high = TABLE["ranges"][number() % len(TABLE["ranges"])]
        count = 1 + number() % 6
        return "".join(chr(low + number() % (high - low + 1)) for _ in range(count)).encode()
    if kind == 15:
        raw = TABLE["invalid"][number() % len(TABLE["invalid"])]
        return bytes.fromhex(raw)
    fragment = TABLE["fragments"][number() % len(TABLE["fragments"])].encode()
    return fragment * (1 + number() % 12) if kind == 14 else fragment


def string_at(index):
    """The bytes, and a generator of numbers to draw ids from."""
    number = Numbers(index * 0xD1342543DE82EF95 + 1)
    count = number() % 9
    return b"".join(part(number) for _ in range(count)), number


def random_ids(number, vocabulary):
    count = number() % 12
    return [number() % vocabulary for _ in range(count)]


def pack_ids(ids):
    return struct.pack(f"<{len(ids) + 1}I", len(ids), *ids)


def pack_text(text):
    raw = text.encode()
    return struct.pack("<I", len(raw)) + raw


def results(tokenizer, index):
    raw, number = string_at(index)
    text = raw.decode(errors="replace")
    tokenizer.encode_special_tokens = False
    ids = tokenizer.encode(text).ids
    tokenizer.encode_special_tokens = True
    plain = tokenizer.encode(text, add_special_tokens=False).ids
    some = random_ids(number, tokenizer.get_vocab_size())
    return {
        "bytes": raw, "text": text, "ids": ids, "plain": plain, "some": some,
        "decoded": tokenizer.decode(ids, skip_special_tokens=True),
        "decoded_some": tokenizer.decode(some, skip_special_tokens=False),
    }


def digest(data):
    return hashlib.blake2b(data, digest_size=32).hexdigest()[:16]


def digests_of(tokenizer):
    blocks = {"ids": [], "text": []}
    for start in range(0, STRINGS, BLOCK):
        ids, text = [], []
        for index in range(start, start + BLOCK):
            r = results(tokenizer, index)
            ids += [pack_ids(r["ids"]), pack_ids(r["plain"])]
            text += [pack_text(r["decoded"]), pack_text(r["decoded_some"])]
        blocks["ids"].append(digest(b"".join(ids)))
        blocks["text"].append(digest(b"".join(text)))
    return blocks


def samples_of(tokenizer):
    chosen = [results(tokenizer, index) for index in range(1, 1 + SAMPLES)]
    return [{**r, "bytes": r["bytes"].hex()} for r in chosen]


def open_kind(name, data):
    if name in DATA_KINDS:
        return Tokenizer.from_file(str(data / DATA_KINDS[name] / "tokenizer.json"))
    return Tokenizer.from_file(str(FOLDER / f"{name}.json"))


def write_kinds():
    for name, file in kinds.make_all(TABLE["fragments"], Numbers(1)).items():
        text = json.dumps(file, ensure_ascii=False, indent=0, separators=(",", ":"))
        (FOLDER / f"{name}.json").write_text(text + "\n")


def write_json(name, value):
    (FOLDER / name).write_text(json.dumps(value, indent=0, ensure_ascii=True) + "\n")


def read_json(name):
    return json.loads((FOLDER / name).read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--show", nargs=2, metavar=("KIND", "INDEX"))
    parser.add_argument("--keep", action="store_true", help="the tokenizer files as they are")
    parser.add_argument("--only", nargs="+", help="these kinds; the others stay as they are")
    parser.add_argument("--data", type=pathlib.Path)
    options = parser.parse_args()
    if options.show:
        name, index = options.show
        print(results(open_kind(name, options.data), int(index)))
        return 0
    if not (options.check or options.keep or options.only):
        write_kinds()
    others = {"strings", "digests", "samples"}
    names = sorted(p.stem for p in FOLDER.glob("*.json") if p.stem not in others)
    if options.data:
        names += DATA_KINDS
    if options.only:
        names = options.only
    known = read_json("digests.json") if options.check else {}
    digests = read_json("digests.json") if options.only else {}
    samples = read_json("samples.json") if options.only else {}
    differing = 0
    for name in names:
        tokenizer = open_kind(name, options.data)
        digests[name] = digests_of(tokenizer)
        if name not in DATA_KINDS:
            samples[name] = samples_of(tokenizer)
        if options.check and known.get(name) != digests[name]:
            print(f"{name}: the digests differ")
            differing += 1
    if options.check:
        print(f"{len(names) - differing} of {len(names)} kinds agree, {STRINGS} strings each")
        return 1 if differing else 0
    write_json("digests.json", digests)
    write_json("samples.json", samples)
    return 0


if __name__ == "__main__":
    sys.exit(main())

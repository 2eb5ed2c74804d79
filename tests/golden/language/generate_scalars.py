"""Tiny random sequence classifiers with one label of every family, saved by transformers, and what they say.

    python generate_scalars.py            # writes scalar/<case>/
    python generate_scalars.py --check    # computes again and compares with what is there

Needs what scripts/oracles.txt lists. See README.md for what is in a case.
"""
import argparse
import json
import os
import pathlib
import shutil
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch
import transformers

from generate_models import GPT2, LLAMA, QWEN, close, in_float64, randomise, rounded

SCALARS = pathlib.Path(__file__).parent / "scalar"
# Family, settings, dtype. Whether embeddings are tied is written in config.json and means nothing here.
CASES = {
    "llama": ("Llama", dict(LLAMA, num_key_value_heads=2), "float32"),
    "qwen2_bf16": ("Qwen2", dict(QWEN, num_key_value_heads=2, tie_word_embeddings=True), "bfloat16"),
    "qwen3": ("Qwen3", dict(QWEN, num_key_value_heads=2, head_dim=16), "float32"),
    "gpt2": ("GPT2", GPT2, "float32"),
}


def scores_of(folder, ids):
    """Of every position; what transformers itself returns is that of the last one."""
    model = in_float64(folder, transformers.AutoModelForSequenceClassification)
    tokens = torch.tensor([ids])
    with torch.no_grad():
        scores = model.score(model.base_model(tokens).last_hidden_state)[0, :, 0]
        if abs(model(tokens).logits[0, 0] - scores[-1]) > 1e-12:
            sys.exit(f"{folder}: the classifier does not look at the last token")
    return rounded(scores.tolist())


def make(name, seed):
    family, settings, dtype = CASES[name]
    config = getattr(transformers, family + "Config")(**settings, num_labels=1)
    model = getattr(transformers, family + "ForSequenceClassification")(config)
    randomise(model, seed)
    folder = SCALARS / name
    shutil.rmtree(folder, ignore_errors=True)
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    generator = torch.Generator().manual_seed(seed)
    sequences = [torch.randint(4, 97, (length,), generator=generator).tolist() for length in (11, 40, 1)]
    rows = [f'  {{"ids": {json.dumps(ids)},\n   "scores": {json.dumps(scores_of(folder, ids))}}}' for ids in sequences]
    (folder / "expected.json").write_text('{"sequences": [\n' + ",\n".join(rows) + "]}\n")
    print(f"{name}: {sum(file.stat().st_size for file in folder.iterdir()):,} bytes")


def check(name, folder=None):
    stored = json.loads((SCALARS / name / "expected.json").read_text())
    for sequence in stored["sequences"]:
        if not close(scores_of(folder or SCALARS / name, sequence["ids"]), sequence["scores"]):
            sys.exit(f"{folder or name}: other scores")
    print(f"{folder or name}: the same")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    for number, name in enumerate(CASES):
        check(name) if arguments.check else make(name, 9000 + number)


if __name__ == "__main__":
    main()

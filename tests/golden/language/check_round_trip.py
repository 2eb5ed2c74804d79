"""transformers loads what Corral writes, and computes the same logits from it.

    python check_round_trip.py CORRAL FOLDER     # the program, an empty folder to work in

Every golden model is copied by `corral copy-model`, plain and in shards, and its logits are compared with
expected.json; so are sequence classifiers with one label; models that `corral init-model` makes are loaded with their tokenizers and chat templates.
"""
import json
import pathlib
import shutil
import subprocess
import sys

import torch
import transformers

import generate_models
import generate_scalars

FAMILIES = ("llama", "qwen2", "qwen3", "gpt2")


def corral(program, *words):
    subprocess.run([program, *words], check=True, stdout=subprocess.DEVNULL)


def loaded_whole(folder, dtype, kind=transformers.AutoModelForCausalLM):
    model, report = kind.from_pretrained(folder, dtype=dtype, output_loading_info=True)
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if report[kind]:
            sys.exit(f"{folder}: {kind}: {report[kind]}")
    return model


def check_golden(program, name, work):
    expected = json.loads((generate_models.MODELS / name / "expected.json").read_text())
    for shard, sharded in (("5000", False), ("0.01", True)):
        copy = work / f"{name}-{shard}"
        corral(program, "copy-model", str(generate_models.MODELS / name), str(copy), "--shard-mb", shard)
        if (copy / "model.safetensors.index.json").exists() != sharded:
            sys.exit(f"{copy}: sharded where it should not be, or the other way round")
        loaded_whole(copy, torch.float32)
        model = generate_models.in_float64(copy)
        for sequence in expected["sequences"]:
            logits = generate_models.logits_of(model, sequence["ids"])[sequence["first_position"]:]
            if not all(generate_models.close(row.tolist(), want) for row, want in zip(logits, sequence["logits"])):
                sys.exit(f"{copy}: other logits than before the copy")
    print(f"{name}: the same logits")


def check_scalar(program, name, work):
    copy = work / f"scalar-{name}"
    corral(program, "copy-model", str(generate_scalars.SCALARS / name), str(copy))
    model = loaded_whole(copy, torch.float32, transformers.AutoModelForSequenceClassification)
    if model.config.num_labels != 1:
        sys.exit(f"{copy}: {model.config.num_labels} labels")
    generate_scalars.check(name, copy)


def check_new(program, family, work):
    folder = work / f"new-{family}"
    corral(program, "init-model", "--family", family, "--hidden", "32", "--layers", "2", "--heads", "4",
           "--context", "64", "--dtype", "bf16", "--out", str(folder))
    model = loaded_whole(folder, torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    text = "naïve 字\n"
    ids = tokenizer(text)["input_ids"]
    if ids != list(text.encode()) or tokenizer.decode(ids) != text:
        sys.exit(f"{folder}: the tokenizer reads {text!r} as {ids}")
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "2+2?"}], tokenize=False,
                                         add_generation_prompt=True)
    if chat != "user: 2+2?\nassistant: ":
        sys.exit(f"{folder}: the chat template gives {chat!r}")
    if tokenizer.eos_token_id != model.config.eos_token_id or model.generation_config.pad_token_id != 258:
        sys.exit(f"{folder}: special ids differ")
    model.generate(torch.tensor([ids]), max_new_tokens=3, do_sample=False)
    print(f"new {family}: loaded, with tokenizer and chat template")


def main():
    program, work = sys.argv[1], pathlib.Path(sys.argv[2])
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    for name in generate_models.CASES:
        check_golden(program, name, work)
    for name in generate_scalars.CASES:
        check_scalar(program, name, work)
    for family in FAMILIES:
        check_new(program, family, work)


if __name__ == "__main__":
    main()

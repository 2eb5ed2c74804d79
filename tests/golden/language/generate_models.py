"""Makes tiny random models of every supported family, saved by transformers itself, and what they say.

    python generate_models.py            # writes models/<case>/
    python generate_models.py --check    # computes again and compares with what is there

Needs what scripts/oracles.txt lists. See README.md for what is in a case.
"""
import argparse
import json
import os
import pathlib
import shutil
import sys
import tempfile
import types

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch
import transformers
from safetensors.torch import load_file, save_file

MODELS = pathlib.Path(__file__).parent / "models"
GREEDY_TOKENS = 16
LEAST_DISTINCT = 6   # of the greedy tokens: a model that repeats itself tests little
LEAST_MARGIN = 2e-3  # between the best and the second logit of every greedy step

LLAMA = dict(vocab_size=97, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=4, max_position_embeddings=64, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2)
ROPE_HEAD = dict(hidden_size=32, num_attention_heads=2, num_key_value_heads=1, intermediate_size=24)
QWEN = dict(LLAMA, rms_norm_eps=1e-6)
GPT2 = dict(vocab_size=97, n_embd=24, n_layer=2, n_head=4, n_positions=48, bos_token_id=1, eos_token_id=2)


def rope(theta=10000.0, kind="default", **more):
    return dict(rope_theta=theta, rope_type=kind, **more)


def case(family, settings, dtype="float32", shard=None, after=None, base_only=False, **changes):
    return types.SimpleNamespace(family=family, settings={**settings, **changes}, dtype=dtype, shard=shard,
                                 after=after, base_only=base_only)


def old_llama_keys(folder):
    """config.json as transformers 4 wrote it."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    parameters = config.pop("rope_parameters")
    config["rope_theta"] = parameters.pop("rope_theta")
    config["rope_scaling"] = parameters
    config["torch_dtype"] = config.pop("dtype")
    path.write_text(json.dumps(config, indent=2) + "\n")


def old_gpt2_buffers(folder):
    """The attention masks that old files carry, and the old name of the context."""
    path = folder / "model.safetensors"
    tensors = load_file(path)
    config = json.loads((folder / "config.json").read_text())
    context = config["n_positions"]
    for layer in range(config["n_layer"]):
        tensors[f"h.{layer}.attn.bias"] = torch.ones(1, 1, context, context, dtype=torch.bool).tril()
        tensors[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    save_file(tensors, path, metadata={"format": "pt"})
    del config["n_inner"]
    config["n_ctx"] = config.pop("n_positions")
    config["torch_dtype"] = config.pop("dtype")
    config["architectures"] = ["GPT2LMHeadModel"]
    # transformers 5 knows n_positions alone.
    config["n_positions"] = config["n_ctx"]
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


CASES = {
    "llama_untied": case("Llama", LLAMA, tie_word_embeddings=False),
    "llama_gqa2_tied": case("Llama", LLAMA, num_key_value_heads=2, tie_word_embeddings=True, eos_token_id=[2, 3]),
    "llama_mqa_sharded": case("Llama", LLAMA, num_key_value_heads=1, shard="16KB"),
    "llama_gqa4_head_dim": case("Llama", LLAMA, num_attention_heads=8, num_key_value_heads=2, head_dim=10,
                                tie_word_embeddings=True, rope_parameters=rope(500000.0)),
    "llama_biases": case("Llama", LLAMA, attention_bias=True, mlp_bias=True),
    "llama_rope_llama3": case("Llama", LLAMA, **ROPE_HEAD, tie_word_embeddings=True, rope_parameters=rope(
        10000.0, "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)),
    "llama_rope_linear": case("Llama", LLAMA, **ROPE_HEAD, tie_word_embeddings=True,
                              rope_parameters=rope(10000.0, "linear", factor=4.0)),
    "llama_old_keys": case("Llama", LLAMA, **ROPE_HEAD, tie_word_embeddings=True, after=old_llama_keys,
                           rope_parameters=rope(20000.0, "llama3", factor=4.0, low_freq_factor=1.0,
                                                high_freq_factor=4.0, original_max_position_embeddings=32)),
    "llama_bf16": case("Llama", LLAMA, dtype="bfloat16", num_key_value_heads=2),
    "llama_f16_tied": case("Llama", LLAMA, dtype="float16", num_key_value_heads=2, tie_word_embeddings=True),
    "qwen2_tied": case("Qwen2", QWEN, num_key_value_heads=2, tie_word_embeddings=True,
                       rope_parameters=rope(1000000.0)),
    "qwen2_bf16_sharded": case("Qwen2", QWEN, num_key_value_heads=1, dtype="bfloat16", shard="12KB"),
    "qwen2_yarn": case("Qwen2", QWEN, **ROPE_HEAD, tie_word_embeddings=True, rope_parameters=rope(
        1000.0, "yarn", factor=4.0, original_max_position_embeddings=16)),
    "qwen3_tied": case("Qwen3", QWEN, num_key_value_heads=2, head_dim=16, tie_word_embeddings=True,
                       rope_parameters=rope(1000000.0)),
    "qwen3_untied_bias": case("Qwen3", QWEN, num_key_value_heads=1, head_dim=8, attention_bias=True),
    "qwen3_yarn_factor": case("Qwen3", QWEN, **ROPE_HEAD, head_dim=16, tie_word_embeddings=True,
                              rope_parameters=rope(10000.0, "yarn", factor=2.0, original_max_position_embeddings=32,
                                                   beta_fast=16.0, beta_slow=2.0, attention_factor=1.25)),
    "gpt2": case("GPT2", GPT2),
    "gpt2_old_keys": case("GPT2", GPT2, after=old_gpt2_buffers, base_only=True),
    "gpt2_f16_untied_sharded": case("GPT2", GPT2, dtype="float16", n_inner=60, tie_word_embeddings=False,
                                    shard="12KB"),
}


def randomise(model, seed):
    """Every weight, norm and bias, large enough for attention and arg max to matter."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        noise = torch.randn(weight.shape, generator=generator)
        is_norm = "norm" in name or ".ln_" in name
        if is_norm and name.endswith("weight"):
            weight.data = 1.0 + 0.3 * noise
        elif name.endswith("bias"):
            weight.data = 0.3 * noise
        elif "q_proj" in name or "k_proj" in name or "c_attn" in name:
            weight.data = 0.45 * noise
        else:
            weight.data = 0.25 * noise
    model.tie_weights()


def save(spec, folder, seed):
    config = getattr(transformers, spec.family + "Config")(**spec.settings)
    kind = spec.family + ("LMHeadModel" if spec.family == "GPT2" else "ForCausalLM")
    model = getattr(transformers, kind)(config)
    randomise(model, seed)
    model = model.to(getattr(torch, spec.dtype))
    options = {} if spec.shard is None else {"max_shard_size": spec.shard}
    (model.transformer if spec.base_only else model).save_pretrained(folder, **options)
    if spec.after is not None:
        spec.after(folder)


def in_float64(folder, kind=transformers.AutoModelForCausalLM):
    """The saved weights, all mathematics in float64 (the frequencies of the rotation stay rounded to float32)."""
    model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")
    model = model.double().eval()

    def rms_norm(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))

    def rotary(self, x, position_ids, *_, **__):
        angles = position_ids[..., None].double() * self.inv_freq.double()
        angles = torch.cat((angles, angles), dim=-1)
        return angles.cos() * self.attention_scaling, angles.sin() * self.attention_scaling

    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm"):
            module.forward = types.MethodType(rms_norm, module)
        if type(module).__name__.endswith("RotaryEmbedding"):
            module.forward = types.MethodType(rotary, module)
    return model


def rounded(values):
    return [float(f"{value:.7g}") for value in values]


def logits_of(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0]


def greedy(model, prompt):
    ids, tokens, log_probs = list(prompt), [], []
    for _ in range(GREEDY_TOKENS):
        scores = torch.log_softmax(logits_of(model, ids)[-1], -1)
        best = scores.topk(2)
        if best.values[0] - best.values[1] < LEAST_MARGIN:
            return None
        tokens.append(int(best.indices[0]))
        log_probs.append(float(best.values[0]))
        ids.append(tokens[-1])
    return {"prompt_ids": list(prompt), "ids": tokens, "log_probs": rounded(log_probs)}


def expectation(folder, seed):
    """None when an arg max is too close to call."""
    model = in_float64(folder)
    generator = torch.Generator().manual_seed(1000 + seed)
    sequences = []
    for length, all_positions in ((11, True), (40, False), (1, False)):
        ids = torch.randint(4, model.config.vocab_size, (length,), generator=generator).tolist()
        logits = logits_of(model, ids)
        first = 0 if all_positions else length - 1
        sequences.append({"ids": ids, "first_position": first,
                          "logits": [rounded(row.tolist()) for row in logits[first:]]})
    continuation = greedy(model, sequences[0]["ids"][:5])
    return continuation and {"sequences": sequences, "greedy": continuation}


def to_text(expected):
    lines = [f'  "transformers": "{transformers.__version__}", "torch": "{torch.__version__.split("+")[0]}"']
    rows = []
    for sequence in expected["sequences"]:
        logits = ",\n    ".join(json.dumps(row, separators=(",", ":")) for row in sequence["logits"])
        rows.append(f'   {{"ids": {json.dumps(sequence["ids"])}, "first_position": {sequence["first_position"]},'
                    f' "logits": [\n    {logits}]}}')
    lines.append('  "sequences": [\n' + ",\n".join(rows) + "]")
    lines.append('  "greedy": ' + json.dumps(expected["greedy"]))
    return "{\n" + ",\n".join(lines) + "}\n"


def make(name, number):
    for attempt in range(50):
        seed = 100 * number + attempt
        folder = pathlib.Path(tempfile.mkdtemp())
        save(CASES[name], folder, seed)
        expected = expectation(folder, seed)
        if expected is None or len(set(expected["greedy"]["ids"])) < LEAST_DISTINCT:
            shutil.rmtree(folder)
            continue
        (folder / "expected.json").write_text(to_text(expected))
        target = MODELS / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)
        shutil.rmtree(folder)
        distinct = len(set(expected["greedy"]["ids"]))
        size = sum(file.stat().st_size for file in target.iterdir())
        print(f"{name}: seed {seed}, {distinct} distinct greedy tokens, {size:,} bytes")
        return
    sys.exit(f"{name}: no seed gives clear and varied arg maxima")


def close(found, stored):
    return len(found) == len(stored) and all(abs(a - b) <= 1e-5 * max(1.0, abs(b)) for a, b in zip(found, stored))


def check(name):
    stored = json.loads((MODELS / name / "expected.json").read_text())
    model = in_float64(MODELS / name)
    for sequence in stored["sequences"]:
        logits = logits_of(model, sequence["ids"])[sequence["first_position"]:]
        if not all(close(row.tolist(), want) for row, want in zip(logits, sequence["logits"])):
            sys.exit(f"{name}: other logits")
    found = greedy(model, stored["greedy"]["prompt_ids"])
    if found is None or found["ids"] != stored["greedy"]["ids"]:
        sys.exit(f"{name}: another continuation")
    if not close(found["log_probs"], stored["greedy"]["log_probs"]):
        sys.exit(f"{name}: other log-probs")
    print(f"{name}: the same")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", nargs="*", default=list(CASES))
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    for number, name in enumerate(CASES):
        if name in arguments.only:
            check(name) if arguments.check else make(name, number)


if __name__ == "__main__":
    main()

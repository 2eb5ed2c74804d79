"""Gradients of the golden models' losses, by PyTorch and transformers in float64.

    python generate_gradients.py            # writes gradients/<case>.safetensors
    python generate_gradients.py --check    # computes again and compares with what is there

The loss is sum(coefficient * log softmax(logits / temperature)[next token]) over two sequences.
Names and layouts are those of rl/language/model_config.h: GPT-2's fused matrices are taken apart.
"""
import argparse
import pathlib
import sys

import torch
import transformers
from safetensors.torch import load_file, save_file

from generate_models import MODELS, in_float64

GRADIENTS = pathlib.Path(__file__).parent / "gradients"
CASES = ("llama_untied", "qwen2_tied", "qwen3_tied", "gpt2")
TEMPERATURE = 0.8
LENGTHS = (11, 30)


def inputs(vocabulary):
    generator = torch.Generator().manual_seed(7)
    tokens = torch.randint(0, vocabulary, (sum(LENGTHS),), generator=generator)
    coefficients = torch.randn(sum(LENGTHS), generator=generator)
    targets = torch.roll(tokens, -1)
    for end in (LENGTHS[0], sum(LENGTHS)):
        targets[end - 1] = -1
    return tokens, targets, coefficients


def gpt2_names(gradients):
    """Named as Llama's, [out, in], queries, keys and values apart."""
    parts = {"ln_1": "input_layernorm", "attn.c_proj": "self_attn.o_proj", "ln_2": "post_attention_layernorm",
             "mlp.c_fc": "mlp.up_proj", "mlp.c_proj": "mlp.down_proj"}
    result = {}
    for name, gradient in gradients.items():
        name = name.removeprefix("transformer.")
        if name.startswith("h."):
            _, layer, rest = name.split(".", 2)
            module, kind = rest.rsplit(".", 1)
            if gradient.dim() == 2:
                gradient = gradient.t()
            if module == "attn.c_attn":
                for letter, part in zip("qkv", gradient.chunk(3)):
                    result[f"model.layers.{layer}.self_attn.{letter}_proj.{kind}"] = part
            else:
                result[f"model.layers.{layer}.{parts[module]}.{kind}"] = gradient
        else:
            module, kind = name.rsplit(".", 1)
            short = {"wte": "embed_tokens", "wpe": "embed_positions", "ln_f": "norm"}[module]
            result[f"model.{short}.{kind}"] = gradient
    return result


def compute(name):
    model = in_float64(MODELS / name)
    tokens, targets, coefficients = inputs(model.config.vocab_size)
    log_probs, start = [], 0
    for length in LENGTHS:
        logits = model(tokens[None, start:start + length]).logits[0] / TEMPERATURE
        wanted = targets[start:start + length]
        picked = torch.log_softmax(logits, -1).gather(1, wanted.clamp(min=0)[:, None])[:, 0]
        log_probs.append(torch.where(wanted >= 0, picked, 0.0))
        start += length
    log_probs = torch.cat(log_probs)
    (log_probs * coefficients.double()).sum().backward()
    gradients = {key: parameter.grad for key, parameter in model.named_parameters()}
    if name.startswith("gpt2"):
        gradients = gpt2_names(gradients)
    result = {f"gradient.{key}": value.float().contiguous() for key, value in gradients.items()}
    return result | {"tokens": tokens, "targets": targets, "coefficients": coefficients,
                     "log_probs": log_probs.detach().float()}


def check(name):
    stored, found = load_file(GRADIENTS / f"{name}.safetensors"), compute(name)
    if stored.keys() != found.keys():
        sys.exit(f"{name}: other tensors")
    for key, value in found.items():
        if not torch.allclose(value.double(), stored[key].double(), rtol=1e-5, atol=1e-6):
            sys.exit(f"{name}: another {key}")
    print(f"{name}: the same")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    GRADIENTS.mkdir(exist_ok=True)
    for name in CASES:
        if arguments.check:
            check(name)
        else:
            save_file(compute(name), GRADIENTS / f"{name}.safetensors")


if __name__ == "__main__":
    main()

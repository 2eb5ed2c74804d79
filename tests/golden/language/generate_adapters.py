"""A low-rank adapter of a golden model as PEFT saves it, and what the model says with it.

    python generate_adapters.py            # writes adapters/peft/ and adapters/expected.safetensors
    python generate_adapters.py --check    # PEFT reads adapters/peft/ and adapters/corral/ and says the same

adapters/corral/ is the same adapter as save_adapters (rl/models/lora.h) writes it; a test compares its bytes.
"""
import argparse
import pathlib
import sys

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

from generate_models import MODELS, in_float64

ADAPTERS = pathlib.Path(__file__).parent / "adapters"
BASE = "llama_gqa2_tied"


def randomised():
    model = transformers.AutoModelForCausalLM.from_pretrained(MODELS / BASE, dtype=torch.float32)
    config = peft.LoraConfig(r=3, lora_alpha=6, target_modules=["q_proj", "v_proj", "down_proj"], task_type="CAUSAL_LM")
    model = peft.get_peft_model(model, config)
    model.peft_config["default"].base_model_name_or_path = BASE
    generator = torch.Generator().manual_seed(11)
    for name, weight in model.named_parameters():
        if "lora_" in name:
            weight.data = 0.4 * torch.randn(weight.shape, generator=generator)
    return model


def log_probs(folder, tokens):
    model = peft.PeftModel.from_pretrained(in_float64(MODELS / BASE), folder, autocast_adapter_dtype=False)
    model = model.double().merge_and_unload()
    with torch.no_grad():
        logits = model(tokens[None]).logits[0]
    return torch.log_softmax(logits[:-1], -1).gather(1, tokens[1:, None])[:, 0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    if not arguments.check:
        randomised().save_pretrained(ADAPTERS / "peft")
        (ADAPTERS / "peft" / "README.md").unlink(missing_ok=True)
        tokens = torch.randint(0, 97, (25,), generator=torch.Generator().manual_seed(12))
        save_file({"tokens": tokens, "log_probs": log_probs(ADAPTERS / "peft", tokens).float()},
                  ADAPTERS / "expected.safetensors")
        return
    expected = load_file(ADAPTERS / "expected.safetensors")
    for folder in ("peft", "corral"):
        found = log_probs(ADAPTERS / folder, expected["tokens"])
        if not torch.allclose(found, expected["log_probs"].double(), rtol=1e-5, atol=1e-5):
            sys.exit(f"{folder}: other log-probs")
        print(f"{folder}: the same")


if __name__ == "__main__":
    main()

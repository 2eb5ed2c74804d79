"""The models and batches of bench_language_training in PyTorch (eager) and transformers.

    python language_training_peer.py <1m|1m-short|100m|vocab50k> [steps] [threads]
"""
import os
import resource
import statistics
import sys
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch
import transformers

WORKLOADS = {
    "1m": (dict(vocab_size=512, hidden_size=128, num_hidden_layers=4, intermediate_size=352, num_attention_heads=4), 16, 128),
    "1m-short": (dict(vocab_size=512, hidden_size=128, num_hidden_layers=4, intermediate_size=352, num_attention_heads=4), 16, 32),
    "100m": (dict(vocab_size=32000, hidden_size=768, num_hidden_layers=12, intermediate_size=2048, num_attention_heads=12), 4, 256),
    "vocab50k": (dict(vocab_size=50257, hidden_size=256, num_hidden_layers=4, intermediate_size=704, num_attention_heads=4), 16, 256),
}


def main():
    name = sys.argv[1] if len(sys.argv) > 1 else "1m"
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    torch.set_num_threads(int(sys.argv[3]) if len(sys.argv) > 3 else 2)
    settings, sequences, length = WORKLOADS[name]
    torch.manual_seed(1)
    config = transformers.LlamaConfig(**settings, max_position_embeddings=1024, tie_word_embeddings=True, use_cache=False)
    model = transformers.LlamaForCausalLM(config)
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    tokens = torch.randint(0, settings["vocab_size"], (sequences, length))
    times, processor = [], []
    for step in range(steps + 1):  # the first one warms up
        start, processor_start = time.perf_counter(), time.process_time()
        optimiser.zero_grad()
        loss = model(input_ids=tokens, labels=tokens).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if step > 0:
            times.append(time.perf_counter() - start)
            processor.append(time.process_time() - processor_start)
    rate = tokens.numel() / statistics.median(times)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:9} {sum(p.numel() for p in model.parameters()):9} parameters {tokens.numel():5} tokens/step  "
          f"{rate:9.1f} tokens/s  {statistics.median(times):.3f} s a step  "
          f"processor {statistics.median(processor):.3f} s  peak {peak:.0f} MB  loss {loss.item():.4f}  "
          f"(torch {torch.__version__}, transformers {transformers.__version__})")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""GRPO by `corral train` and by TRL's GRPOTrainer: same model, problems, group, completion length, updates.

usage: bench/grpo_peer.py MODEL PROBLEMS.jsonl [--rounds 20] [--prompts 64] [--group 8] [--max-new 6] [--lr 2e-4]
                          [--threads 2] [--seed 1] [--side both|corral|trl] [--out FILE.json]

Run with the Python of `scripts/bootstrap --oracles`. MODEL is a Hugging Face directory, PROBLEMS.jsonl what `corral
make-data` writes. Both train from MODEL in f32 on the CPU with the same optimiser (AdamW, no decay, constant rate,
gradients clipped at 1), one update per round of prompts x group completions, sampled at temperature 1; the reward is
1 for the answer followed by the stop token. TRL has the whole round in one batch, no gradient checkpointing and as
many threads; all else are its defaults. Time is from the end of the first round to the end of the last: starting and
loading are in neither's. A token is a sampled one (the stop token too).
"""
import argparse, json, pathlib, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def summary(program, rounds, seconds, texts):
    """`rounds`: (tokens per text, mean reward), the first one warming up."""
    tokens = sum(length * texts for length, _ in rounds[1:])
    rewards = [reward for _, reward in rounds]
    tail = max(1, len(rewards) // 4)
    return {"program": program, "rounds": len(rounds), "texts": texts * len(rounds), "seconds_per_round": seconds / (len(rounds) - 1),
            "tokens_per_second": tokens / seconds, "first_reward": sum(rewards[:tail]) / tail,
            "last_reward": sum(rewards[-tail:]) / tail, "rewards": rewards}


def corral(options):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([ROOT / "build/release/corral", "train", "--algo", "grpo", "--model", options.model, "--data",
                        options.problems, "--held-out", "1", "--prompts", str(options.prompts), "--group", str(options.group),
                        "--max-prompt", "16", "--max-new", str(options.max_new), "--lr", str(options.lr),
                        "--steps", str(options.rounds), "--eval-every", "0", "--threads", str(options.threads),
                        "--workers", str(options.threads), "--worker-mode", "process", "--seed", str(options.seed), "--quiet",
                        "--out", f"{folder}/run"], check=True, stdout=subprocess.DEVNULL)
        rows = [json.loads(line) for line in open(f"{folder}/run/metrics.jsonl")]
    rows = [row for row in rows if "reward/mean" in row]
    return summary("corral", [(row["completions/length_mean"], row["reward/mean"]) for row in rows],
                   rows[-1]["wall_seconds"] - rows[0]["wall_seconds"], options.prompts * options.group)


def trl(options):
    import os
    os.environ["HF_HUB_OFFLINE"] = "1"
    import datasets, torch, transformers
    from trl import GRPOConfig, GRPOTrainer
    torch.set_num_threads(options.threads)
    tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)
    ends = []

    class Clock(transformers.TrainerCallback):
        def on_step_end(self, *_, **__):
            ends.append(time.perf_counter())

    def right(completions, completion_ids, answer, **_):
        return [float(ids[-1] == tokenizer.eos_token_id and text.strip() == wanted)
                for text, ids, wanted in zip(completions, completion_ids, answer)]

    problems = [json.loads(line) for line in open(options.problems)]
    data = datasets.Dataset.from_list([{"prompt": row["prompt"], "answer": row["completion"]} for row in problems])
    with tempfile.TemporaryDirectory() as folder:
        settings = GRPOConfig(
            output_dir=folder, seed=options.seed, use_cpu=True, bf16=False, max_steps=options.rounds,
            per_device_train_batch_size=options.prompts * options.group, num_generations=options.group,
            max_completion_length=options.max_new, learning_rate=options.lr, lr_scheduler_type="constant", loss_type="grpo",
            gradient_checkpointing=False, dataloader_pin_memory=False, model_init_kwargs={"dtype": "float32"},
            logging_steps=1, save_strategy="no", report_to="none", disable_tqdm=True)
        trainer = GRPOTrainer(model=options.model, reward_funcs=right, args=settings, train_dataset=data,
                              processing_class=tokenizer, callbacks=[Clock()])
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
        rows = [row for row in trainer.state.log_history if "reward" in row]
    return summary("trl", [(row["completions/mean_length"], row["reward"]) for row in rows], ends[-1] - ends[0],
                   options.prompts * options.group)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("problems")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--max-new", type=int, default=6)
    parser.add_argument("--lr", type=float, default=2e-4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--side", choices=["both", "corral", "trl"], default="both")
    parser.add_argument("--out", type=pathlib.Path, help="one line of JSON per program is added to this file")
    options = parser.parse_args()
    results = []
    for name, run in (("corral", corral), ("trl", trl)):
        if options.side in ("both", name):
            results.append(run(options))
    for result in results:
        print("{program:7} {tokens_per_second:8.0f} tokens/s  {seconds_per_round:.3f} s a round  reward {first_reward:.3f} in the "
              "first quarter, {last_reward:.3f} in the last of {texts} texts".format(**result))
        if options.out:
            with open(options.out, "a") as file:
                file.write(json.dumps(result) + "\n")
    if len(results) == 2:
        print(f"corral beside TRL: {results[0]['tokens_per_second'] / results[1]['tokens_per_second']:.1f} times the tokens/s")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""RLHF on a real model: pairs ranked by a stated rule, a reward model, GRPO, PPO and DPO.

    bench/stories_rlhf.py MODEL_DIR [--corral build/release/corral] [--out runs/stories-rlhf]

MODEL_DIR is the stories260K model (a Llama of 260,032 parameters that writes short stories) as a
Hugging Face directory. It parts its stories by its begin token; the copy that is trained says so,
so that a completion ends where a story ends.

The rule: a story is better when it has more lines of dialogue, counted as pairs of quotation marks.
Nobody but this file knows the rule: the reward model sees pairs, the policy sees its rewards.

1. The model writes --per-prompt stories for each prompt; neighbours with different counts are a pair.
   A sixth of the prompts is held out from everything.
2. A reward model learns from the pairs; its accuracy on pairs of held-out prompts is told.
3. GRPO and PPO learn against the reward model, DPO from the pairs themselves.
4. Every policy writes stories for the held-out prompts. Told are the rule's own score, and the KL
   divergence from the first model per completion: the mean of the summed log-prob differences.

Standard library only. Every command is printed; a step whose result is there is not made again.
"""

import argparse
import json
import math
import pathlib
import shutil
import subprocess
import time

NAMES = "Lily Tim Tom Sam Ben Mia Sue Max Anna Bob Jack Sara".split()
WHO = ["a little girl named", "a little boy named", "a big dog named", "a small cat named",
       "a kind man named", "a happy bird named"]
OPENINGS = ["Once upon a time, there was {}.", "One day, {} went to the park.", "{} was very sad."]
MAX_NEW = 400


def lines_of_dialogue(story):
    return story.count('"') // 2


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


class Experiment:
    def __init__(self, arguments):
        self.arguments = arguments
        self.out = pathlib.Path(arguments.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.start = self.out / "start"

    def corral(self, *words):
        words = [self.arguments.corral, *map(str, words)]
        print("$ " + " ".join(words), flush=True)
        began = time.monotonic()
        subprocess.run(words, check=True)
        print(f"  {time.monotonic() - began:.0f} s", flush=True)

    def write_stories(self, out, *words):
        """Samples of a model, by one thread: its steps are too small to share. The file is there when it is whole."""
        if out.exists():
            return
        partial = out.with_suffix(".partial")
        self.corral("generate", "--max-new", MAX_NEW, "--batch", 64, "--threads", 1, *words, "--out", partial)
        partial.rename(out)

    def prepare(self):
        """A copy of the model whose stories end at the token that parts them."""
        if self.start.exists():
            return
        made = self.out / "start.partial"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
                     "generation_config.json"):
            shutil.copyfile(pathlib.Path(self.arguments.model) / name, made / name)
        begin = json.loads((made / "tokenizer_config.json").read_text())["bos_token"]
        for name, key, value in (("tokenizer_config.json", "eos_token", begin),
                                 ("generation_config.json", "eos_token_id", None),
                                 ("config.json", "eos_token_id", None)):
            settings = json.loads((made / name).read_text())
            settings[key] = settings["bos_token_id"] if value is None else value
            (made / name).write_text(json.dumps(settings, indent=1))
        made.rename(self.start)

    def write_prompts(self):
        prompts = []
        for i, who in enumerate(WHO):
            for j, name in enumerate(NAMES):
                for opening in OPENINGS:
                    text = opening.format(f"{who} {name}")
                    prompts.append((text[0].upper() + text[1:], (i + j) % 6 == 0))
        for name, held_out in (("prompts", False), ("held-out-prompts", True)):
            write_lines(self.out / f"{name}.jsonl",
                        [{"prompt": text} for text, held in prompts if held == held_out])

    def write_pairs(self, prompts, pairs, seed):
        samples = self.out / ("samples-of-" + prompts)
        self.write_stories(samples, "--model", self.start, "--prompts", self.out / prompts,
                           "--n", self.arguments.per_prompt, "--seed", seed)
        rows = []
        for line in read_lines(samples):
            stories = [c["text"] for c in line["completions"] if c["finish_reason"] == "stop"]
            for one, other in zip(stories[::2], stories[1::2]):
                if lines_of_dialogue(one) == lines_of_dialogue(other):
                    continue
                chosen, rejected = sorted((one, other), key=lines_of_dialogue, reverse=True)
                rows.append({"prompt": line["prompt"], "chosen": chosen, "rejected": rejected})
        write_lines(self.out / pairs, rows)
        print(f"  {len(rows)} pairs in {pairs}")

    def train(self, name, *words):
        """The folder of the trained model."""
        run = self.out / name
        if not (run / "model").exists():
            resume = ["--resume"] if (run / "config.ini").exists() else []
            self.corral("train", *words, *resume, "--seed", self.arguments.seed, "--threads", 1,
                        "--out", run)
        return run / "model"

    def train_all(self):
        configs = pathlib.Path(__file__).resolve().parent.parent / "configs"
        pairs = ("--model", self.start, "--data", self.out / "pairs.jsonl",
                 "--validation", self.out / "held-out-pairs.jsonl")
        judge = self.train("rm", "--config", configs / "rm-stories.ini", *pairs)
        policies = {"start": self.start}
        for name in self.arguments.algorithms.split(","):
            words = ("--config", configs / f"{name}-stories.ini")
            if name == "dpo":
                policies[name] = self.train(name, *words, *pairs)
            else:
                policies[name] = self.train(
                    name, *words, "--model", self.start, "--data", self.out / "prompts.jsonl",
                    "--rewards", f"reward-model:1:{judge}", "--workers", 2)
        return policies

    def measure(self, name, model):
        """Scores and KL of stories for the held-out prompts."""
        samples = self.out / f"stories-{name}.jsonl"
        self.write_stories(samples, "--model", model, "--reference", self.start,
                           "--prompts", self.out / "held-out-prompts.jsonl",
                           "--n", self.arguments.stories, "--seed", 12345)
        scores, divergences, lengths, ended = [], [], [], []
        for line in read_lines(samples):
            for completion in line["completions"]:
                scores.append(lines_of_dialogue(completion["text"]))
                divergences.append(sum(completion["log_probs"]) -
                                   sum(completion["reference_log_probs"]))
                lengths.append(len(completion["tokens"]))
                ended.append(completion["finish_reason"] == "stop")
        return scores, divergences, lengths, ended

    def last(self, run, metric):
        values = [row[metric] for row in read_lines(self.out / run / "metrics.jsonl")
                  if metric in row]
        return values[-1]

    def report(self, policies):
        accuracy = self.last("rm", "evaluation/pair_accuracy")
        count = len(read_lines(self.out / "held-out-pairs.jsonl"))
        print(f"\nreward model: {100 * accuracy:.1f} % of {count} held-out pairs right")
        print("\n| policy | lines of dialogue | gain, standard errors | KL from the start, nats per "
              "completion | tokens | ended |\n|---|---|---|---|---|---|")
        first = None
        for name, model in policies.items():
            scores, divergences, lengths, ended = self.measure(name, model)
            mean, error = moments(scores)
            first = first or (mean, error)
            gain = (mean - first[0]) / math.hypot(error, first[1]) if name != "start" else 0.0
            kl, kl_error = moments(divergences)
            print(f"| {name} | {mean:.2f} ± {error:.2f} | {gain:.1f} | {kl:.2f} ± {kl_error:.2f} | "
                  f"{moments(lengths)[0]:.0f} | {100 * moments(ended)[0]:.0f} % |")
        print()
        for name in policies:
            line = read_lines(self.out / f"stories-{name}.jsonl")[0]
            story = line["completions"][0]["text"]
            print(f"--- {name}, {lines_of_dialogue(story)} lines of dialogue\n"
                  f"{line['prompt']}{story}\n")


def moments(values):
    """Mean, and its standard error."""
    mean = sum(values) / len(values)
    squares = sum((value - mean) ** 2 for value in values)
    return mean, math.sqrt(squares / (len(values) - 1) / len(values))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--corral", default="build/release/corral")
    parser.add_argument("--out", default="runs/stories-rlhf")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-prompt", type=int, default=16, help="stories that pairs are made of")
    parser.add_argument("--stories", type=int, default=16, help="per held-out prompt, to measure")
    parser.add_argument("--algorithms", default="grpo,ppo,dpo")
    experiment = Experiment(parser.parse_args())
    experiment.prepare()
    experiment.write_prompts()
    experiment.write_pairs("prompts.jsonl", "pairs.jsonl", seed=1)
    experiment.write_pairs("held-out-prompts.jsonl", "held-out-pairs.jsonl", seed=2)
    experiment.report(experiment.train_all())


if __name__ == "__main__":
    main()

// Procedural problems with known answers: training data and rewards without downloads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rl/core/rng.h"

namespace rl::language {

struct TextProblem {
  std::string prompt;  // "47+85="
  std::string answer;  // "132"
};

struct TextTaskOptions {
  std::string task = "addition";
  std::size_t digits = 2;  // of every operand: addition 1..18, chain-sum 1..16, countdown 1..4
  // Letters of reverse and letter-count, digits of sorting (1..256), terms of chain-sum (2..64),
  // numbers of countdown (2..8).
  std::size_t length = 4;
};

// A family of problems. Threads: immutable; any number of threads at once.
class TextTask {
 public:
  virtual ~TextTask() = default;

  virtual TextProblem draw(RngStream& stream) const = 0;
  // What two problems share when knowing one gives the other away: 47+85 and 85+47 have the same.
  virtual std::string identity(const TextProblem& problem) const { return problem.prompt; }
  // 0 (wrong) to 1 (right) for a completion without its end-of-sequence token. Here: the answer and
  // nothing else, white space around it aside.
  virtual double score(const TextProblem& problem, std::string_view completion) const;
};

// addition   "47+85="           "132"    operands have exactly `digits` digits
// reverse    "reverse(bdca)="   "acdb"
// sorting    "sort(4130)="      "0134"
// chain-sum  "47-12+85="        "120"    `length` terms of 1 to `digits` digits, plus or minus
// countdown  "countdown(3,25,5;60)="  "(25-5)*3"  any sum of + - * / and brackets that uses each of
//            `length` numbers of 1 to `digits` digits once and makes the target is right
// letter-count  "count(a,abca)="  "2"    how often a letter is among `length`
// Throws Error for an unknown task (with the nearest) and for sizes out of range.
std::unique_ptr<TextTask> make_text_task(const TextTaskOptions& options);

struct TextTaskDescription {
  std::string_view name;
  std::string_view example;
};
std::span<const TextTaskDescription> text_task_descriptions();

struct TaskData {
  std::vector<TextProblem> training;
  std::vector<TextProblem> held_out;
};

// Different prompts, in both parts together; no training problem has the identity of a held-out
// one. The held-out part depends on the task, the seed and its own count alone.
// Throws Error when the task has not that many.
TaskData make_task_data(const TextTask& task, std::size_t training, std::size_t held_out,
                        std::uint64_t seed);

// A line {"prompt": ..., "completion": ...} per problem: what read_training_data reads.
std::string to_jsonl(std::span<const TextProblem> problems);

}  // namespace rl::language

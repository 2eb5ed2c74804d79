#include <nlohmann/json.hpp>
#include <unordered_set>

#include "rl/core/error.h"
#include "rl/language/text_tasks.h"

namespace rl::language {
namespace {

// So many draws without anything new mean that the task has no more (a task of 10,000 problems
// with one left to find misses it that often once in e^100 runs).
constexpr std::size_t kMostFutileDraws = 1'000'000;

using Texts = std::unordered_set<std::string>;

// `accept` says whether a problem is wanted, and takes note of it.
template <class Accept>
std::vector<TextProblem> draw_problems(const TextTask& task, RngStream& stream, std::size_t count,
                                       const char* part, const Accept& accept) {
  std::vector<TextProblem> problems;
  std::size_t futile = 0;
  while (problems.size() < count) {
    TextProblem problem = task.draw(stream);
    if (accept(problem)) {
      problems.push_back(std::move(problem));
      futile = 0;
    } else if (++futile == kMostFutileDraws) {
      throw Error({.where = "text task", .what = std::string("the task has too few different ") +
                                                 part + " problems",
                   .expected = std::to_string(count), .got = std::to_string(problems.size()),
                   .remedy = "ask for fewer, or for more digits or a greater length"});
    }
  }
  return problems;
}

}  // namespace

TaskData make_task_data(const TextTask& task, std::size_t training, std::size_t held_out,
                        std::uint64_t seed) {
  TaskData data;
  Texts reserved;
  RngStream held_out_stream(seed, RngRole::text_task, 0);
  data.held_out = draw_problems(task, held_out_stream, held_out, "held-out", [&](const auto& p) {
    return reserved.insert(task.identity(p)).second;
  });
  Texts prompts;
  RngStream training_stream(seed, RngRole::text_task, 1);
  data.training = draw_problems(task, training_stream, training, "training", [&](const auto& p) {
    return !reserved.contains(task.identity(p)) && prompts.insert(p.prompt).second;
  });
  return data;
}

std::string to_jsonl(std::span<const TextProblem> problems) {
  std::string text;
  for (const TextProblem& problem : problems) {
    text += nlohmann::ordered_json({{"prompt", problem.prompt}, {"completion", problem.answer}})
                .dump() + "\n";
  }
  return text;
}

}  // namespace rl::language

// The part of a run's configuration that only text has: problems, rewards, sampling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "rl/core/spec.h"
#include "rl/language/text_generator.h"
#include "rl/language/text_tasks.h"

namespace rl::rollout {

// Rewards that are no verifiers of a registry.
inline constexpr const char* kTaskRewardName = "task";
inline constexpr const char* kRewardModelName = "reward-model";

// One term of the score: weight * the verdict of the verifier of this name.
struct TextReward {
  std::string verifier{};  // registered name: see rl/language/verifier.h
  double weight = 1.0;     // finite
  std::string argument{};  // the verifier's own, e.g. the pattern of "regex"; one line
  std::string digest{};    // of what the argument names (a reward model); a worker compares

  friend bool operator==(const TextReward&, const TextReward&) = default;
};

// Threads: plain values. In `name = value` lines every field is `text.<field>`.
struct TextRunConfig {
  // Where problems come from: a procedural task (task, digits, length), or a file of JSON lines.
  std::string task = "addition";
  std::uint32_t digits = 2;
  std::uint32_t length = 4;
  std::string prompts_file{};       // a path that every worker can read; empty: the task
  std::string prompts_digest{};     // to_hex(digest(the file's bytes)); a worker compares
  bool skip_broken_lines = false;   // of the file: pass over and count instead of an error
  // Problems kept for evaluation; training never draws them.
  std::uint32_t held_out = 100;

  // How a problem becomes tokens. "{prompt}" stands for the problem; the model's chat template,
  // when used, then makes it the user's message.
  std::string prompt_template = "{prompt}";
  bool chat = false;

  // A round has prompts_per_round * group places (RunConfig::num_environments).
  std::uint32_t prompts_per_round = 8;
  std::uint32_t group = 8;          // samples of one prompt
  // Asynchronous runs: rounds that may begin before their weights; see newest_round_to_begin(). 0
  // in lockstep.
  std::uint32_t max_staleness = 0;

  std::uint32_t max_prompt_tokens = 256;  // longer prompts are passed over and counted
  std::uint32_t max_new_tokens = 128;
  double temperature = 1.0;         // above 0
  std::uint32_t top_k = 0;          // 0: all
  double top_p = 1.0;
  double min_p = 0.0;

  // "task" is the procedural task's own score; "reward-model" that of the model in the folder which
  // its argument names, a path that every worker can read. Empty: the task's own score; of a file
  // "answer" (numeric when the answer has "#### n", else exact). The score is clamped to
  // +-reward_limit.
  std::vector<TextReward> rewards{};
  double reward_limit = 10.0;
  // A completion that its length ended scores 0 unless this is set.
  bool score_truncated = false;
  // Answers the policy's calls of a tool inside a text: "" (none) or "calculator", which puts the
  // value behind `<<2+3=`. Its tokens are the environment's: not sampled, no loss.
  std::string tool{};

  // Of the model that the run trains: column bounds follow from it.
  std::uint32_t vocabulary = 0;

  std::size_t max_tokens() const { return std::size_t{max_prompt_tokens} + max_new_tokens; }
  std::size_t places() const { return std::size_t{prompts_per_round} * group; }
  bool from_file() const { return !prompts_file.empty(); }
  language::TextTaskOptions task_options() const { return {task, digits, length}; }
  language::SamplingOptions sampling() const;

  friend bool operator==(const TextRunConfig&, const TextRunConfig&) = default;
};

// Throws Error naming the field and what is allowed. Registered names are not checked here.
void validate(const TextRunConfig& config);

// The last round whose texts may begin once weights of this version are here. Round k is learned
// from when version k is the newest, so no token of it is more than max_staleness versions old, and
// nothing that was sampled has to be thrown away for its age. Summed over all places it is AReaL's
// rule of admission (Fu et al. 2025, equation 3): with B = places() texts per update and
// version - 1 updates made, accepted + running <= (max_staleness + (version - 1) + 1) * B.
// Threads: a pure function.
std::uint64_t newest_round_to_begin(const TextRunConfig& config, std::uint64_t version);

// What the run's fragments look like: text_spec(vocabulary, max_tokens(), reward_limit).
EnvironmentSpec text_spec(const TextRunConfig& config);

// Lines `text.<field> = value`, every field. Line ends and outer spaces inside values are escaped.
std::string to_text(const TextRunConfig& config);
// From the values of names that begin with "text." (taken out of the map). Throws Error naming the
// field that is missing, malformed or out of range.
TextRunConfig text_run_config_from(std::map<std::string, std::string>& values);

}  // namespace rl::rollout

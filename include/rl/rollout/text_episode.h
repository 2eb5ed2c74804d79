// Completions as fragments: how a sampled text travels, is stored and learned from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "rl/core/fragment.h"
#include "rl/core/spec.h"

namespace rl::rollout {

// A text of N tokens is an episode of N - 1 steps: step t sees token t and its action is token
// t + 1. So the observation column, with its final row, holds the whole text, and the rows whose
// action the policy sampled carry its log-prob and weight version.
//
//   row                   0        1        2        3       4 (final)
//   observation.token     prompt0  prompt1  prompt2  token3  token4
//   observation.sampled   0        0        0        1       1        1: this token was sampled
//   action.token          prompt1  prompt2  token3   token4
//   log_prob              0        0        lp3      lp4              of the action, if sampled
//   reward                0        0        0        score            of the whole text, last step
//
// header.environment is the sample's place in the round (prompt * group size + sample),
// header.group numbers the run's prompts from 1, header.round is the round; the whole text is one
// fragment that ends the round. End: terminated when a stop token ended it, truncated when its
// length did.
inline constexpr std::string_view kTokenName = "token";
inline constexpr std::string_view kSampledName = "sampled";

// Observations token (i32) and sampled (u8), action token (i32), rewards within +-reward_limit.
EnvironmentSpec text_spec(std::size_t vocabulary, std::size_t max_tokens, double reward_limit);

struct TextEpisode {
  std::vector<std::int32_t> tokens{};         // prompt and completion; at least two
  std::vector<std::uint8_t> sampled{};        // per token
  std::vector<float> log_probs{};             // per token; 0 unless sampled
  std::vector<std::int64_t> versions{};       // per token: of the weights that sampled it
  double score = 0.0;
  std::vector<float> term_scores{};           // of each verifier, in the order of the rewards
  bool scored = true;                         // false: no verifier could say; excluded by learners
  bool truncated = false;
  std::uint64_t place = 0;                    // environment
  std::uint64_t group = 0;
  std::uint64_t round = 0;
};

// Whether it was scored, a byte, and the verifiers' scores, f32 each, travel in the continuation
// bytes, of which a text has no other use.
FragmentPtr to_fragment(const TextEpisode& episode,
                        std::shared_ptr<const FragmentSchema> schema);
// The inverse. Throws Error when the fragment is not one text (a hostile or mistaken worker).
TextEpisode to_episode(const Fragment& fragment);

}  // namespace rl::rollout

#include "rl/rollout/text_episode.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "rl/core/error.h"

namespace rl::rollout {
namespace {

constexpr std::string_view kWhere = "text fragment";

// Whether it was scored: the first byte of the continuation.
constexpr std::byte kScored{1};
constexpr std::byte kUnscored{0};

struct Columns {
  explicit Columns(const FragmentSchema& schema)
      : token(schema.require(std::string(kObservationPrefix) + std::string(kTokenName))),
        sampled(schema.require(std::string(kObservationPrefix) + std::string(kSampledName))),
        action(schema.require(std::string(kActionPrefix) + std::string(kTokenName))),
        reward(schema.require(kRewardColumn)),
        log_prob(schema.require(kLogProbColumn)),
        version(schema.require(kPolicyVersionColumn)) {
    require_dtype(schema, token, DType::i32);
    require_dtype(schema, sampled, DType::u8);
    require_dtype(schema, action, DType::i32);
  }

  static void require_dtype(const FragmentSchema& schema, std::size_t column, DType dtype) {
    const TensorSpec& tensor = schema.columns()[column].tensor;
    if (tensor.dtype == dtype && tensor.num_elements() == 1) return;
    throw Error({.where = std::string(kWhere),
                 .what = "column '" + tensor.name + "' is none of a text's",
                 .expected = "one " + std::string(name(dtype)),
                 .got = describe(tensor)});
  }

  std::size_t token, sampled, action, reward, log_prob, version;
};

[[noreturn]] void refuse(const std::string& what, const std::string& expected,
                         const std::string& got) {
  throw Error({.where = std::string(kWhere), .what = what, .expected = expected, .got = got});
}

void require_whole(const TextEpisode& episode) {
  const std::size_t size = episode.tokens.size();
  if (size < 2) refuse("the text is too short", "at least 2 tokens", std::to_string(size));
  if (episode.sampled.size() == size && episode.log_probs.size() == size &&
      episode.versions.size() == size) {
    return;
  }
  refuse("the columns differ in length", std::to_string(size) + " of each",
         std::to_string(episode.sampled.size()) + ", " + std::to_string(episode.log_probs.size()) +
             " and " + std::to_string(episode.versions.size()));
}

void require_header(const FragmentHeader& header) {
  if (header.num_steps < 1 || header.first_step != 0) {
    refuse("it is not the text from its beginning", "step 0 and following",
           "step " + std::to_string(header.first_step));
  }
  if (header.end == FragmentEnd::running) refuse("the text has no end", "an end", "none");
  if (header.continuation_bytes % sizeof(float) != 1) {
    refuse("it does not say whether and how it was scored",
           "1 byte and 4 per verifier behind the columns",
           std::to_string(header.continuation_bytes));
  }
}

// Step t's action is token t + 1, and only the last step is rewarded.
void require_steps(const TextEpisode& episode, std::span<const std::int32_t> actions,
                   std::span<const float> rewards) {
  if (episode.sampled.front() != 0) refuse("its first token was sampled", "a prompt", "none");
  for (std::size_t t = 0; t < actions.size(); ++t) {
    const std::string step = "step " + std::to_string(t);
    if (actions[t] != episode.tokens[t + 1]) {
      refuse("the action of " + step + " is not the next token",
             std::to_string(episode.tokens[t + 1]), std::to_string(actions[t]));
    }
    if (episode.sampled[t + 1] > 1) {
      refuse("'sampled' of " + step + " is no flag", "0 or 1",
             std::to_string(episode.sampled[t + 1]));
    }
    if (t + 1 < actions.size() && rewards[t] != 0.0F) {
      refuse(step + " is rewarded", "a reward of the whole text", std::to_string(rewards[t]));
    }
    if (episode.sampled[t + 1] == 0 && episode.log_probs[t + 1] != 0.0F) {
      refuse(step + " has a log-prob, but its token was not sampled", "0",
             std::to_string(episode.log_probs[t + 1]));
    }
  }
}

}  // namespace

EnvironmentSpec text_spec(std::size_t vocabulary, std::size_t max_tokens, double reward_limit) {
  const auto bound = static_cast<double>(vocabulary) - 1.0;
  EnvironmentSpec spec;
  spec.name = "text";
  spec.observations = {
      {.name = std::string(kTokenName), .dtype = DType::i32, .low = {0.0}, .high = {bound}},
      {.name = std::string(kSampledName), .dtype = DType::u8, .low = {0.0}, .high = {1.0}}};
  spec.actions = {
      {.name = std::string(kTokenName), .dtype = DType::i32, .low = {0.0}, .high = {bound}}};
  spec.max_episode_steps = static_cast<std::int64_t>(max_tokens) - 1;
  spec.reward_low = -reward_limit;
  spec.reward_high = reward_limit;
  validate(spec);
  return spec;
}

FragmentPtr to_fragment(const TextEpisode& episode, std::shared_ptr<const FragmentSchema> schema) {
  require_whole(episode);
  const Columns columns(*schema);
  const std::size_t steps = episode.tokens.size() - 1;
  auto fragment = std::make_shared<Fragment>(std::move(schema), steps,
                                            1 + episode.term_scores.size() * sizeof(float));
  std::ranges::copy(episode.tokens, fragment->column<std::int32_t>(columns.token).begin());
  std::ranges::copy(episode.sampled, fragment->column<std::uint8_t>(columns.sampled).begin());
  const auto actions = fragment->column<std::int32_t>(columns.action);
  const auto log_probs = fragment->column<float>(columns.log_prob);
  const auto versions = fragment->column<std::int64_t>(columns.version);
  for (std::size_t t = 0; t < steps; ++t) {
    actions[t] = episode.tokens[t + 1];
    log_probs[t] = episode.log_probs[t + 1];
    versions[t] = episode.versions[t + 1];
  }
  fragment->column<float>(columns.reward).back() = static_cast<float>(episode.score);
  const auto behind = fragment->continuation();
  behind.front() = episode.scored ? kScored : kUnscored;
  if (behind.size() > 1) {
    std::memcpy(behind.data() + 1, episode.term_scores.data(), behind.size() - 1);
  }
  FragmentHeader& header = fragment->header();
  header.environment = episode.place;
  header.group = episode.group;
  header.round = episode.round;
  // Every round has one text per place: its number follows from the round alone.
  header.sequence = episode.round > 0 ? episode.round - 1 : 0;
  header.episode = header.sequence;
  header.episode_return = episode.score;
  header.end = episode.truncated ? FragmentEnd::truncated : FragmentEnd::terminated;
  header.ends_round = 1;
  return fragment;
}

TextEpisode to_episode(const Fragment& fragment) {
  const FragmentHeader& header = fragment.header();
  const Columns columns(fragment.schema());
  require_header(header);
  const auto tokens = fragment.column<std::int32_t>(columns.token);
  const auto sampled = fragment.column<std::uint8_t>(columns.sampled);
  const auto log_probs = fragment.column<float>(columns.log_prob);
  const auto versions = fragment.column<std::int64_t>(columns.version);
  const auto rewards = fragment.column<float>(columns.reward);
  TextEpisode episode;
  episode.tokens.assign(tokens.begin(), tokens.end());
  episode.sampled.assign(sampled.begin(), sampled.end());
  episode.log_probs.assign(1, 0.0F);
  episode.log_probs.insert(episode.log_probs.end(), log_probs.begin(), log_probs.end());
  episode.versions.assign(1, 0);
  episode.versions.insert(episode.versions.end(), versions.begin(), versions.end());
  require_steps(episode, fragment.column<std::int32_t>(columns.action), rewards);
  episode.score = static_cast<double>(rewards.back());
  const std::byte scored = fragment.continuation().front();
  if (scored != kScored && scored != kUnscored) {
    refuse("whether it was scored is no flag", "0 or 1",
           std::to_string(std::to_integer<int>(scored)));
  }
  episode.scored = scored == kScored;
  const auto terms = fragment.continuation().subspan(1);
  episode.term_scores.resize(terms.size() / sizeof(float));
  if (!terms.empty()) std::memcpy(episode.term_scores.data(), terms.data(), terms.size());
  episode.truncated = header.end == FragmentEnd::truncated;
  episode.place = header.environment;
  episode.group = header.group;
  episode.round = header.round;
  return episode;
}

}  // namespace rl::rollout

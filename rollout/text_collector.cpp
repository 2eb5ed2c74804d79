#include "rl/rollout/text_collector.h"

#include <algorithm>
#include <map>
#include <optional>

#include "rl/core/error.h"
#include "rl/rollout/text_episode.h"
#include "rollout/text_model.h"
#include "rollout/text_player.h"
#include "rollout/text_problems.h"
#include "rollout/text_scoring.h"

namespace rl::rollout {
namespace {

using language::FinishReason;

// Thrown out of the wait for a slow verifier when the collection is to end.
struct Ended {};

}  // namespace

struct TextCollector::Implementation {
  Implementation(const RunConfig& run, EnvironmentRange places,
                 std::shared_ptr<const FragmentSchema> columns,
                 const language::VerifierRegistry& verifiers,
                 const language::GeneratorOptions& options)
      : config(run),
        text(*run.text),
        range(places),
        schema(std::move(columns)),
        scorer(make_scorer(text, verifiers)),
        tool(make_text_tool(text.tool)),
        generator_options(options) {
    if (!text.from_file()) language::make_text_task(text.task_options());
  }

  void begin_model(const language::ModelImage& model, std::uint64_t first_version) {
    const PromptEncoder encoder(text, model);
    problems = make_text_problems(config, encoder);
    generator_options.max_sequences = std::clamp<std::size_t>(
        generator_options.max_sequences, 1, std::max<std::size_t>(range.count, 1));
    generator = language::make_cpu_generator(model.config, model.weights, first_version,
                                             generator_options);
    tokenizer_json = model.tokenizer_json;
    config_json = language::model_config_json(model.config, DType::f32);
    player.emplace(*generator, encoder.tokenizer(),
                   PlayRules{.max_new_tokens = text.max_new_tokens,
                             .sampling = text.sampling(),
                             .stop_ids = model.stop_ids,
                             .seed = config.seed},
                   std::move(tool));
  }

  void begin_round(std::uint64_t round) {
    prompts.clear();
    const std::uint64_t end = std::uint64_t{range.first} + range.count;
    for (std::uint64_t place = range.first; place < end;) {
      const std::uint64_t number = problem_of(place, round);
      const std::uint64_t next = std::min(end, (place / text.group + 1) * text.group);
      const TextPrompt& prompt = prompts[number] = problems->training(number);
      player->begin(prompt.tokens, place, next - place, round * text.places() + place, version);
      place = next;
    }
  }

  std::uint64_t problem_of(std::uint64_t place, std::uint64_t round) const {
    return (round - 1) * text.prompts_per_round + place / text.group;
  }

  language::Verdict verdict(const PlayedText& played, const TextPrompt& prompt, const Tick& tick) {
    if (played.reason != FinishReason::stop && !text.score_truncated) return {0.0, true};
    return scorer.score(prompt.problem, player->completion(played), [&] {
      if (!tick()) throw Ended{};
    });
  }

  FragmentPtr fragment_of(PlayedText played, std::uint64_t round, const Tick& tick) {
    const std::uint64_t number = problem_of(played.place, round);
    const language::Verdict said = verdict(played, prompts.at(number), tick);
    TextEpisode episode;
    episode.truncated = played.reason != FinishReason::stop;
    episode.tokens = std::move(played.tokens);
    episode.sampled = std::move(played.sampled);
    episode.log_probs = std::move(played.log_probs);
    episode.versions = std::move(played.versions);
    episode.score = said.score;
    episode.scored = said.scored;
    episode.place = played.place;
    episode.group = number + 1;
    episode.round = round;
    ++counts.texts;
    if (episode.truncated) ++counts.truncated;
    num_steps += episode.tokens.size() - 1;
    return to_fragment(episode, schema);
  }

  bool play_round(std::uint64_t round, const Sink& sink, const Tick& tick) {
    begin_round(round);
    while (!player->idle()) {
      for (PlayedText& played : player->step()) {
        if (!sink(fragment_of(std::move(played), round, tick))) return false;
      }
      if (!tick()) return false;
    }
    return true;
  }

  RunConfig config;
  TextRunConfig text;
  EnvironmentRange range;
  std::shared_ptr<const FragmentSchema> schema;
  language::Scorer scorer;
  std::unique_ptr<TextTool> tool;  // the player's, once there is a model
  language::GeneratorOptions generator_options;
  std::unique_ptr<TextProblems> problems;
  std::unique_ptr<language::TextGenerator> generator;
  std::optional<TextPlayer> player;
  std::string tokenizer_json, config_json;  // of the first weights
  std::uint64_t version = 0;
  std::map<std::uint64_t, TextPrompt> prompts;  // of the round, by number
  TextCounts counts;
  std::uint64_t num_steps = 0;
};

TextCollector::TextCollector(const RunConfig& config, EnvironmentRange range,
                             std::shared_ptr<const FragmentSchema> schema,
                             const language::VerifierRegistry& verifiers,
                             const language::GeneratorOptions& generator)
    : implementation_(std::make_unique<Implementation>(config, range, std::move(schema), verifiers,
                                                       generator)) {}

TextCollector::~TextCollector() = default;

void TextCollector::load(const WeightSnapshot& snapshot) {
  Implementation& self = *implementation_;
  const language::ModelImage model = read_text_model(snapshot, self.text, self.tokenizer_json);
  if (!self.generator) {
    self.begin_model(model, snapshot.version);
  } else if (model.tokenizer_json != self.tokenizer_json ||
             language::model_config_json(model.config, DType::f32) != self.config_json) {
    throw Error({.where = "weights version " + std::to_string(snapshot.version),
                 .what = "model or tokenizer changed within the run",
                 .expected = "those of version " + std::to_string(self.version)});
  } else {
    self.generator->set_weights(model.weights, snapshot.version);
  }
  self.version = snapshot.version;
}

bool TextCollector::collect(std::uint64_t round, const Sink& sink, const Tick& tick) {
  Implementation& self = *implementation_;
  bool whole = false;
  try {
    whole = self.play_round(round, sink, tick);
  } catch (const Ended&) {
    whole = false;
  } catch (...) {
    self.player->abandon();
    throw;
  }
  if (!whole) self.player->abandon();
  return whole;
}

std::uint64_t TextCollector::num_steps() const { return implementation_->num_steps; }

TextCounts TextCollector::counts() const {
  TextCounts counts = implementation_->counts;
  counts.verdicts = implementation_->scorer.counts();
  counts.last_trouble = implementation_->scorer.last_trouble();
  if (!implementation_->problems) return counts;
  const ExcludedPrompts& excluded = implementation_->problems->excluded();
  counts.excluded_prompts = excluded.total();
  counts.last_excluded = excluded.last;
  return counts;
}

}  // namespace rl::rollout

#include "rl/rollout/text_collector.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

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
                 const language::GeneratorOptions& options, language::GeneratorFactory make)
      : config(run),
        text(*run.text),
        range(places),
        schema(std::move(columns)),
        scorer(make_scorer(text, verifiers)),
        tool(make_text_tool(text.tool)),
        generator_options(options),
        make_generator(std::move(make)) {
    if (!text.from_file()) language::make_text_task(text.task_options());
  }

  void begin_model(const language::ModelImage& model, std::uint64_t first_version) {
    const PromptEncoder encoder(text, model);
    problems = make_text_problems(config, encoder);
    generator_options.max_sequences = std::clamp<std::size_t>(
        generator_options.max_sequences, 1, std::max<std::size_t>(range.count, 1));
    generator = make_generator(model.config, model.weights, first_version, generator_options);
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
    const std::uint64_t end = std::uint64_t{range.first} + range.count;
    for (std::uint64_t place = range.first; place < end;) {
      const std::uint64_t number = problem_of(place, round);
      const std::uint64_t next = std::min(end, (place / text.group + 1) * text.group);
      OpenPrompt& open = prompts[number] = {problems->training(number), next - place};
      player->begin(open.prompt.tokens, next - place, round * text.places() + place, version);
      place = next;
    }
    next_round = round + 1;
  }

  void forget() {
    if (player) player->abandon();
    prompts.clear();
    next_round = 0;
  }

  std::uint64_t problem_of(std::uint64_t place, std::uint64_t round) const {
    return (round - 1) * text.prompts_per_round + place / text.group;
  }

  language::Verdict verdict(const PlayedText& played, const TextPrompt& prompt, const Tick& tick) {
    if (played.reason != FinishReason::stop && !text.score_truncated) {
      return {.terms = std::vector<double>(num_terms, 0.0)};
    }
    return scorer.score(prompt.problem, {player->completion(played), played.tokens}, [&] {
      if (!tick()) throw Ended{};
    });
  }

  FragmentPtr fragment_of(PlayedText played, const Tick& tick) {
    const std::uint64_t round = played.stream / text.places();
    const std::uint64_t place = played.stream % text.places();
    const std::uint64_t number = problem_of(place, round);
    const auto open = prompts.find(number);
    const language::Verdict said = verdict(played, open->second.prompt, tick);
    if (--open->second.texts_left == 0) prompts.erase(open);
    TextEpisode episode;
    episode.truncated = played.reason != FinishReason::stop;
    episode.tokens = std::move(played.tokens);
    episode.sampled = std::move(played.sampled);
    episode.log_probs = std::move(played.log_probs);
    episode.versions = std::move(played.versions);
    episode.score = said.score;
    episode.scored = said.scored;
    episode.term_scores.assign(said.terms.begin(), said.terms.end());
    episode.place = place;
    episode.group = number + 1;
    episode.round = round;
    ++counts.texts;
    if (episode.truncated) ++counts.truncated;
    num_steps += episode.tokens.size() - 1;
    return to_fragment(episode, schema);
  }

  bool step(const Sink& sink, const Tick& tick) {
    for (PlayedText& played : player->step()) {
      if (!sink(fragment_of(std::move(played), tick))) return false;
    }
    return tick();
  }

  // What ends early forgets every text.
  template <class Play>
  bool whole(const Play& play) {
    bool done = false;
    try {
      done = play();
    } catch (const Ended&) {
      done = false;
    } catch (...) {
      forget();
      throw;
    }
    if (!done) forget();
    return done;
  }

  RunConfig config;
  TextRunConfig text;
  EnvironmentRange range;
  std::shared_ptr<const FragmentSchema> schema;
  language::Scorer scorer;
  std::size_t num_terms = std::max<std::size_t>(text.rewards.size(), 1);
  std::unique_ptr<TextTool> tool;  // the player's, once there is a model
  language::GeneratorOptions generator_options;
  language::GeneratorFactory make_generator;
  std::unique_ptr<TextProblems> problems;
  std::unique_ptr<language::TextGenerator> generator;
  std::optional<TextPlayer> player;
  std::string tokenizer_json, config_json;  // of the first weights
  std::uint64_t version = 0;
  struct OpenPrompt {
    TextPrompt prompt;
    std::uint64_t texts_left = 0;
  };
  std::map<std::uint64_t, OpenPrompt> prompts;  // of texts under way, by number
  std::uint64_t next_round = 0;                 // behind the one begun last; 0: none yet
  TextCounts counts;
  std::uint64_t num_steps = 0;
};

TextCollector::TextCollector(const RunConfig& config, EnvironmentRange range,
                             std::shared_ptr<const FragmentSchema> schema,
                             const language::VerifierRegistry& verifiers,
                             const language::GeneratorOptions& generator,
                             language::GeneratorFactory make_generator)
    : implementation_(std::make_unique<Implementation>(config, range, std::move(schema), verifiers,
                                                       generator, std::move(make_generator))) {}

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
  return self.whole([&] {
    self.begin_round(round);
    while (!self.player->idle()) {
      if (!self.step(sink, tick)) return false;
    }
    return true;
  });
}

bool TextCollector::step(std::uint64_t first, std::uint64_t last, const Sink& sink,
                         const Tick& tick) {
  Implementation& self = *implementation_;
  return self.whole([&] {
    while (std::max(first, self.next_round) <= last) {
      self.begin_round(std::max(first, self.next_round));
    }
    return self.step(sink, tick);
  });
}

bool TextCollector::idle() const {
  return !implementation_->player || implementation_->player->idle();
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

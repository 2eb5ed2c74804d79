// Samples the texts of one slot's places and gives them as fragments.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "rl/core/fragment.h"
#include "rl/formats/weight_snapshot.h"
#include "rl/language/text_generator.h"
#include "rl/language/verifier.h"
#include "rl/rollout/run_config.h"

namespace rl::rollout {

// What a worker of texts saw; over the collector's life.
struct TextCounts {
  std::uint64_t texts = 0;
  std::uint64_t truncated = 0;          // their length ended them
  std::uint64_t excluded_prompts = 0;   // empty, too long or broken: others took their places
  std::string last_excluded{};          // the last one and why
  language::VerdictCounts verdicts{};
  std::string last_trouble{};           // of a verifier
};

// A place's fragment of a round depends on the run's configuration, the place, the round and the
// weights (in asynchronous runs also on when they came): not on the slot, the other places, or the
// generator's options. Problem (round - 1) * prompts_per_round + place / group; draws from
// RngStream(seed, RngRole::generation, round * places + place).
// Threads: one thread at a time (the generator and slow verifiers have threads of their own).
class TextCollector {
 public:
  // Takes each finished text; false ends the collection.
  using Sink = std::function<bool(FragmentPtr)>;
  // Called between forward passes and while a slow verifier takes its time; false ends the
  // collection at the next text.
  using Tick = std::function<bool()>;

  // Throws Error when the configuration's task, rewards or tool are not known here.
  TextCollector(const RunConfig& config, EnvironmentRange range,
                std::shared_ptr<const FragmentSchema> schema,
                const language::VerifierRegistry& verifiers,
                const language::GeneratorOptions& generator,
                language::GeneratorFactory make_generator = &language::make_cpu_generator);
  ~TextCollector();

  // The first weights bring model and tokenizer, and the problems are read; later ones must be of
  // the same. Texts under way go on from their cache; their later tokens carry the new version.
  // Throws Error naming the version when they are not the run's, or as make_text_problems.
  void load(const WeightSnapshot& snapshot);

  // One text of every place with the loaded weights, in the order they end. False when sink or
  // tick ended it: the rest of the round is forgotten. Throws Error when logits are not finite.
  bool collect(std::uint64_t round, const Sink& sink, const Tick& tick);

  // Asynchronous runs: begins every round from `first` (or behind the one begun last) to `last`,
  // then makes one forward pass and gives the texts that ended with it. False and errors as above.
  bool step(std::uint64_t first, std::uint64_t last, const Sink& sink, const Tick& tick);
  bool idle() const;  // no text is under way

  std::uint64_t num_steps() const;  // made so far, over all places
  TextCounts counts() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace rl::rollout

#include "learner/language/sft_data.h"

#include <algorithm>

#include "learner/language/example_reading.h"
#include "learner/language/held_out_items.h"
#include "learner/language/packed_examples.h"

namespace rl {
namespace {

using language::TrainingData;
using language::TrainingExample;

void move_example(TrainingData& from, std::size_t index, TrainingData& to) {
  TrainingExample& example = from.examples[index];
  const std::size_t tokens = example.tokens.size();
  const std::size_t loss_tokens = example.loss_tokens();
  from.tokens -= tokens;
  from.loss_tokens -= loss_tokens;
  to.tokens += tokens;
  to.loss_tokens += loss_tokens;
  to.examples.push_back(std::move(example));
}

TrainingData split_off(TrainingData& data, double share, std::uint64_t seed) {
  TrainingData part;
  for (const std::size_t i : held_out_items(data.examples.size(), share, seed)) {
    move_example(data, i, part);
  }
  std::erase_if(data.examples, [](const TrainingExample& e) { return e.tokens.empty(); });
  return part;
}

}  // namespace

SftData read_sft_data(const FineTuneOptions& options, const ModelText& text, std::size_t context) {
  const language::DataOptions how = data_options(options, context);
  const language::ExampleEncoder encoder = make_encoder(options, text, how);
  SftData data;
  data.training = read_training_data(options.data, encoder, how);
  if (!options.validation.empty()) {
    data.validation = read_training_data(options.validation, encoder, how);
  } else if (options.validation_split > 0.0) {
    data.validation = split_off(data.training, options.validation_split, options.seed);
  }
  data.digest = digest_of(pointers(data.training.examples));
  return data;
}

}  // namespace rl

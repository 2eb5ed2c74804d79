#include "learner/language/pair_data.h"

#include <algorithm>
#include <utility>

#include "learner/language/example_reading.h"
#include "learner/language/held_out_items.h"
#include "rl/formats/digest.h"

namespace rl {
namespace {

using language::PreferenceData;
using language::PreferencePair;

PreferenceData split_off(PreferenceData& data, double share, std::uint64_t seed) {
  PreferenceData part;
  for (const std::size_t i : held_out_items(data.pairs.size(), share, seed)) {
    part.pairs.push_back(std::exchange(data.pairs[i], {}));
  }
  std::erase_if(data.pairs, [](const PreferencePair& pair) { return pair.tokens() == 0; });
  return part;
}

std::string digest_of(const PreferenceData& data) {
  std::vector<const language::TrainingExample*> sides;
  ByteWriter all;
  for (const PreferencePair& pair : data.pairs) {
    sides.push_back(&pair.chosen);
    sides.push_back(&pair.rejected);
    all.put(pair.margin);
  }
  const std::string tokens = rl::digest_of(sides);
  all.put_bytes(std::as_bytes(std::span(tokens)));
  return to_hex(digest(all.bytes()));
}

}  // namespace

PairData read_pair_data(const FineTuneOptions& options, const ModelText& text,
                        std::size_t context) {
  const language::DataOptions how = data_options(options, context);
  const language::PairEncoder encoder(make_encoder(options, text, how), how);
  PairData data;
  data.training = read_preference_data(options.data, encoder, how);
  if (!options.validation.empty()) {
    data.validation = read_preference_data(options.validation, encoder, how);
  } else if (options.validation_split > 0.0) {
    data.validation = split_off(data.training, options.validation_split, options.seed);
  }
  data.digest = digest_of(data.training);
  return data;
}

}  // namespace rl

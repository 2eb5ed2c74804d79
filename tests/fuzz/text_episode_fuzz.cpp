// Any block as a text: refused, or an episode that becomes the same text again.
#include <cstring>

#include "fuzz/target.h"
#include "rl/rollout/text_episode.h"

using namespace rl;
using namespace rl::fuzz;

RL_FUZZ_TARGET(text_episode) {
  static const EnvironmentSpec spec = rollout::text_spec(64, 32, 10.0);
  static const auto schema = std::make_shared<const FragmentSchema>(make_schema(spec));
  if (input.size() < sizeof(std::uint64_t)) return;
  Bytes block(input.begin(), input.end());
  const std::uint64_t digest = schema->digest();
  std::memcpy(block.data(), &digest, sizeof digest);
  answers([&] {
    const Fragment fragment = Fragment::from_block(schema, block);
    if (!find_defect(fragment, spec).empty()) return;
    const rollout::TextEpisode episode = rollout::to_episode(fragment);
    const auto again = rollout::to_episode(*rollout::to_fragment(episode, schema));
    require(again.tokens == episode.tokens && again.log_probs == episode.log_probs &&
                again.sampled == episode.sampled && again.versions == episode.versions &&
                again.score == episode.score && again.scored == episode.scored,
            "a text that was read is written the same");
  });
}

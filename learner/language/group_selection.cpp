#include "learner/language/group_selection.h"

#include <algorithm>
#include <set>

#include "rl/algorithms/group_advantages.h"

namespace rl {
namespace {

struct Groups {
  std::vector<std::uint64_t> scored{};         // with a scored text, rising
  std::vector<std::uint64_t> zero_variance{};  // of these, rising
};

Groups groups_of(const LanguagePolicyOptions& options, const TextLimits& limits,
                 const std::vector<const LearningText*>& texts) {
  std::vector<double> rewards;
  std::vector<std::uint64_t> numbers;
  std::vector<std::uint8_t> scored;
  std::set<std::uint64_t> with_score;
  for (const LearningText* text : texts) {
    rewards.push_back(shaped_score(options, limits, *text));
    numbers.push_back(text->episode.group);
    scored.push_back(text->episode.scored ? 1 : 0);
    if (text->episode.scored) with_score.insert(text->episode.group);
  }
  return {.scored = {with_score.begin(), with_score.end()},
          .zero_variance = zero_variance_groups({rewards, numbers, scored})};
}

}  // namespace

GroupSelection select_groups(const LanguagePolicyOptions& options, const TextLimits& limits,
                             std::vector<LearningText> texts, std::size_t wanted) {
  std::vector<const LearningText*> all;
  for (const LearningText& text : texts) all.push_back(&text);
  const Groups groups = groups_of(options, limits, all);
  std::vector<std::uint64_t> teaching;
  std::ranges::set_difference(groups.scored, groups.zero_variance, std::back_inserter(teaching));
  GroupSelection selection;
  selection.groups = std::min(wanted, teaching.size());
  for (LearningText& text : texts) {
    const auto place = std::ranges::lower_bound(teaching, text.episode.group);
    if (place == teaching.end() || *place != text.episode.group) {
      ++selection.zero_variance;
    } else if (static_cast<std::size_t>(place - teaching.begin()) < wanted) {
      selection.kept.push_back(std::move(text));
    } else {
      ++selection.surplus;
    }
  }
  return selection;
}

double zero_variance_share(const LanguagePolicyOptions& options, const TextLimits& limits,
                           const std::vector<const LearningText*>& texts) {
  const Groups groups = groups_of(options, limits, texts);
  return static_cast<double>(groups.zero_variance.size()) /
         static_cast<double>(groups.scored.size());
}

}  // namespace rl

#include "learner/language/group_selection.h"

#include <doctest/doctest.h>

#include <cmath>

namespace rl {
namespace {

LearningText text(std::uint64_t group, std::uint64_t place, double score, bool scored = true) {
  LearningText made;
  made.episode.group = group;
  made.episode.place = place;
  made.episode.score = score;
  made.episode.scored = scored;
  made.sampler_log_probs.assign(place + 1, 0.0F);
  return made;
}

// Groups 1 and 4 differ, 2 agrees, 3 has one score, 5 none.
std::vector<LearningText> five_groups() {
  return {text(4, 0, 0.0), text(4, 1, 1.0), text(1, 2, 0.5),        text(1, 3, 0.25),
          text(2, 4, 0.1), text(2, 5, 0.1), text(3, 6, 1.0),        text(3, 7, 0.0, false),
          text(5, 8, 0.0, false)};
}

std::vector<std::uint64_t> groups_of(const GroupSelection& selection) {
  std::vector<std::uint64_t> groups;
  for (const LearningText& one : selection.kept) groups.push_back(one.episode.group);
  return groups;
}

TEST_SUITE("group selection") {
  TEST_CASE("groups whose rewards differ are kept, all others counted") {
    const GroupSelection all = select_groups({}, {}, five_groups(), 10);
    CHECK(all.groups == 2);
    CHECK(groups_of(all) == std::vector<std::uint64_t>{4, 4, 1, 1});
    CHECK(all.zero_variance == 5);
    CHECK(all.surplus == 0);
  }

  TEST_CASE("of more groups than wanted the first prompts stay") {
    const GroupSelection one = select_groups({}, {}, five_groups(), 1);
    CHECK(one.groups == 1);
    CHECK(groups_of(one) == std::vector<std::uint64_t>{1, 1});
    CHECK(one.zero_variance == 5);
    CHECK(one.surplus == 2);
  }

  TEST_CASE("a punished length makes rewards differ") {
    LanguagePolicyOptions options;
    options.overlong_buffer = 2;
    const TextLimits limits{.max_tokens = 12, .max_new_tokens = 6};
    CHECK(select_groups(options, limits, {text(2, 4, 0.1), text(2, 5, 0.1)}, 9).groups == 1);
  }

  TEST_CASE("the share is of the groups with a score") {
    const auto texts = five_groups();
    std::vector<const LearningText*> all;
    for (const LearningText& one : texts) all.push_back(&one);
    CHECK(zero_variance_share({}, {}, all) == 0.5);
    CHECK(std::isnan(zero_variance_share({}, {}, {all.back()})));
  }
}

}  // namespace
}  // namespace rl

#include "fuzz/target.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace rl::fuzz {
namespace {

std::vector<Target>& registered() {
  static std::vector<Target> targets;
  return targets;
}

}  // namespace

Registration::Registration(Target target) { registered().push_back(target); }

std::vector<Target> targets() {
  std::vector<Target> sorted = registered();
  std::ranges::sort(sorted, {}, &Target::name);
  return sorted;
}

void require(bool holds, const char* requirement) {
  if (holds) return;
  std::fprintf(stderr, "broken requirement: %s\n", requirement);
  std::abort();
}

}  // namespace rl::fuzz

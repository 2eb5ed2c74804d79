#include "learner/option_checks.h"

#include <algorithm>

#include "rl/core/error.h"

namespace rl {

void OptionChecks::refuse(const std::string& option, const std::string& expected,
                          const std::string& got) const {
  throw Error({.where = where_,
               .what = option + " is not usable",
               .expected = expected,
               .got = got,
               .remedy = std::string("see `") + help_ + "`"});
}

void OptionChecks::one_of(const std::string& option, const std::string& value,
                          std::initializer_list<std::string_view> allowed) const {
  if (std::ranges::find(allowed, value) != allowed.end()) return;
  std::string names;
  for (const auto& name : allowed) names += (names.empty() ? "" : ", ") + std::string(name);
  refuse(option, names, "'" + value + "'");
}

void OptionChecks::within(const std::string& option, double value, double low, double high,
                          const std::string& expected) const {
  if (value >= low && value <= high) return;
  refuse(option, expected, std::to_string(value));
}

void OptionChecks::positive(const std::string& option, double value) const {
  if (value > 0.0) return;
  refuse(option, "more than 0", std::to_string(value));
}

void OptionChecks::text(const std::string& option, const std::string& value,
                        const std::string& what) const {
  if (value.empty()) refuse(option, what, "''");
}

void OptionChecks::at_least_one(const std::string& option, std::size_t value) const {
  if (value == 0) refuse(option, "1 or more", "0");
}

}  // namespace rl

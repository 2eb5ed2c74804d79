#include "rl/core/suggest.h"

#include <algorithm>
#include <cctype>
#include <optional>

namespace rl {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

struct Candidate {
  std::size_t distance;
  const std::string* name;
};

bool one_holds_other(const std::string& a, const std::string& b) {
  return std::min(a.size(), b.size()) >= 3 &&
         (a.find(b) != std::string::npos || b.find(a) != std::string::npos);
}

// Both in lower case. Nothing when they are not near. Names are compared letter by letter only when
// their sizes leave it open: a hostile name may be as long as its file.
std::optional<std::size_t> distance_if_near(const std::string& wanted, const std::string& known) {
  const std::size_t fewest_edits =
      std::max(wanted.size(), known.size()) - std::min(wanted.size(), known.size());
  if (one_holds_other(wanted, known)) return fewest_edits;
  const std::size_t most_edits = std::max<std::size_t>(2, known.size() / 3);
  if (fewest_edits > most_edits) return std::nullopt;
  const std::size_t distance = edit_distance(wanted, known);
  if (distance > most_edits || distance >= known.size()) return std::nullopt;
  return distance;
}

}  // namespace

// Optimal string alignment, three rows of the table at a time.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  const std::string from = lower(a);
  const std::string to = lower(b);
  std::vector<std::size_t> before(to.size() + 1), above(to.size() + 1), row(to.size() + 1);
  for (std::size_t j = 0; j <= to.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= to.size(); ++j) {
      const std::size_t replace = above[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replace});
      const bool swapped = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[to.size()];
}

std::vector<std::string> nearest_names(std::string_view wanted, std::span<const std::string> known,
                                       std::size_t most) {
  std::vector<Candidate> candidates;
  const std::string wanted_in_lower = lower(wanted);
  for (const std::string& name : known) {
    const auto distance = distance_if_near(wanted_in_lower, lower(name));
    if (distance) candidates.push_back({*distance, &name});
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.distance < b.distance; });
  std::vector<std::string> names;
  for (const Candidate& candidate : candidates) {
    if (names.size() < most) names.push_back(*candidate.name);
  }
  return names;
}

std::string suggest(std::string_view wanted, std::span<const std::string> known) {
  const auto near = nearest_names(wanted, known);
  std::string text = near.empty() ? "known: " : "did you mean ";
  const std::span<const std::string> shown = near.empty() ? known : std::span(near);
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (i > 0) text += near.empty() || i + 1 < shown.size() ? ", " : " or ";
    text += shown[i];
  }
  return near.empty() ? text : text + "?";
}

}  // namespace rl

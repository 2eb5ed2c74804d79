// "Did you mean": the known names nearest to a wrong one.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rl {

// Edits (insert, delete, replace or swap two neighbours, case ignored) that turn `a` into `b`.
// Threads: any.
std::size_t edit_distance(std::string_view a, std::string_view b);

// At most `most` known names a person may have meant, the likeliest first, then in the order given:
// those at most a third of their letters (at least 2 edits) away, or that contain `wanted` or are
// contained in it. Empty when none is near.
std::vector<std::string> nearest_names(std::string_view wanted, std::span<const std::string> known,
                                       std::size_t most = 3);

// The remedy of an unknown name, for Error: "did you mean A or B?" when some are near, otherwise
// "known: A, B, C" with all of them.
std::string suggest(std::string_view wanted, std::span<const std::string> known);

}  // namespace rl

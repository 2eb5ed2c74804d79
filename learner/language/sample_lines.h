// Rows of samples.jsonl.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace rl {

// A line of its own. What a model wrote may be no UTF-8: such bytes are replaced.
inline std::string json_line(const nlohmann::ordered_json& row) {
  return row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace rl

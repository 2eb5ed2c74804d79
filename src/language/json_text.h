// JSON from files that nobody vouches for.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace rl::language {

// Throws Error naming `where` for anything but one JSON value of at most 64 levels.
nlohmann::json parse_json(std::string_view text, std::string_view where);

// The same, and it must be an object.
nlohmann::json parse_json_object(std::string_view text, std::string_view where);

// A value or text made fit for a message: short, no control characters.
std::string brief(const nlohmann::json& value);
std::string brief_text(std::string_view text);

}  // namespace rl::language

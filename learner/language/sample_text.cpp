#include "learner/language/sample_text.h"

#include <nlohmann/json.hpp>

namespace rl {
namespace {

constexpr std::size_t kLongest = 60;  // characters of a text

// UTF-8 is cut between characters.
std::string shortened(const std::string& text, bool keep_end) {
  std::size_t characters = 0;
  const auto begins = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U;
  };
  for (std::size_t i = 0; i < text.size(); ++i) characters += begins(i) ? 1 : 0;
  if (characters <= kLongest) return text;
  std::size_t to_skip = keep_end ? characters - kLongest : kLongest;
  std::size_t cut = 0;
  for (; cut < text.size(); ++cut) {
    if (!begins(cut)) continue;
    if (to_skip == 0) break;
    --to_skip;
  }
  return keep_end ? "..." + text.substr(cut) : text.substr(0, cut) + "...";
}

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string sample_text(const std::string& lines) {
  const auto row = nlohmann::json::parse(lines.substr(0, lines.find('\n')), nullptr, false);
  if (!row.is_object()) return "";
  const std::string prompt = row.value("prompt", "");
  const std::string completion = row.value("completion", "");
  const auto score = row.find("score");
  const std::string said = score != row.end() && score->is_number()
                               ? "score " + score->dump()
                               : std::string("not scored");
  return quoted(shortened(prompt, true)) + " -> " + quoted(shortened(completion, false)) + " (" +
         said + ")";
}

}  // namespace rl

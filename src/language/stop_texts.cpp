#include "src/language/stop_texts.h"

#include <algorithm>
#include <utility>

namespace rl::language {
namespace {

// The length of the longest proper beginning of `wanted` that `text` ends with.
std::size_t begun(std::string_view text, std::string_view wanted) {
  for (std::size_t size = std::min(text.size(), wanted.size() - 1); size > 0; --size) {
    if (text.ends_with(wanted.substr(0, size))) return size;
  }
  return 0;
}

}  // namespace

std::string StopTexts::push(std::string_view text) {
  if (found_) return {};
  held_ += text;
  std::size_t end = std::string::npos;
  std::size_t kept = 0;
  for (const std::string& wanted : texts_) {
    end = std::min(end, held_.find(wanted));
    kept = std::max(kept, begun(held_, wanted));
  }
  found_ = end != std::string::npos;
  std::string certain = held_.substr(0, found_ ? end : held_.size() - kept);
  held_.erase(0, certain.size());
  return certain;
}

std::string StopTexts::finish() { return found_ ? std::string() : std::exchange(held_, {}); }

}  // namespace rl::language

// Ends a stream of text before the first of some texts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rl::language {

// Threads: one thread at a time per object.
class StopTexts {
 public:
  explicit StopTexts(std::vector<std::string> texts) : texts_(std::move(texts)) {}

  // The text that has become certain; what may be the beginning of a stop text is held back.
  // Nothing comes after a stop text was found.
  std::string push(std::string_view text);
  std::string finish();  // what was held back
  bool found() const { return found_; }

 private:
  std::vector<std::string> texts_;
  std::string held_;
  bool found_ = false;
};

}  // namespace rl::language

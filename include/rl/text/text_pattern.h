// Whether a pattern occurs in a text, in bounded time.
#pragma once

#include <memory>
#include <string_view>

namespace rl::text {

// A regular expression in the syntax of tokenizer.json files: ^ and $ match at line borders and
// (?m) lets the dot match line ends. Bytes of the text that are not UTF-8 count as U+FFFD.
// Threads: immutable after construction; any number of threads at once. Copies share the pattern.
class TextPattern {
 public:
  // Throws Error with the pattern and the place.
  explicit TextPattern(std::string_view pattern);

  // Throws Error when the search takes more steps or memory than the engine's limits.
  bool occurs_in(std::string_view text) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace rl::text

// Regular expressions over valid UTF-8, by PCRE2 with just-in-time compilation.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rl::text {

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// A pattern in the syntax that `tokenizers` reads (Oniguruma's Ruby syntax), with its meaning of
// \s, \w, \d, \h, ^, $ and Unicode scripts. What PCRE2 cannot express is refused by name.
// Threads: immutable after construction.
class Regex {
 public:
  // A search gives up after this many backtracking points at one place, or this much memory.
  static constexpr unsigned kMatchLimit = 1'000'000;
  static constexpr unsigned kHeapLimitKibibytes = 64 * 1024;
  static constexpr std::size_t kMaxPatternBytes = 16 * 1024;

  // Throws Error with the pattern and the place.
  explicit Regex(std::string_view pattern);

  // Searches one text from left to right. The text must outlive it. Threads: one at a time.
  class Search {
   public:
    Search(const Regex& regex, std::string_view text);
    ~Search();
    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;
    // The next match, not an empty one that follows the last match immediately. Throws Error when
    // a limit is reached.
    std::optional<Span> next();

   private:
    std::optional<Span> match_from(std::size_t from);

    const Regex& regex_;
    std::string_view text_;
    void* match_ = nullptr;
    std::size_t position_ = 0;
    std::optional<std::size_t> last_end_;
  };

 private:
  struct Code;
  std::string pattern_;
  std::shared_ptr<const Code> code_;
};

// The same pattern as PCRE2 writes it. Throws Error.
std::string pcre2_syntax(std::string_view pattern);

}  // namespace rl::text

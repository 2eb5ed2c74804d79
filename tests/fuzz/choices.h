// Fuzz bytes as a sequence of choices, for targets that make calls rather than parse a text.
#pragma once

#include <algorithm>
#include <cstring>

#include "fuzz/target.h"

namespace rl::fuzz {

// Past the end every choice is 0. Threads: one at a time.
class Choices {
 public:
  explicit Choices(Input input) : input_(input) {}

  bool done() const { return input_.empty(); }
  template <class T>
  T get() {
    T value{};
    const Input bytes = take(sizeof value);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }
  std::uint8_t byte() { return get<std::uint8_t>(); }
  std::size_t below(std::size_t bound) { return get<std::uint8_t>() % bound; }
  Input take(std::size_t size) {
    const Input bytes = input_.first(std::min(size, input_.size()));
    input_ = input_.subspan(bytes.size());
    return bytes;
  }
  std::string text() { return std::string(as_text(take(byte()))); }
  Input rest() { return take(input_.size()); }

 private:
  Input input_;
};

}  // namespace rl::fuzz

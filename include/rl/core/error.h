// Errors of the whole library.
#pragma once

#include <stdexcept>
#include <string>

namespace rl {

// The parts of a message a user can act on. Empty parts are left out.
struct ErrorText {
  std::string where{};     // component or file, e.g. "replay::Table 'experience'"
  std::string what{};      // what went wrong, one clause
  std::string expected{};  // what would have been right
  std::string got{};       // what was found
  std::string remedy{};    // what to do about it
};

// Thrown for wrong configuration, failed input/output and malformed data. Would-block and
// time-outs on hot paths are empty optionals or false, never an Error.
// Threads: immutable after construction; no Error crosses a thread or a socket.
class Error : public std::runtime_error {
 public:
  explicit Error(const ErrorText& text);
};

// "[where] what: expected X, got Y; remedy"
std::string to_string(const ErrorText& text);

}  // namespace rl

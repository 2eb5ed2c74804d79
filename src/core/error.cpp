#include "rl/core/error.h"

namespace rl {

std::string to_string(const ErrorText& text) {
  std::string line = "[" + text.where + "] " + text.what;
  if (!text.expected.empty()) line += ": expected " + text.expected;
  if (!text.got.empty()) line += (text.expected.empty() ? ": got " : ", got ") + text.got;
  if (!text.remedy.empty()) line += "; " + text.remedy;
  return line;
}

Error::Error(const ErrorText& text) : std::runtime_error(to_string(text)) {}

}  // namespace rl

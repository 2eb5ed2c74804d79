// What an error says. Threads: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "rl/core/error.h"

namespace rl::tests {

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

// Of the Error that `action` throws; "no error" when it throws none.
template <class Action>
std::string message_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace rl::tests

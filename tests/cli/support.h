// Helpers of the command-line tests.
#pragma once

#include <string>

#include "rl/core/error.h"

namespace rl::cli {

// The message of the Error that `action` throws; "no error" when it throws none.
template <class Action>
std::string message_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace rl::cli

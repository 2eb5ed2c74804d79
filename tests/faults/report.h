// What a fault test prints: figures, and whether each is what it has to be.
#pragma once

#include <cstdarg>
#include <cstdio>
#include <string>
#include <vector>

#include "rl/cli/command_line.h"
#include "rl/cli/help.h"
#include "rl/core/error.h"

namespace rl::tests {

class Report {
 public:
  // A figure for the record.
  void say(const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  }
  // A figure that decides.
  void require(bool met, const std::string& line) {
    say((met ? "ok      " : "FAILED  ") + line);
    failures_ += met ? 0 : 1;
  }
  // A figure of memory: sanitizers keep what was freed, so that it decides only without them.
  void require_memory(bool met, const std::string& line) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    static_cast<void>(met);
    say("        " + line + " (under a sanitizer)");
#else
    require(met, line);
#endif
  }
  int status() const {
    return failures_ == 0 ? 0 : 1;
  }

 private:
  int failures_ = 0;
};

// printf into a string.
[[gnu::format(printf, 1, 2)]] inline std::string text(const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  char buffer[1024];
  std::vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  return buffer;
}

// A fault test's main(): options by `table`, then `run`; --help lists the options.
template <class Run>
int fault_main(int argc, char** argv, cli::OptionTable table, const char* what, Run run) {
  try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (!words.empty() && words[0] == "--help") {
      std::printf("%s\n\n%s", what, cli::option_help(table, 100).c_str());
      return 0;
    }
    table.set_all(cli::parse_command_line(table, words, 0).assignments);
    return run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}

}  // namespace rl::tests

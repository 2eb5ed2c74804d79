// A folder of keys that is gone with the test, and options that use it.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include "rl/transport/keys.h"

namespace rl::transport {

struct KeyFolder {
  KeyFolder() {
    static int number = 0;
    path = std::filesystem::temp_directory_path() /
           ("corral-keys-" + std::to_string(getpid()) + "-" + std::to_string(++number));
  }
  ~KeyFolder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

inline LearnerOptions with_keys(const std::filesystem::path& folder) {
  LearnerOptions options{.bind = "tcp://127.0.0.1:*",
                         .worker_timeout = std::chrono::milliseconds(600000)};
  use_keys(options, folder);
  return options;
}

inline WorkerOptions with_keys(const std::string& address, const std::filesystem::path& folder,
                               const std::string& worker) {
  WorkerOptions options{.connect = address};
  use_keys(options, folder / ("worker-" + worker + ".key"), folder / "learner.pub");
  return options;
}

}  // namespace rl::transport

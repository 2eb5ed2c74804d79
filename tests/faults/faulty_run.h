// A small training, or another command, whose system calls fail on demand (iofault.cpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "rl/formats/checkpoint.h"
#include "tests/integration/cli/program.h"

namespace rl::tests {

// What iofault shall do; its comment explains the fields.
struct IoFault {
  std::string kind{};   // empty: count and log only
  std::uint64_t at = 0;
  std::uint64_t count = 1;
  std::string calls{};  // empty: all that change files
};

// In effect for programs started while it lives, on files below `folder`. Threads: one such object
// at a time.
class FaultyIo {
 public:
  FaultyIo(const IoFault& fault, const std::filesystem::path& folder,
           const std::filesystem::path& log)
      : log_(log) {
    std::filesystem::remove(log_);
    set("LD_PRELOAD", RL_IOFAULT_LIBRARY);
    set("IOFAULT_PATH", folder.string());
    set("IOFAULT_LOG", log.string());
    set("IOFAULT_AT", std::to_string(fault.at));
    set("IOFAULT_COUNT", std::to_string(fault.count));
    set("IOFAULT_KIND", fault.kind);
    set("IOFAULT_CALLS", fault.calls);
  }
  ~FaultyIo() {
    for (const std::string& name : names_) unsetenv(name.c_str());
  }
  FaultyIo(const FaultyIo&) = delete;
  FaultyIo& operator=(const FaultyIo&) = delete;

  // "open /run/a", "rename /run/a -> /run/b failed", ...: the calls so far, without numbers.
  std::vector<std::string> calls() const {
    std::vector<std::string> lines;
    std::ifstream file(log_);
    for (std::string line; std::getline(file, line);) {
      lines.push_back(line.substr(line.find(' ') + 1));
    }
    return lines;
  }
  // The call that was made to fail, or an empty text.
  std::string failed() const {
    for (const std::string& line : calls()) {
      if (line.ends_with(" failed") || line.ends_with(" halved")) return line;
    }
    return {};
  }

 private:
  void set(const char* name, const std::string& value) {
    setenv(name, value.c_str(), 1);
    names_.push_back(name);
  }

  std::filesystem::path log_;
  std::vector<std::string> names_;
};

// Four rounds of PPO with one worker thread; a checkpoint after every round.
inline std::vector<std::string> tiny_training(const std::filesystem::path& out) {
  std::vector<std::string> words{
      "train", "--algo", "ppo", "--out", out.string(), "--num-envs", "2", "--steps", "256",
      "--workers", "1", "--worker-mode", "thread", "--endpoint", "inproc", "--eval-every", "128",
      "--eval-episodes", "1", "--checkpoint-every", "0.000001", "--ppo.rollout-steps", "32",
      "--ppo.minibatch-size", "32", "--ppo.epochs", "2", "--ppo.hidden", "8"};
  if (std::filesystem::exists(out)) words.push_back("--resume");
  return words;
}

// However busy the machine is.
inline Ended run_to_its_end(std::vector<std::string> words) {
  Program program(std::move(words));
  const int status = program.finish(std::chrono::seconds(600));
  return {status, program.out(), program.err()};
}

// Of the newest whole checkpoint; empty when there is none.
inline std::string newest_digest(const std::filesystem::path& out) {
  const auto newest = CheckpointStore(out / "checkpoints", 3).load_newest(nullptr);
  return newest ? newest->facts.at("weights_digest") : "";
}

// Names that only a write under way may have.
inline std::vector<std::string> litter_in(const std::filesystem::path& folder) {
  std::vector<std::string> found;
  if (!std::filesystem::exists(folder)) return found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    for (const char* ending : {".partial", ".replacement", ".old"}) {
      if (name.ends_with(ending)) found.push_back(entry.path().string());
    }
  }
  return found;
}

}  // namespace rl::tests

// Completions made while training, for people to read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace rl {

// <folder>/samples.jsonl: a JSON object a line, "step" first.
// Threads: one at a time.
class SamplesLog {
 public:
  // Goes on after `resume_step`: the first line beyond it, or that is damaged, and all that follow
  // are removed. Throws Error when the file cannot be read or written.
  SamplesLog(const std::filesystem::path& folder, std::uint64_t resume_step);

  // Lines that are JSON objects with a member or more; each gets "step" in front.
  void write(std::uint64_t step, const std::string& lines);

 private:
  std::filesystem::path path_;
};

}  // namespace rl

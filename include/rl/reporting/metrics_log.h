// What a run measured, in three files that other programs read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "rl/formats/files.h"

namespace rl {

// Appends to <folder>/metrics.jsonl, progress.csv and a TensorBoard event file; formats in
// docs/metrics-files.md. A kill at any instant costs at most the last line.
// Threads: one at a time; one log per folder at a time. Others may read the files meanwhile.
class MetricsLog {
 public:
  // Goes on after step `resume_step`: the first line, row or record beyond it and all that follow
  // (a killed run writes beyond its last checkpoint), and anything half-written, are removed from
  // each file. 0 starts afresh. `start_unix_seconds` is when wall_seconds was 0: TensorBoard shows
  // times with it. Throws Error when the files cannot be read or written.
  MetricsLog(std::filesystem::path folder, std::uint64_t resume_step,
             double start_unix_seconds = 0.0, FileSystem& files = posix_files());

  // Names are letters, digits and _ . / - only; a part before '/' groups them. Values that are not
  // finite become null in JSON, an empty cell in the table and themselves in TensorBoard. Steps may
  // come out of order. Throws Error on a bad name, and on a failed write, after which the next
  // write first removes what was half-written.
  void write(std::uint64_t step, double wall_seconds, const std::map<std::string, double>& metrics);

 private:
  struct File {
    std::filesystem::path path;
    std::uintmax_t size = 0;  // of what is whole
  };

  void restore(std::uint64_t resume_step);
  void append(File& file, const std::string& text);
  void add_columns(const std::map<std::string, double>& metrics);

  FileSystem* files_;
  double start_unix_seconds_;
  File json_;
  File table_;
  File events_;
  std::vector<std::string> columns_;  // of the table, after step and wall_seconds
};

}  // namespace rl

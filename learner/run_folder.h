// The files of a run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rl/formats/checkpoint.h"
#include "rl/reporting/metrics_log.h"

namespace rl {

// Where a run leaves its files. Threads: a plain value.
struct RunFolderOptions {
  std::filesystem::path path;
  bool resume = false;
  std::size_t keep_checkpoints = 3;
};

//   <out>/config.ini  metrics.jsonl  progress.csv  events.out.tfevents.*  report.html
//   <out>/checkpoints/<number>/...   the newest keep_checkpoints
//   <out>/best/<number>/...          the best evaluation so far
//
// Threads: one thread at a time.
class RunFolder {
 public:
  // Makes the folder. Throws Error when it holds checkpoints and `resume` is off. Resuming
  // an empty folder starts from the beginning: a run may be killed before its first checkpoint.
  explicit RunFolder(const RunFolderOptions& options);

  // The newest whole checkpoint when resuming; warnings about damaged ones go to `warnings`.
  std::optional<Checkpoint> load(std::vector<std::string>* warnings) const;
  bool is_empty() const { return checkpoints_.numbers().empty(); }
  void save(const Checkpoint& checkpoint) { checkpoints_.save(checkpoint); }
  void save_best(const Checkpoint& checkpoint) { best_.save(checkpoint); }

  void write_config(const std::string& text) const;
  // Starts the metric files, without what they hold behind `step`.
  void open_metrics(std::uint64_t step);
  void write_metrics(std::uint64_t step, double wall_seconds,
                     const std::map<std::string, double>& metrics);
  void write_report() const;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  bool resume_;
  CheckpointStore checkpoints_;
  CheckpointStore best_;
  std::unique_ptr<MetricsLog> metrics_;
};

}  // namespace rl

// The files of a run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
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
  std::function<void(const std::string&)> alarm{};  // a line for people; may be empty
};

//   <out>/config.ini  metrics.jsonl  progress.csv  events.out.tfevents.*  report.html
//   <out>/checkpoints/<number>/...   the newest keep_checkpoints
//   <out>/best/<number>/...          the best evaluation so far
//
// A disk that fills up or fails must not cost the run: what try_...() could not write raises an
// alarm, is counted, and the training goes on. Threads: one thread at a time.
class RunFolder {
 public:
  // Makes the folder. Throws Error when it holds checkpoints and `resume` is off. Resuming
  // an empty folder starts from the beginning: a run may be killed before its first checkpoint.
  explicit RunFolder(const RunFolderOptions& options);

  // The newest whole checkpoint when resuming; warnings about damaged ones go to `warnings`.
  std::optional<Checkpoint> load(std::vector<std::string>* warnings) const;
  // The newest whole checkpoint whether resuming or not, to go back to within a run.
  std::optional<Checkpoint> newest() const { return checkpoints_.load_newest(nullptr); }
  // Of a checkpoint in this folder; throws Error when it lacks the part.
  std::span<const std::byte> part(const Checkpoint& checkpoint, const std::string& name) const;
  // Throws Error naming the first fact of a run that the checkpoint records otherwise.
  void require_same_run(const Checkpoint& checkpoint,
                        const std::map<std::string, std::string>& identity) const;
  bool is_empty() const { return checkpoints_.numbers().empty(); }
  bool try_save(const Checkpoint& checkpoint);  // false: not saved, the earlier ones are whole
  // The last chance, also for what try_save_best() still has to save. Throws Error saying that the
  // run can go on from step `saved`.
  void save_last(const Checkpoint& checkpoint, std::uint64_t saved);
  // Kept in memory and tried again with every checkpoint until it is saved.
  void try_save_best(Checkpoint checkpoint);
  // Runs `write`; what it throws as Error is an alarm. False then.
  bool attempt(const std::string& what, const std::function<void()>& write);
  bool has_unsaved_best() const { return unsaved_best_.has_value(); }
  std::uint64_t failed_writes() const { return failed_writes_; }

  void write_config(const std::string& text) const;
  // Starts the metric files, without what they hold behind `step`.
  void open_metrics(std::uint64_t step);
  void try_write_metrics(std::uint64_t step, double wall_seconds,
                         const std::map<std::string, double>& metrics);
  void try_write_report();

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  bool resume_;
  std::function<void(const std::string&)> alarm_;
  CheckpointStore checkpoints_;
  CheckpointStore best_;
  std::unique_ptr<MetricsLog> metrics_;
  std::optional<Checkpoint> unsaved_best_;
  std::set<std::string> failing_;  // what was tried last without success
  std::uint64_t failed_writes_ = 0;
};

}  // namespace rl

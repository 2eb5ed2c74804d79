#include "learner/run_folder.h"

#include "rl/core/error.h"
#include "rl/formats/files.h"
#include "rl/reporting/report.h"

namespace rl {
namespace {

std::filesystem::path make_folder(const std::filesystem::path& path) {
  make_folders(path);
  return path;
}

}  // namespace

RunFolder::RunFolder(const RunFolderOptions& options)
    : path_(make_folder(options.path)),
      resume_(options.resume),
      checkpoints_(path_ / "checkpoints", options.keep_checkpoints),
      best_(path_ / "best", 1) {
  if (!resume_ && !is_empty()) {
    throw Error({.where = path_.string(),
                 .what = "the folder holds a run already",
                 .expected = "a new folder",
                 .got = std::to_string(checkpoints_.numbers().size()) + " checkpoints",
                 .remedy = "go on with --resume, or choose another --out"});
  }
}

std::optional<Checkpoint> RunFolder::load(std::vector<std::string>* warnings) const {
  if (!resume_) return std::nullopt;
  auto checkpoint = checkpoints_.load_newest(warnings);
  if (checkpoint || is_empty()) return checkpoint;
  throw Error({.where = (path_ / "checkpoints").string(),
               .what = "no checkpoint is whole" +
                       (warnings->empty() ? "" : "; the newest: " + warnings->front()),
               .remedy = "start again with another --out"});
}

void RunFolder::write_config(const std::string& text) const {
  if (!text.empty()) write_file_atomically(path_ / "config.ini", std::as_bytes(std::span(text)));
}

void RunFolder::open_metrics(std::uint64_t step) {
  metrics_ = std::make_unique<MetricsLog>(path_, step);
}

void RunFolder::write_metrics(std::uint64_t step, double wall_seconds,
                              const std::map<std::string, double>& metrics) {
  metrics_->write(step, wall_seconds, metrics);
}

void RunFolder::write_report() const { rl::write_report(path_); }

}  // namespace rl

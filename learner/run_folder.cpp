#include "learner/run_folder.h"

#include <utility>

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
      alarm_(options.alarm),
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

std::span<const std::byte> RunFolder::part(const Checkpoint& checkpoint,
                                           const std::string& name) const {
  const auto found = checkpoint.parts.find(name);
  if (found != checkpoint.parts.end()) return found->second;
  throw Error({.where = path_.string(),
               .what = "the checkpoint lacks a part",
               .expected = name,
               .remedy = "it was not written by a training of this kind"});
}

void RunFolder::require_same_run(const Checkpoint& checkpoint,
                                 const std::map<std::string, std::string>& identity) const {
  for (const auto& [name, now] : identity) {
    const auto then = checkpoint.facts.find(name);
    if (then != checkpoint.facts.end() && then->second == now) continue;
    throw Error({.where = path_.string(),
                 .what = "the run to resume has another " + name,
                 .expected = then == checkpoint.facts.end() ? "a recorded one" : then->second,
                 .got = now,
                 .remedy = "resume with the options and files of the first start, or choose "
                           "another --out"});
  }
}

void RunFolder::write_config(const std::string& text) const {
  if (!text.empty()) write_file_atomically(path_ / "config.ini", std::as_bytes(std::span(text)));
}

void RunFolder::open_metrics(std::uint64_t step) {
  metrics_ = std::make_unique<MetricsLog>(path_, step);
}

// One alarm when it begins and one when it is over: a full disk fails hundreds of times.
bool RunFolder::attempt(const std::string& what, const std::function<void()>& write) {
  std::string problem;
  try {
    write();
  } catch (const Error& error) {
    ++failed_writes_;
    problem = error.what();
  }
  const bool worked = problem.empty();
  const bool is_news = worked ? failing_.erase(what) > 0 : failing_.insert(what).second;
  if (is_news && alarm_) {
    alarm_(worked ? what + " can be written again"
                  : "ALARM: " + what + " could not be written, the training goes on: " + problem);
  }
  return worked;
}

bool RunFolder::try_save(const Checkpoint& checkpoint) {
  if (!attempt("a checkpoint", [&] { checkpoints_.save(checkpoint); })) return false;
  if (unsaved_best_) try_save_best(*std::exchange(unsaved_best_, std::nullopt));
  return true;
}

void RunFolder::save_last(const Checkpoint& checkpoint, std::uint64_t saved) {
  try {
    checkpoints_.save(checkpoint);
    if (unsaved_best_) best_.save(*unsaved_best_);
  } catch (const Error& error) {
    throw Error({.where = path_.string(),
                 .what = "the end of the run could not be saved: " + std::string(error.what()),
                 .got = "the last whole checkpoint is of step " + std::to_string(saved),
                 .remedy = "go on from there with --resume once the disk is well"});
  }
}

void RunFolder::try_save_best(Checkpoint checkpoint) {
  if (attempt("the best weights", [&] { best_.save(checkpoint); })) {
    unsaved_best_.reset();
  } else {
    unsaved_best_ = std::move(checkpoint);
  }
}

void RunFolder::try_write_metrics(std::uint64_t step, double wall_seconds,
                                  const std::map<std::string, double>& metrics) {
  attempt("a line of metrics", [&] { metrics_->write(step, wall_seconds, metrics); });
}

void RunFolder::try_write_report() {
  attempt("report.html", [this] { rl::write_report(path_); });
}

}  // namespace rl

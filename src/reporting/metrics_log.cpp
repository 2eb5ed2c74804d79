#include "rl/reporting/metrics_log.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "rl/core/error.h"
#include "src/reporting/event_file.h"
#include "src/reporting/text_logs.h"

namespace rl {
namespace {

constexpr std::size_t kMostFileBytes = std::size_t{4} << 30;
constexpr const char* kEventsName = "events.out.tfevents.0000000000.corral";

Bytes read_if_there(const std::filesystem::path& path, FileSystem& files) {
  if (!std::filesystem::exists(path)) return {};
  return read_file(path, kMostFileBytes, files);
}

std::string_view text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void cut(const std::filesystem::path& path, std::uintmax_t size) {
  std::error_code error;
  if (!std::filesystem::exists(path)) return;
  std::filesystem::resize_file(path, size, error);
  if (!error) return;
  throw Error({.where = path.string(),
               .what = "cannot cut the file to what is whole: " + error.message(),
               .remedy = "check the folder's permissions"});
}

void check_names(const std::map<std::string, double>& metrics) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '/' || c == '-';
  };
  for (const auto& [name, value] : metrics) {
    if (!name.empty() && std::ranges::all_of(name, allowed) && name != "step" &&
        name != "wall_seconds") {
      continue;
    }
    throw Error({.where = "MetricsLog",
                 .what = "a metric's name is not allowed",
                 .expected = "letters, digits, '_', '.', '/' and '-', not step or wall_seconds",
                 .got = "'" + name + "'",
                 .remedy = "rename the metric"});
  }
}

}  // namespace

MetricsLog::MetricsLog(std::filesystem::path folder, std::uint64_t resume_step,
                       double start_unix_seconds, FileSystem& files)
    : files_(&files), start_unix_seconds_(start_unix_seconds) {
  make_folders(folder, files);
  json_.path = folder / "metrics.jsonl";
  table_.path = folder / "progress.csv";
  events_.path = folder / kEventsName;
  if (resume_step > 0) restore(resume_step);
  for (const File* file : {&json_, &table_, &events_}) cut(file->path, file->size);
  if (json_.size == 0) append(json_, "");
  if (table_.size == 0) append(table_, reporting::table_header(columns_));
  if (events_.size == 0) append(events_, reporting::event_file_header(start_unix_seconds_));
}

void MetricsLog::restore(std::uint64_t resume_step) {
  json_.size =
      reporting::whole_json_lines(text_of(read_if_there(json_.path, *files_)), resume_step);
  const Bytes table = read_if_there(table_.path, *files_);
  table_.size = reporting::whole_table_rows(text_of(table), resume_step);
  if (table_.size > 0) columns_ = reporting::columns_of(text_of(table));
  events_.size = reporting::whole_events(read_if_there(events_.path, *files_), resume_step);
}

void MetricsLog::write(std::uint64_t step, double wall_seconds,
                       const std::map<std::string, double>& metrics) {
  check_names(metrics);
  append(json_, reporting::json_line(step, wall_seconds, metrics));
  add_columns(metrics);
  append(table_, reporting::table_row(step, wall_seconds, columns_, metrics));
  append(events_, reporting::scalar_event(start_unix_seconds_ + wall_seconds, step, metrics));
}

void MetricsLog::append(File& file, const std::string& text) {
  std::error_code missing;
  const auto found = std::filesystem::file_size(file.path, missing);
  if (!missing && found > file.size) cut(file.path, file.size);  // an earlier write failed halfway
  if ((missing ? 0 : found) < file.size) {
    throw Error({.where = file.path.string(),
                 .what = "the file was shortened or removed while the run writes it",
                 .expected = std::to_string(file.size) + " bytes",
                 .got = missing ? missing.message() : std::to_string(found),
                 .remedy = "copy the file if you want to change it"});
  }
  append_file(file.path, std::as_bytes(std::span(text)), *files_);
  file.size += text.size();
}

// Columns that appear late are added at the right, the earlier rows get empty cells.
void MetricsLog::add_columns(const std::map<std::string, double>& metrics) {
  const std::set<std::string> known(columns_.begin(), columns_.end());
  std::vector<std::string> columns = columns_;
  for (const auto& [name, value] : metrics) {
    if (known.count(name) == 0) columns.push_back(name);
  }
  const std::size_t added = columns.size() - columns_.size();
  if (added == 0) return;

  const Bytes bytes = read_file(table_.path, kMostFileBytes, *files_);
  std::string_view rest = text_of(bytes).substr(0, table_.size);
  rest.remove_prefix(rest.find('\n') + 1);
  std::string table = reporting::table_header(columns);
  for (std::size_t end = rest.find('\n'); end != rest.npos; end = rest.find('\n')) {
    table += std::string(rest.substr(0, end)) + std::string(added, ',') + "\n";
    rest.remove_prefix(end + 1);
  }
  write_file_atomically(table_.path, std::as_bytes(std::span(table)), *files_);
  table_.size = table.size();
  columns_ = std::move(columns);
}

}  // namespace rl

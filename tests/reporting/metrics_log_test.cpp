#include "rl/reporting/metrics_log.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "formats/faulty_files.h"
#include "rl/core/error.h"
#include "src/reporting/event_file.h"
#include "support/temporary_folder.h"

namespace {

namespace fs = std::filesystem;
using rl::MetricsLog;
using rl::tests::Fault;
using rl::tests::FaultyFiles;
using rl::tests::TemporaryFolder;

constexpr const char* kEvents = "events.out.tfevents.0000000000.corral";
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::string text_of(const fs::path& file) {
  const rl::Bytes bytes = rl::read_file(file, 1 << 20);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// Some lines of a run: its three files together, for comparing.
struct Files {
  std::string json, table, events;
  friend bool operator==(const Files&, const Files&) = default;
};

Files files_in(const fs::path& folder) {
  return {text_of(folder / "metrics.jsonl"), text_of(folder / "progress.csv"),
          text_of(folder / kEvents)};
}

void write_lines(MetricsLog& log, std::uint64_t first, std::uint64_t last) {
  for (std::uint64_t line = first; line <= last; ++line) {
    const auto value = static_cast<double>(line);
    log.write(line * 100, value / 4, {{"loss", 1.0 / (1.0 + value)}, {"rollout/return", value}});
  }
}

Files lines(std::uint64_t last) {
  const TemporaryFolder folder;
  MetricsLog log(folder.path(), 0);
  write_lines(log, 1, last);
  return files_in(folder.path());
}

TEST_SUITE_BEGIN("metrics log");

TEST_CASE("each write is one JSON line with the numbers to the last bit") {
  const TemporaryFolder folder;
  MetricsLog log(folder.path(), 0);
  log.write(0, 0.0, {});
  log.write(2048, 1.5, {{"rollout/episode_return", 0.1}, {"loss", -1e-300}, {"odd", kNan}});
  CHECK(text_of(folder.path() / "metrics.jsonl") ==
        "{\"step\":0,\"wall_seconds\":0}\n"
        "{\"step\":2048,\"wall_seconds\":1.5,\"loss\":-1e-300,\"odd\":null,"
        "\"rollout/episode_return\":0.1}\n");
}

TEST_CASE("columns that appear late are added to the right, earlier rows get empty cells") {
  const TemporaryFolder folder;
  MetricsLog log(folder.path(), 0);
  log.write(1, 0.5, {{"b", 1.0}});
  log.write(2, 1.0, {{"a", 2.0}, {"b", kNan}});
  log.write(3, 1.5, {{"b", 3.0}});
  CHECK(text_of(folder.path() / "progress.csv") ==
        "step,wall_seconds,b,a\n1,0.5,1,\n2,1,,2\n3,1.5,3,\n");
}

TEST_CASE("event files are byte for byte those of TensorBoard's own writer") {
  const double start = 1700000000.0;
  const double infinity = std::numeric_limits<double>::infinity();
  const std::string events =
      rl::reporting::event_file_header(start) +
      rl::reporting::scalar_event(start, 0, {{"rollout/episode_return", 21.5}}) +
      rl::reporting::scalar_event(
          start + 1.25, 4096,
          {{"rollout/episode_return", 88.125}, {"entropy", 0.0}, {"policy_loss", -0.015625}}) +
      rl::reporting::scalar_event(start + 2.5, 10000000000,
                                  {{"evaluation/return", kNan}, {"loss", infinity}});
  CHECK(events == text_of(fs::path(RL_TEST_DATA) / "golden" / "reporting" / "scalars.tfevents"));
}

TEST_CASE("whole events are counted up to the first that is damaged or too late") {
  const std::string start = rl::reporting::event_file_header(0.0);
  const std::string first = rl::reporting::scalar_event(1.0, 300, {{"a", 1.0}});
  const std::string second = rl::reporting::scalar_event(2.0, 400, {{"a", 2.0}});
  const std::string file = start + first + second;
  CHECK(rl::reporting::whole_events(bytes_of(file), 400) == file.size());
  CHECK(rl::reporting::whole_events(bytes_of(file), 399) == (start + first).size());
  for (std::size_t size = 0; size < file.size(); ++size) {
    const std::size_t whole = size < start.size()             ? 0
                              : size < (start + first).size() ? start.size()
                                                              : (start + first).size();
    CHECK(rl::reporting::whole_events(bytes_of(file.substr(0, size)), 400) == whole);
  }
  for (std::size_t i = 0; i < first.size(); ++i) {
    std::string damaged = file;
    damaged[start.size() + i] = static_cast<char>(damaged[start.size() + i] ^ 0x10);
    CHECK(rl::reporting::whole_events(bytes_of(damaged), 400) == start.size());
  }
}

TEST_CASE("a resumed run's files are those of a run that was never killed") {
  const TemporaryFolder folder;
  {
    MetricsLog log(folder.path(), 0);
    write_lines(log, 1, 9);
  }
  {
    MetricsLog log(folder.path(), 500);  // the checkpoint; lines 6 to 9 lie behind it
    CHECK(files_in(folder.path()) == lines(5));
    write_lines(log, 6, 12);
  }
  CHECK(files_in(folder.path()) == lines(12));
}

TEST_CASE("a line cut anywhere by a kill is repaired on resuming") {
  const Files whole = lines(3);
  const Files shorter = lines(2);
  const auto cut_by = [&](std::size_t bytes) {
    const TemporaryFolder folder;
    const auto cut = [&](const std::string& text) { return text.substr(0, text.size() - bytes); };
    FaultyFiles files;
    rl::write_file(folder.path() / "metrics.jsonl", bytes_of(cut(whole.json)), files);
    rl::write_file(folder.path() / "progress.csv", bytes_of(cut(whole.table)), files);
    rl::write_file(folder.path() / kEvents, bytes_of(cut(whole.events)), files);
    const MetricsLog log(folder.path(), 300);
    return files_in(folder.path());
  };
  const std::size_t row = whole.table.size() - shorter.table.size();
  for (std::size_t bytes = 1; bytes <= row; ++bytes) CHECK(cut_by(bytes) == shorter);
}

TEST_CASE("starting afresh, or over files that are none of ours, leaves nothing of the old") {
  const TemporaryFolder folder;
  {
    MetricsLog log(folder.path(), 0);
    write_lines(log, 1, 3);
  }
  { MetricsLog log(folder.path(), 0); }
  CHECK(files_in(folder.path()) == lines(0));
  FaultyFiles files;
  for (const char* name : {"metrics.jsonl", "progress.csv", kEvents}) {
    rl::write_file(folder.path() / name, bytes_of("something else\n"), files);
  }
  {
    MetricsLog log(folder.path(), 100);
    write_lines(log, 1, 2);
  }
  CHECK(files_in(folder.path()) == lines(2));
}

TEST_CASE(
    "steps may come out of order: a resumed run keeps all before the first that is too late") {
  const TemporaryFolder folder;
  {
    MetricsLog log(folder.path(), 0);
    for (const std::uint64_t step : {100, 300, 200, 400, 250}) log.write(step, 0.0, {});
  }
  const MetricsLog log(folder.path(), 300);
  CHECK(text_of(folder.path() / "progress.csv") == "step,wall_seconds\n100,0\n300,0\n200,0\n");
}

TEST_CASE("whichever call fails, the next write goes on with whole lines") {
  for (const Fault fault : {Fault::no_space, Fault::short_write}) {
    for (std::size_t call = 1;; ++call) {
      const TemporaryFolder folder;
      FaultyFiles probe;
      { MetricsLog log(folder.path(), 0, 0.0, probe); }
      FaultyFiles files(probe.calls.size() + call, fault);
      MetricsLog log(folder.path(), 0, 0.0, files);
      CAPTURE(call);
      bool failed = false;
      try {
        write_lines(log, 1, 2);
      } catch (const rl::Error&) {
        failed = true;
      }
      if (!failed) break;
      write_lines(log, 3, 3);
      const fs::path table = folder.path() / "progress.csv";
      const std::string last = "300,0.75,0.25,3\n";
      CHECK(text_of(table).ends_with("\n" + last));
      const std::string before = text_of(table);
      {
        const MetricsLog again(folder.path(), 300);
        CHECK(text_of(table) == before);
      }
      const std::string events = text_of(folder.path() / kEvents);
      CHECK(rl::reporting::whole_events(bytes_of(events), 300) == events.size());
    }
  }
}

TEST_CASE("a file that somebody shortens meanwhile is an error, not a hole") {
  const TemporaryFolder folder;
  MetricsLog log(folder.path(), 0);
  write_lines(log, 1, 2);
  fs::resize_file(folder.path() / "metrics.jsonl", 3);
  CHECK_THROWS_WITH_AS(log.write(300, 1.0, {}), doctest::Contains("shortened or removed"),
                       rl::Error);
}

TEST_CASE("names that would need quoting are refused and nothing is written") {
  const TemporaryFolder folder;
  MetricsLog log(folder.path(), 0);
  for (const std::string& name :
       std::vector<std::string>{"", "a b", "a,b", "a\"b", "a\nb", "ü", "step", "wall_seconds"}) {
    CHECK_THROWS_WITH_AS(log.write(1, 0.0, {{name, 1.0}}), doctest::Contains("not allowed"),
                         rl::Error);
  }
  CHECK(files_in(folder.path()) == lines(0));
}

TEST_SUITE_END();

}  // namespace

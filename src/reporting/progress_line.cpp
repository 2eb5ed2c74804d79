#include "rl/reporting/progress_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ostream>
#include <vector>

namespace rl {
namespace {

std::string fixed(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

// 3 significant digits and a unit: 950, 12.3k, 1.50M.
std::string short_count(double value) {
  constexpr std::array<const char*, 5> kUnits = {"", "k", "M", "G", "T"};
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000.0;
    ++unit;
  }
  const int digits = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return fixed(value, digits) + kUnits[unit];
}

// Cut off below: 59 s, 12 min, 3 h 05 min, 2 d 4 h.
std::string duration(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::min(std::max(seconds, 0.0), 1e15));
  const std::uint64_t minutes = whole / 60;
  const std::uint64_t hours = minutes / 60;
  if (minutes == 0) return std::to_string(whole) + " s";
  if (hours == 0) return std::to_string(minutes) + " min " + std::to_string(whole % 60) + " s";
  if (hours < 48) return std::to_string(hours) + " h " + std::to_string(minutes % 60) + " min";
  return std::to_string(hours / 24) + " d " + std::to_string(hours % 24) + " h";
}

struct Part {
  std::string text;
  int importance;  // the lowest is left out first
};

std::vector<Part> parts_of(const Progress& progress) {
  std::vector<Part> parts;
  const auto steps = static_cast<double>(progress.steps);
  const auto total = static_cast<double>(progress.total_steps);
  if (progress.total_steps > 0) {
    parts.push_back({short_count(steps) + " / " + short_count(total) + " steps", 7});
    parts.push_back(
        {std::to_string(static_cast<int>(100.0 * std::min(steps / total, 1.0))) + " %", 4});
  } else {
    parts.push_back({short_count(steps) + " steps", 7});
  }
  if (progress.steps_per_second > 0.0) {
    parts.push_back({short_count(progress.steps_per_second) + " steps/s", 3});
  }
  if (std::isfinite(progress.mean_return)) {
    parts.push_back({"return " + fixed(progress.mean_return, 1), 6});
  }
  if (std::isfinite(progress.evaluation_return)) {
    parts.push_back({"evaluation " + fixed(progress.evaluation_return, 1), 2});
  }
  if (std::isfinite(progress.loss)) parts.push_back({"loss " + fixed(progress.loss, 3), 6});
  if (std::isfinite(progress.evaluation_loss)) {
    parts.push_back({"held out " + fixed(progress.evaluation_loss, 3), 2});
  }
  if (std::isfinite(progress.exact_match)) {
    parts.push_back({"exact " + fixed(100.0 * progress.exact_match, 1) + " %", 3});
  }
  if (std::isfinite(progress.staleness)) {
    parts.push_back({"staleness " + fixed(progress.staleness, 1), 1});
  }
  if (progress.steps_per_second > 0.0 && steps < total) {
    parts.push_back({duration((total - steps) / progress.steps_per_second) + " left", 5});
  } else {
    parts.push_back({duration(progress.wall_seconds), 5});
  }
  return parts;
}

std::string join(const std::vector<Part>& parts) {
  std::string line;
  for (const Part& part : parts) line += (line.empty() ? "" : "  ") + part.text;
  return line;
}

}  // namespace

std::string progress_line(const Progress& progress, std::size_t columns) {
  std::vector<Part> parts = parts_of(progress);
  while (parts.size() > 1 && join(parts).size() > columns) {
    parts.erase(std::ranges::min_element(parts, {}, &Part::importance));
  }
  return join(parts).substr(0, columns);
}

ProgressPrinter::ProgressPrinter(std::ostream& out, const Clock& clock, Options options)
    : out_(out), clock_(clock), options_(options) {
  if (options_.columns == 0) options_.columns = 80;
}

void ProgressPrinter::show(const Progress& progress) {
  if (options_.terminal) {
    // The last column stays free: some terminals wrap as soon as it is written.
    const std::string line = progress_line(progress, options_.columns - 1);
    const std::size_t left_over = shown_ > line.size() ? shown_ - line.size() : 0;
    out_ << '\r' << line << std::string(left_over, ' ') << std::flush;
    shown_ = line.size();
    return;
  }
  const Nanoseconds now = clock_.now();
  if (printed_before_ && now - last_print_ < options_.quiet_period) return;
  printed_before_ = true;
  last_print_ = now;
  out_ << progress_line(progress, std::string::npos) << std::endl;
}

void ProgressPrinter::print(const std::string& line) {
  clear();
  out_ << line << std::endl;
}

void ProgressPrinter::finish() {
  if (shown_ > 0) out_ << std::endl;
  shown_ = 0;
}

void ProgressPrinter::clear() {
  if (shown_ > 0) out_ << '\r' << std::string(shown_, ' ') << '\r';
  shown_ = 0;
}

ProgressPrinter::Options terminal_options() {
  ProgressPrinter::Options options;
  options.terminal = ::isatty(STDERR_FILENO) == 1;
  winsize size{};
  if (options.terminal && ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    options.columns = size.ws_col;
  }
  return options;
}

}  // namespace rl

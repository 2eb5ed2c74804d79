#include "src/reporting/text_logs.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

namespace rl::reporting {
namespace {

constexpr std::string_view kTableStart = "step,wall_seconds";

// The first line without its end, or nullopt when none is finished.
std::optional<std::string_view> first_line(std::string_view text) {
  const auto end = text.find('\n');
  return end == text.npos ? std::nullopt : std::optional(text.substr(0, end));
}

std::optional<std::uint64_t> step_of_json(std::string_view line) {
  const auto parsed = nlohmann::json::parse(line, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("step")) return std::nullopt;
  const auto& step = parsed["step"];
  return step.is_number_unsigned() ? std::optional(step.get<std::uint64_t>()) : std::nullopt;
}

std::optional<std::uint64_t> step_of_row(std::string_view row) {
  std::uint64_t step = 0;
  const auto result = std::from_chars(row.data(), row.data() + row.size(), step);
  const bool whole = result.ec == std::errc() && result.ptr != row.data() + row.size();
  return whole && *result.ptr == ',' ? std::optional(step) : std::nullopt;
}

}  // namespace

std::string number_text(double value) {
  if (!std::isfinite(value)) return "";
  std::array<char, 32> text{};
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), result.ptr};
}

std::string json_line(std::uint64_t step, double wall_seconds,
                      const std::map<std::string, double>& metrics) {
  std::string line =
      "{\"step\":" + std::to_string(step) + ",\"wall_seconds\":" + number_text(wall_seconds);
  for (const auto& [name, value] : metrics) {
    line += ",\"" + name + "\":" + (std::isfinite(value) ? number_text(value) : "null");
  }
  return line + "}\n";
}

std::string table_header(const std::vector<std::string>& columns) {
  std::string line(kTableStart);
  for (const std::string& column : columns) line += "," + column;
  return line + "\n";
}

std::string table_row(std::uint64_t step, double wall_seconds,
                      const std::vector<std::string>& columns,
                      const std::map<std::string, double>& metrics) {
  std::string line = std::to_string(step) + "," + number_text(wall_seconds);
  for (const std::string& column : columns) {
    const auto metric = metrics.find(column);
    line += "," + (metric == metrics.end() ? "" : number_text(metric->second));
  }
  return line + "\n";
}

std::vector<std::string> columns_of(std::string_view table) {
  std::vector<std::string> columns;
  const auto header = first_line(table);
  if (!header || !header->starts_with(kTableStart)) return columns;
  std::string_view rest = header->substr(kTableStart.size());
  while (rest.starts_with(',')) {
    rest.remove_prefix(1);
    const std::string_view name = rest.substr(0, rest.find(','));
    columns.emplace_back(name);
    rest.remove_prefix(name.size());
  }
  return columns;
}

std::size_t whole_json_lines(std::string_view text, std::uint64_t last) {
  std::string_view rest = text;
  while (const auto line = first_line(rest)) {
    const auto step = step_of_json(*line);
    if (!step || *step > last) break;
    rest.remove_prefix(line->size() + 1);
  }
  return text.size() - rest.size();
}

std::size_t whole_table_rows(std::string_view text, std::uint64_t last) {
  const auto header = first_line(text);
  if (!header || !header->starts_with(kTableStart)) return 0;
  const auto commas = std::ranges::count(*header, ',');
  std::string_view rest = text.substr(header->size() + 1);
  while (const auto row = first_line(rest)) {
    const auto step = step_of_row(*row);
    if (!step || *step > last || std::ranges::count(*row, ',') != commas) break;
    rest.remove_prefix(row->size() + 1);
  }
  return text.size() - rest.size();
}

}  // namespace rl::reporting

// The lines of metrics.jsonl and the rows of progress.csv, and what of them a resumed run keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rl::reporting {

// Digits that read back as the same double; "" when not finite.
std::string number_text(double value);

std::string json_line(std::uint64_t step, double wall_seconds,
                      const std::map<std::string, double>& metrics);

std::string table_header(const std::vector<std::string>& columns);
std::string table_row(std::uint64_t step, double wall_seconds,
                      const std::vector<std::string>& columns,
                      const std::map<std::string, double>& metrics);
// Columns of the first line after step and wall_seconds; empty when it is no header of ours.
std::vector<std::string> columns_of(std::string_view table);

// How many bytes are whole lines before the first that is malformed or has a step beyond `last`.
std::size_t whole_json_lines(std::string_view text, std::uint64_t last);
std::size_t whole_table_rows(std::string_view text, std::uint64_t last);

}  // namespace rl::reporting

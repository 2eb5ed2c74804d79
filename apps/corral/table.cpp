#include "apps/corral/table.h"

#include <algorithm>

namespace rl::app {

std::string Table::text() const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string lines;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      lines += row[i] + (last ? "\n" : std::string(widths[i] + 2 - row[i].size(), ' '));
    }
  }
  return lines;
}

}  // namespace rl::app

// Columns of text.
#pragma once

#include <string>
#include <vector>

namespace rl::app {

// Threads: one thread at a time.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) { add(std::move(headings)); }

  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  // Lines of left-aligned columns, as wide as their longest cell, two spaces apart.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace rl::app

#include "envs/canvas.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace rl {

Canvas::Canvas(int width, int height)
    : width_(width),
      rows_(static_cast<std::size_t>(height), std::string(static_cast<std::size_t>(width), ' ')) {}

void Canvas::put(int column, int row, char mark) {
  if (column < 0 || column >= width_ || row < 0 || row >= static_cast<int>(rows_.size())) return;
  rows_[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)] = mark;
}

void Canvas::write(int column, int row, std::string_view text) {
  for (const char c : text) put(column++, row, c);
}

void Canvas::line(double from_column, double from_row, double to_column, double to_row, char mark) {
  const double columns = to_column - from_column;
  const double rows = to_row - from_row;
  const int dots = 2 * static_cast<int>(std::ceil(std::max(std::abs(columns), std::abs(rows)))) + 1;
  for (int i = 0; i <= dots; ++i) {
    const double part = static_cast<double>(i) / dots;
    put(static_cast<int>(std::lround(from_column + part * columns)),
        static_cast<int>(std::lround(from_row + part * rows)), mark);
  }
}

std::string Canvas::text() const {
  std::string text;
  for (const std::string& row : rows_) {
    text += row.substr(0, row.find_last_not_of(' ') + 1) + '\n';
  }
  return text;
}

std::string fixed(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

}  // namespace rl

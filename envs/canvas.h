// Characters in a rectangle, for the pictures of render().
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rl {

// Column 0 is left, row 0 is the top; what falls outside is not drawn.
// Threads: one at a time.
class Canvas {
 public:
  Canvas(int width, int height);

  void put(int column, int row, char mark);
  void write(int column, int row, std::string_view text);
  void line(double from_column, double from_row, double to_column, double to_row, char mark);
  std::string text() const;  // lines without trailing blanks, each ended by a newline

 private:
  int width_;
  std::vector<std::string> rows_;
};

// printf's "%.*f".
std::string fixed(double value, int decimals);

}  // namespace rl

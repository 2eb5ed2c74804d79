// A curve as an inline picture (SVG) for report.html. Colours come from the page's style sheet.
#pragma once

#include <string>
#include <vector>

namespace rl::reporting {

struct Point {
  double x = 0.0;
  double y = 0.0;
  double error = 0.0;  // half the height of an error bar; 0: none
};

struct Series {
  std::string name;
  bool dots = false;          // dots with error bars instead of a line
  std::vector<Point> points;  // ascending by x, finite
};

struct ChartSize {
  int width = 330;
  int height = 200;
};

// Round numbers (1, 2 or 5 times a power of ten apart) that enclose [low, high], about `count`.
std::vector<double> round_ticks(double low, double high, int count);

// 1200000 -> "1.2M"; for axes and titles.
std::string count_text(double value);
// As many decimals as tell values apart that differ by `resolution`.
std::string value_text(double value, double resolution);

std::string escape_html(const std::string& text);

// The x axis counts environment steps. Empty series give an empty picture with a line that says so.
std::string chart_svg(const std::string& title, const std::vector<Series>& series, ChartSize size);

}  // namespace rl::reporting

#include "src/reporting/chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

namespace rl::reporting {
namespace {

constexpr int kLeft = 58;  // room for labels, in pixels
constexpr int kRight = 14;
constexpr int kTop = 12;
constexpr int kBottom = 40;
constexpr std::size_t kMostPoints = 800;  // of a line; more are not seen

std::string fixed(double value, int digits) {
  std::array<char, 400> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

// Maps data to pixels.
struct Frame {
  std::vector<double> x_ticks, y_ticks;
  ChartSize size;

  double x(double value) const {
    const double share = (value - x_ticks.front()) / (x_ticks.back() - x_ticks.front());
    return kLeft + share * (size.width - kLeft - kRight);
  }
  double y(double value) const {
    const double share = (value - y_ticks.front()) / (y_ticks.back() - y_ticks.front());
    return size.height - kBottom - share * (size.height - kTop - kBottom);
  }
};

// Keeps the lowest and highest of every stretch, so that no spike is lost.
std::vector<Point> thinned(const std::vector<Point>& points) {
  if (points.size() <= kMostPoints) return points;
  std::vector<Point> kept;
  const std::size_t stretch = 2 * points.size() / kMostPoints + 1;
  for (std::size_t start = 0; start < points.size(); start += stretch) {
    const auto first = points.begin() + static_cast<std::ptrdiff_t>(start);
    const auto last =
        points.begin() + static_cast<std::ptrdiff_t>(std::min(start + stretch, points.size()));
    auto [low, high] =
        std::minmax_element(first, last, [](const Point& a, const Point& b) { return a.y < b.y; });
    if (high < low) std::swap(low, high);
    kept.push_back(*low);
    if (low != high) kept.push_back(*high);
  }
  return kept;
}

std::string line(double x1, double y1, double x2, double y2, const char* style) {
  return "<line class=\"" + std::string(style) + "\" x1=\"" + fixed(x1, 1) + "\" y1=\"" +
         fixed(y1, 1) + "\" x2=\"" + fixed(x2, 1) + "\" y2=\"" + fixed(y2, 1) + "\"/>";
}

std::string label(double x, double y, const char* anchor, const std::string& text) {
  return "<text x=\"" + fixed(x, 1) + "\" y=\"" + fixed(y, 1) + "\" text-anchor=\"" + anchor +
         "\">" + escape_html(text) + "</text>";
}

std::string axes(const Frame& frame) {
  const double bottom = frame.size.height - kBottom;
  const double right = frame.size.width - kRight;
  std::string svg;
  const double y_step = frame.y_ticks[1] - frame.y_ticks[0];
  for (const double tick : frame.y_ticks) {
    const double y = frame.y(tick);
    svg += line(kLeft, y, right, y, "grid");
    svg += label(kLeft - 8, y + 4, "end", value_text(tick, y_step));
  }
  for (const double tick : frame.x_ticks) {
    const double x = frame.x(tick);
    svg += line(x, bottom, x, bottom + 4, "axis");
    svg += label(x, bottom + 18, "middle", count_text(tick));
  }
  svg += line(kLeft, bottom, right, bottom, "axis");
  return svg + label((kLeft + right) / 2, bottom + 34, "middle", "environment steps");
}

std::string dots(const Frame& frame, const Series& series, const std::string& style) {
  std::string svg;
  const double resolution = (frame.y_ticks[1] - frame.y_ticks[0]) / 100.0;
  for (const Point& point : series.points) {
    const double x = frame.x(point.x);
    if (point.error > 0.0) {
      svg += line(x, frame.y(point.y - point.error), x, frame.y(point.y + point.error),
                  ("bar " + style).c_str());
    }
    std::string tip =
        series.name + " at step " + fixed(point.x, 0) + ": " + value_text(point.y, resolution);
    if (point.error > 0.0) tip += " ± " + value_text(point.error, resolution);
    svg += "<circle class=\"dot " + style + "\" r=\"3.5\" cx=\"" + fixed(x, 1) + "\" cy=\"" +
           fixed(frame.y(point.y), 1) + "\"><title>" + escape_html(tip) + "</title></circle>";
  }
  return svg;
}

std::string curve(const Frame& frame, const Series& series, const std::string& style) {
  if (series.points.size() == 1) return dots(frame, series, style);
  std::string svg = "<polyline class=\"curve " + style + "\" points=\"";
  for (const Point& point : thinned(series.points)) {
    svg += fixed(frame.x(point.x), 1) + "," + fixed(frame.y(point.y), 1) + " ";
  }
  return svg + "\"/>";
}

}  // namespace

std::vector<double> round_ticks(double low, double high, int count) {
  // Also when only rounding tells them apart: ticks could not.
  if (high - low <= 1e-9 * std::max(std::abs(low), std::abs(high))) {
    const double room = low == 0.0 ? 1.0 : 0.1 * std::abs(low);
    high = low + room;
    low -= low == 0.0 ? 0.0 : room;
  }
  const double rough = (high - low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10.0 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * power >= rough * 0.999) step = factor * power;
  }
  std::vector<double> ticks;
  const double first = std::floor(low / step + 1e-9);
  const double last = std::ceil(high / step - 1e-9);
  for (double tick = first; tick <= last; tick += 1.0) ticks.push_back(tick * step);
  return ticks;
}

std::string count_text(double value) {
  constexpr std::array<const char*, 4> kUnits = {"", "k", "M", "G"};
  std::size_t unit = 0;
  while (std::abs(value) >= 1000.0 && unit + 1 < kUnits.size()) {
    value /= 1000.0;
    ++unit;
  }
  std::string text = fixed(value, 2);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + kUnits[unit];
}

std::string value_text(double value, double resolution) {
  if (std::abs(value) < resolution * 1e-6) value = 0.0;  // no "-0", no "1e-17" for zero
  const double largest = std::max(std::abs(value), resolution);
  if (largest >= 1e6 || resolution < 1e-4) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.3g", value);
    return text.data();
  }
  const int digits = static_cast<int>(std::ceil(-std::log10(resolution) - 1e-9));
  return fixed(value, std::clamp(digits, 0, 4));
}

std::string escape_html(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string chart_svg(const std::string& title, const std::vector<Series>& series, ChartSize size) {
  std::string svg = "<svg viewBox=\"0 0 " + std::to_string(size.width) + " " +
                    std::to_string(size.height) + "\" role=\"img\" aria-label=\"" +
                    escape_html(title) + "\">";
  Range x, y;
  for (const Series& one : series) {
    for (const Point& point : one.points) {
      x.include(point.x);
      y.include(point.y - point.error);
      y.include(point.y + point.error);
    }
  }
  if (x.low > x.high) {
    return svg + label(size.width / 2.0, size.height / 2.0, "middle", "nothing measured yet") +
           "</svg>";
  }
  const Frame frame{round_ticks(0.0, x.high, size.width / 90), round_ticks(y.low, y.high, 4), size};
  svg += axes(frame);
  for (std::size_t i = 0; i < series.size(); ++i) {
    const std::string style = "series" + std::to_string(i);
    if (!series[i].points.empty()) {
      svg += series[i].dots ? dots(frame, series[i], style) : curve(frame, series[i], style);
    }
  }
  return svg + "</svg>";
}

}  // namespace rl::reporting

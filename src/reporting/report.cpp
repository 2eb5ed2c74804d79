#include "rl/reporting/report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "rl/formats/files.h"
#include "src/reporting/chart.h"
#include "src/reporting/report_style.h"

namespace rl {
namespace {

using reporting::count_text;
using reporting::escape_html;
using reporting::Point;
using reporting::Series;
using reporting::value_text;

constexpr std::size_t kMostFileBytes = std::size_t{4} << 30;
constexpr double kMostShown = 1e300;  // beyond, differences overflow

constexpr const char* kTrainingReturn = "rollout/episode_return";
constexpr const char* kEvaluationReturn = "evaluation/return";
constexpr const char* kEvaluationError = "evaluation/return_standard_error";
constexpr const char* kLoss = "loss";
constexpr const char* kHeldOutLoss = "evaluation/loss";
constexpr const char* kExactMatch = "evaluation/exact_match";
constexpr const char* kStepsPerSecond = "time/steps_per_second";

struct Run {
  std::map<std::string, std::vector<Point>> metrics;  // ascending by step
  double steps = 0.0;
  double wall_seconds = 0.0;
  std::vector<std::pair<std::string, std::string>> config;

  const std::vector<Point>& points(const std::string& name) const {
    static const std::vector<Point> kNone;
    const auto found = metrics.find(name);
    return found == metrics.end() ? kNone : found->second;
  }
  // Fine-tuning has losses where reinforcement learning has returns.
  bool has_returns() const {
    const bool of_environment = std::ranges::find(config, "env", [](const auto& option) {
      return std::string_view(option.first);
    }) != config.end();
    return of_environment || metrics.contains(kTrainingReturn) ||
           metrics.contains(kEvaluationReturn) || !metrics.contains(kLoss);
  }
  std::string option(const std::string& name) const {
    const auto found = std::ranges::find(config, name, &std::pair<std::string, std::string>::first);
    return found == config.end() ? "–" : found->second;
  }
};

std::string text_if_there(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return "";
  const Bytes bytes = read_file(path, kMostFileBytes);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A step measured twice (a resumed run repeats an evaluation) counts as it was measured last.
void read_metrics(const std::string& text, Run& run) {
  std::map<std::string, std::map<double, double>> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto parsed = nlohmann::json::parse(line, nullptr, false);
    if (!parsed.is_object() || !parsed.contains("step") || !parsed["step"].is_number()) continue;
    const auto step = parsed["step"].get<double>();
    run.steps = std::max(run.steps, step);
    for (const auto& [name, value] : parsed.items()) {
      if (!value.is_number() || std::abs(value.get<double>()) > kMostShown) continue;
      if (name == "wall_seconds") {
        run.wall_seconds = std::max(run.wall_seconds, value.get<double>());
      } else if (name != "step") {
        values[name][step] = value.get<double>();
      }
    }
  }
  for (const auto& [name, by_step] : values) {
    for (const auto& [step, value] : by_step) run.metrics[name].push_back({.x = step, .y = value});
  }
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == text.npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

void read_config(const std::string& text, Run& run) {
  std::istringstream lines(text);
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    line = trimmed(line);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[' && line.back() == ']') {
      section = line.substr(1, line.size() - 2) + ".";
    } else if (const auto equals = line.find('='); equals != line.npos) {
      run.config.emplace_back(section + trimmed(line.substr(0, equals)),
                              trimmed(line.substr(equals + 1)));
    }
  }
}

std::string duration(double seconds) {
  const auto whole = static_cast<long long>(std::min(std::max(seconds, 0.0), 1e15));
  if (whole < 60) return value_text(seconds, 0.1) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole / 60 % 60) + " min";
}

std::vector<Point> evaluations(const Run& run) {
  std::vector<Point> points = run.points(kEvaluationReturn);
  std::map<double, double> errors;
  for (const Point& error : run.points(kEvaluationError)) errors[error.x] = error.y;
  for (Point& point : points) point.error = errors.count(point.x) ? errors[point.x] : 0.0;
  return points;
}

std::string tile(const std::string& name, const std::string& value, const std::string& note) {
  return "<div class=\"tile\"><div class=\"name\">" + escape_html(name) +
         "</div><div class=\"value\">" + escape_html(value) + "</div><div class=\"note\">" +
         escape_html(note) + "</div></div>\n";
}

std::string return_text(const Point& point) {
  return value_text(point.y, 0.1);
}

std::string loss_tiles(const Run& run) {
  std::string html = tile("Training loss", value_text(run.points(kLoss).back().y, 0.001), "");
  if (const auto& held_out = run.points(kHeldOutLoss); !held_out.empty()) {
    const Point& best = *std::ranges::min_element(held_out, {}, &Point::y);
    html += tile("Held-out loss", value_text(held_out.back().y, 0.001),
                 "best " + value_text(best.y, 0.001) + " at " + count_text(best.x) + " steps");
  }
  if (const auto& exact = run.points(kExactMatch); !exact.empty()) {
    html += tile("Exact answers", value_text(100.0 * exact.back().y, 0.1) + " %",
                 "of held-out prompts");
  }
  return html;
}

std::string tiles(const Run& run) {
  const auto evaluated = evaluations(run);
  const auto& trained = run.points(kTrainingReturn);
  std::string html = "<section class=\"tiles\">\n";
  if (!evaluated.empty()) {
    const Point& last = evaluated.back();
    const Point& best = *std::ranges::max_element(evaluated, {}, &Point::y);
    const std::string error = last.error > 0.0 ? "± " + value_text(last.error, 0.1) + " " : "";
    html += tile("Final return", return_text(last), error + "at " + count_text(last.x) + " steps");
    html += tile("Best return", return_text(best), "at " + count_text(best.x) + " steps");
  } else if (!trained.empty()) {
    html += tile("Training return", return_text(trained.back()), "recent episodes");
  }
  if (!run.has_returns()) html += loss_tiles(run);
  html += tile(run.has_returns() ? "Environment steps" : "Steps", count_text(run.steps), "of " + run.option("steps"));
  html += tile("Wall time", duration(run.wall_seconds), "");
  if (const auto& speed = run.points(kStepsPerSecond); !speed.empty()) {
    html += tile("Steps per second", count_text(std::round(speed.back().y)), "at the end");
  }
  return html + "</section>\n";
}

std::string summary_table(const Run& run) {
  const auto row = [](const std::string& name, const std::string& value) {
    return "<tr><th>" + escape_html(name) + "</th><td>" + escape_html(value) + "</td></tr>\n";
  };
  const auto evaluated = evaluations(run);
  std::string html = "<table class=\"summary\">\n" + row("Algorithm", run.option("algo")) +
                     row("Seed", run.option("seed")) +
                     row("Wall time", duration(run.wall_seconds));
  if (run.has_returns()) {
    html += row("Environment", run.option("env")) + row("Mode", run.option("mode")) +
            row("Environment steps", value_text(run.steps, 1.0));
  } else {
    html += row("Model", run.option("model")) + row("Data", run.option("data")) +
            row("Steps", value_text(run.steps, 1.0));
  }
  if (!evaluated.empty()) {
    html += row("Final evaluation return", return_text(evaluated.back()));
    html += row("Best evaluation return",
                return_text(*std::ranges::max_element(evaluated, {}, &Point::y)));
  }
  if (const auto& trained = run.points(kTrainingReturn); !trained.empty()) {
    html += row("Final training return", return_text(trained.back()));
  }
  return html + "</table>\n";
}

std::string figure(const std::string& title, const std::vector<Series>& series,
                   reporting::ChartSize size) {
  std::string legend;
  for (std::size_t i = 0; i < series.size() && series.size() > 1; ++i) {
    legend += "<span class=\"key series" + std::to_string(i) + "\"></span>" +
              escape_html(series[i].name) + " ";
  }
  return "<figure><figcaption>" + escape_html(title) + "<span class=\"legend\">" + legend +
         "</span></figcaption>" + reporting::chart_svg(title, series, size) + "</figure>\n";
}

std::string return_chart(const Run& run) {
  return figure("Return",
                {{.name = "training episodes", .points = run.points(kTrainingReturn)},
                 {.name = "evaluation", .dots = true, .points = evaluations(run)}},
                {.width = 960, .height = 340});
}

std::string loss_chart(const Run& run) {
  return figure("Loss",
                {{.name = "training", .points = run.points(kLoss)},
                 {.name = "held out", .dots = true, .points = run.points(kHeldOutLoss)}},
                {.width = 960, .height = 340});
}

bool is_in_first_chart(const Run& run, const std::string& name) {
  if (run.has_returns()) {
    return name == kTrainingReturn || name == kEvaluationReturn || name == kEvaluationError;
  }
  return name == kLoss || name == kHeldOutLoss;
}

// "rollout/episode_length" -> "rollout"; what the algorithm reports has no prefix.
std::string group_of(const std::string& name) {
  const auto slash = name.find('/');
  return slash == name.npos ? "algorithm" : name.substr(0, slash);
}

std::string title_of(const std::string& name) {
  std::string title = name.substr(name.find('/') + 1);
  std::ranges::replace(title, '_', ' ');
  return title;
}

std::string group_charts(const Run& run, const std::string& group) {
  std::string charts;
  for (const auto& [name, points] : run.metrics) {
    if (group_of(name) != group || is_in_first_chart(run, name)) continue;
    charts += figure(title_of(name), {{.name = title_of(name), .points = points}}, {});
  }
  if (charts.empty()) return "";
  return "<h2>" + escape_html(group) + "</h2>\n<section class=\"charts\">\n" + charts +
         "</section>\n";
}

std::string all_charts(const Run& run) {
  std::vector<std::string> groups = {"algorithm", "rollout", "evaluation", "learner", "time"};
  for (const auto& [name, points] : run.metrics) {
    if (std::ranges::find(groups, group_of(name)) == groups.end()) groups.push_back(group_of(name));
  }
  std::string html = run.has_returns() ? return_chart(run) : loss_chart(run);
  for (const std::string& group : groups) html += group_charts(run, group);
  return html;
}

std::string config_table(const Run& run) {
  if (run.config.empty()) return "";
  std::string html = "<details><summary>Configuration</summary><table>\n";
  for (const auto& [name, value] : run.config) {
    html += "<tr><th>" + escape_html(name) + "</th><td>" + escape_html(value) + "</td></tr>\n";
  }
  return html + "</table></details>\n";
}

std::string page(const Run& run) {
  const std::string title = escape_html(
      run.option("algo") + " on " + run.option(run.has_returns() ? "env" : "data"));
  return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
         title + "</title>\n<style>\n" + reporting::kReportStyle +
         "</style></head>\n<body><main>\n" + "<h1>" + title + "</h1>\n" + tiles(run) +
         all_charts(run) + "<h2>summary</h2>\n" + summary_table(run) + config_table(run) +
         "</main></body></html>\n";
}

}  // namespace

void write_report(const std::filesystem::path& folder) {
  Run run;
  read_metrics(text_if_there(folder / "metrics.jsonl"), run);
  read_config(text_if_there(folder / "config.ini"), run);
  const std::string html = page(run);
  write_file_atomically(folder / "report.html", std::as_bytes(std::span(html)));
}

}  // namespace rl

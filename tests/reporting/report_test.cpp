#include "rl/reporting/report.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "rl/formats/files.h"
#include "rl/reporting/metrics_log.h"
#include "src/reporting/chart.h"
#include "support/temporary_folder.h"

namespace {

using rl::reporting::Point;
using rl::reporting::Series;
using rl::tests::TemporaryFolder;

std::string text_of(const std::filesystem::path& file) {
  const rl::Bytes bytes = rl::read_file(file, 1 << 24);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST_SUITE_BEGIN("report");

TEST_CASE("ticks are round and enclose the data") {
  CHECK(rl::reporting::round_ticks(0.0, 100.0, 5) ==
        std::vector<double>{0.0, 20.0, 40.0, 60.0, 80.0, 100.0});
  CHECK(rl::reporting::round_ticks(-180.0, -3.0, 4) ==
        std::vector<double>{-200.0, -150.0, -100.0, -50.0, 0.0});
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{{0.0, 0.0},
                                                                        {5.0, 5.0},
                                                                        {-2e-9, 3e-9},
                                                                        {1e17, 1e17 + 16.0},
                                                                        {-1e300, 1e300},
                                                                        {0.1, 0.7}}) {
    const auto ticks = rl::reporting::round_ticks(low, high, 4);
    CHECK(ticks.size() >= 2);
    CHECK(ticks.size() <= 8);
    CHECK(ticks.front() <= low);
    CHECK(ticks.back() >= high - 1e-9 * std::abs(high));
  }
}

TEST_CASE("numbers are shown with the digits that matter") {
  CHECK(rl::reporting::count_text(0.0) == "0");
  CHECK(rl::reporting::count_text(50000.0) == "50k");
  CHECK(rl::reporting::count_text(1250000.0) == "1.25M");
  CHECK(rl::reporting::value_text(0.30000000000000004, 0.1) == "0.3");
  CHECK(rl::reporting::value_text(-1e-17, 0.1) == "0.0");
  CHECK(rl::reporting::value_text(200.0, 50.0) == "200");
}

TEST_CASE("a long curve is thinned without losing its spike") {
  Series series{.name = "loss", .points = {}};
  for (int i = 0; i < 20000; ++i) {
    series.points.push_back({.x = static_cast<double>(i), .y = i == 12345 ? 1000.0 : 1.0});
  }
  const std::string with_spike = rl::reporting::chart_svg("loss", {series}, {});
  CHECK(with_spike.size() < 20000);
  CHECK(count(with_spike, ",12.0 ") == 1);  // the top of the frame
}

TEST_CASE("the page shows the run's results, evaluations with their error, and its configuration") {
  const TemporaryFolder folder;
  rl::MetricsLog log(folder.path(), 0);
  log.write(1000, 1.0, {{"rollout/episode_return", 20.0}, {"entropy", 0.69}});
  log.write(2000, 2.0, {{"evaluation/return", 400.0}, {"evaluation/return_standard_error", 8.0}});
  log.write(3000, 3.0, {{"rollout/episode_return", 300.0}, {"entropy", 0.4}});
  log.write(3000, 4.0, {{"evaluation/return", 350.0}, {"evaluation/return_standard_error", 9.0}});
  const std::string config = "algo = ppo\nenv = <Cart>\nseed = 3\n[ppo]\nclip = 0.2\n";
  rl::write_file(folder.path() / "config.ini", std::as_bytes(std::span(config)));
  rl::write_report(folder.path());
  const std::string html = text_of(folder.path() / "report.html");
  CHECK(count(html, "<title>ppo on &lt;Cart&gt;</title>") == 1);
  CHECK(count(html, "<Cart>") == 0);
  CHECK(count(html, "<svg") == 2);
  CHECK(count(html, "evaluation at step 2000: 400 ± 8") == 1);
  CHECK(count(html, "<th>Final evaluation return</th><td>350.0</td>") == 1);
  CHECK(count(html, "<th>Best evaluation return</th><td>400.0</td>") == 1);
  CHECK(count(html, "<th>Seed</th><td>3</td>") == 1);
  CHECK(count(html, "<th>ppo.clip</th><td>0.2</td>") == 1);
}

TEST_CASE("the page needs no network and no script") {
  const TemporaryFolder folder;
  rl::MetricsLog log(folder.path(), 0);
  log.write(1000, 1.0, {{"rollout/episode_return", 20.0}});
  rl::write_report(folder.path());
  const std::string html = text_of(folder.path() / "report.html");
  for (const char* part : {"http:", "https:", "<script", "<link", "src=", "url(", "@import"}) {
    CAPTURE(part);
    CHECK(count(html, part) == 0);
  }
}

TEST_CASE("a run of fine-tuning shows losses where others show returns") {
  const TemporaryFolder folder;
  rl::MetricsLog log(folder.path(), 0);
  log.write(10, 1.0, {{"loss", 2.5}});
  log.write(20, 2.0, {{"loss", 0.4}});
  log.write(20, 2.0, {{"evaluation/loss", 0.625}, {"evaluation/exact_match", 0.93}});
  const std::string config = "algo = sft\nmodel = models/adder\ndata = sums.jsonl\n";
  rl::write_file(folder.path() / "config.ini", std::as_bytes(std::span(config)));
  rl::write_report(folder.path());
  const std::string page = text_of(folder.path() / "report.html");
  CHECK(count(page, "sft on sums.jsonl") == 2);
  CHECK(count(page, "<figcaption>Loss") == 1);
  CHECK(count(page, "0.625") > 0);
  CHECK(count(page, "93.0 %") == 1);
  CHECK(count(page, "models/adder") > 0);
  CHECK(count(page, "Environment") == 0);
  CHECK(count(page, "<figcaption>Return") == 0);
}

TEST_CASE("a run without measurements, and broken lines, still give a page") {
  const TemporaryFolder folder;
  rl::write_report(folder.path());
  CHECK(count(text_of(folder.path() / "report.html"), "nothing measured yet") == 1);
  const std::string lines =
      "{\"step\":1,\"a\":2}\nnot "
      "JSON\n{\"step\":\"x\"}\n[]\n{\"step\":2,\"a\":1e999}\n{\"step\":3,";
  rl::write_file(folder.path() / "metrics.jsonl", std::as_bytes(std::span(lines)));
  rl::write_report(folder.path());
  CHECK(count(text_of(folder.path() / "report.html"), "<svg") == 2);
}

TEST_CASE("the same measurements give the same page") {
  const auto page = [](double value) {
    const TemporaryFolder folder;
    rl::MetricsLog log(folder.path(), 0);
    log.write(1000, 1.0, {{"rollout/episode_return", value}});
    rl::write_report(folder.path());
    return text_of(folder.path() / "report.html");
  };
  CHECK(page(20.0) == page(20.0));
  CHECK(page(20.0) != page(21.0));
}

TEST_SUITE_END();

}  // namespace

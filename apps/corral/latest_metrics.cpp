#include "apps/corral/latest_metrics.h"

#include <fstream>
#include <nlohmann/json.hpp>

namespace rl::app {
namespace {

std::string tail(const std::filesystem::path& file) {
  constexpr std::streamoff kTailBytes = 256 << 10;
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  if (!stream) return {};
  const std::streamoff size = stream.tellg();
  stream.seekg(std::max<std::streamoff>(0, size - kTailBytes));
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

std::map<std::string, LatestMetric> latest_metrics(const std::filesystem::path& file) {
  std::map<std::string, LatestMetric> metrics;
  std::istringstream lines(tail(file));
  for (std::string line; std::getline(lines, line);) {
    const auto row = nlohmann::json::parse(line, nullptr, false);
    if (!row.is_object() || !row.contains("step") || !row["step"].is_number_unsigned()) continue;
    const auto step = row["step"].get<std::uint64_t>();
    for (const auto& [name, value] : row.items()) {
      if (name != "step" && value.is_number()) metrics[name] = {value.get<double>(), step};
    }
  }
  return metrics;
}

}  // namespace rl::app

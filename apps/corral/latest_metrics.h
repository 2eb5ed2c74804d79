// The newest values in a run's metrics.jsonl.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace rl::app {

struct LatestMetric {
  double value = 0.0;
  std::uint64_t step = 0;  // of the run when it was written
};

// The last value of every name within the file's last 256 KiB. Lines that are not whole JSON are
// passed over, as the last one of a running program may be. Empty when there is no file.
std::map<std::string, LatestMetric> latest_metrics(const std::filesystem::path& file);

}  // namespace rl::app

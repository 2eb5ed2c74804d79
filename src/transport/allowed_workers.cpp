#include "src/transport/allowed_workers.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "rl/core/error.h"
#include "rl/transport/keys.h"

namespace rl::transport {
namespace {

constexpr std::chrono::seconds kLookEvery{2};

}  // namespace

AllowedWorkers::AllowedWorkers(const LearnerOptions& options)
    : given_(options.allowed_workers), folder_(options.allowed_folder) {
  if (!folder_.empty()) found_ = load_allowed_workers(folder_);
}

bool AllowedWorkers::contains(std::string_view key) const {
  return std::find(given_.begin(), given_.end(), key) != given_.end() ||
         std::binary_search(found_.begin(), found_.end(), key);
}

std::vector<std::string> AllowedWorkers::refresh(Nanoseconds now) {
  std::vector<std::string> gone;
  if (folder_.empty() || now < next_) return gone;
  next_ = now + kLookEvery;
  std::vector<std::string> found;
  try {
    found = load_allowed_workers(folder_);
  } catch (const Error&) {
    return gone;
  }
  std::set_difference(found_.begin(), found_.end(), found.begin(), found.end(),
                      std::back_inserter(gone));
  found_ = std::move(found);
  std::erase_if(gone, [this](const std::string& key) { return contains(key); });
  return gone;
}

}  // namespace rl::transport

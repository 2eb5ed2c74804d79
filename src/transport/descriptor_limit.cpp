#include "src/transport/descriptor_limit.h"

#include <sys/resource.h>

#include <algorithm>
#include <string>

#include "rl/core/error.h"

namespace rl::transport {
namespace {

constexpr rlim_t kOthers = 256;  // files, sockets of ZeroMQ itself, whatever else the process has

}  // namespace

void make_room_for_connections(std::size_t connections) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t least = connections + kOthers;
  if (limit.rlim_max < least) {
    throw Error({.where = "LearnerEndpoint",
                 .what = "this process may not open enough connections for its workers",
                 .expected = "a limit of at least " + std::to_string(least) + " open files for " +
                             std::to_string(connections) + " workers",
                 .got = std::to_string(limit.rlim_max),
                 .remedy = "raise the hard limit (ulimit -Hn), or use fewer workers"});
  }
  // Twice as many: while workers are replaced, the old connections are still being closed.
  const rlim_t ample = std::min<rlim_t>(2 * connections + kOthers, limit.rlim_max);
  if (limit.rlim_cur >= ample) return;
  limit.rlim_cur = ample;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace rl::transport

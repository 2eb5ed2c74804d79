#include "learner/run_metrics.h"

namespace rl {

double WorkerIdleness::share(const std::vector<transport::WorkerStatus>& workers) {
  Times since;
  std::map<std::uint64_t, Times> now;
  for (const transport::WorkerStatus& worker : workers) {
    const auto before = known_.find(worker.worker_id);
    const Times earlier = before == known_.end() ? Times{} : before->second;
    since.alive += worker.alive - earlier.alive;
    since.waited += worker.waited - earlier.waited;
    now[worker.worker_id] = {worker.alive, worker.waited};
  }
  known_ = std::move(now);
  if (since.alive > Nanoseconds(0)) {
    share_ = std::chrono::duration<double>(since.waited) /
             std::chrono::duration<double>(since.alive);
  }
  return share_;
}

}  // namespace rl

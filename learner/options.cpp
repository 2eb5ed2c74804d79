#include "rl/learner/train_options.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "rl/core/error.h"

namespace rl {
namespace {

[[noreturn]] void refuse(const std::string& option, const std::string& expected,
                         const std::string& got) {
  throw Error({.where = "train options",
               .what = option + " is not usable",
               .expected = expected,
               .got = got,
               .remedy = "see `corral train --help`"});
}

template <std::size_t N>
void require_one_of(const std::string& option, const std::string& value,
                    const std::array<std::string_view, N>& allowed) {
  if (std::ranges::find(allowed, value) != allowed.end()) return;
  std::string names;
  for (const auto& name : allowed) names += (names.empty() ? "" : ", ") + std::string(name);
  refuse(option, names, "'" + value + "'");
}

void require_positive(const std::string& option, double value) {
  if (value > 0.0) return;
  refuse(option, "more than 0", std::to_string(value));
}

}  // namespace

void validate(const TrainOptions& options) {
  using Names2 = std::array<std::string_view, 2>;
  require_one_of("--worker-mode", options.worker_mode, Names2{"thread", "process"});
  require_one_of("--endpoint", options.endpoint,
                 std::array<std::string_view, 3>{"inproc", "ipc", "tcp"});
  require_one_of("--mode", options.mode, Names2{"lockstep", "async"});
  require_one_of("--device", options.device, Names2{"cpu", "cuda"});
  require_positive("--num-envs", static_cast<double>(options.num_environments));
  require_positive("--steps", static_cast<double>(options.total_steps));
  require_positive("--eval-episodes", static_cast<double>(options.evaluation_episodes));
  require_positive("--fragment-steps", static_cast<double>(options.fragment_steps));
  require_positive("--keep-checkpoints", static_cast<double>(options.keep_checkpoints));
  require_positive("--worker-wait", options.worker_wait);
  if (options.checkpoint_every < 0.0) {
    refuse("--checkpoint-every", "0 or more seconds", std::to_string(options.checkpoint_every));
  }
  if (options.out.empty()) refuse("--out", "a folder", "''");
  if (options.environment.empty()) refuse("--env", "a name from `corral envs`", "''");
  if (options.num_workers > options.num_environments) {
    refuse("--workers", "at most --num-envs (" + std::to_string(options.num_environments) + ")",
           std::to_string(options.num_workers));
  }
  if (options.endpoint == "inproc" && options.worker_mode == "process" &&
      options.num_workers > 0 && options.bind.empty()) {
    refuse("--endpoint inproc", "ipc or tcp when --worker-mode is process", "inproc");
  }
  validate(options.ppo);
  validate(options.dqn);
}

}  // namespace rl

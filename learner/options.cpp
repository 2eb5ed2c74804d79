#include "rl/learner/train_options.h"

#include "learner/option_checks.h"

namespace rl {
namespace {

constexpr OptionChecks kChecks("train options", "corral train --help");

}  // namespace

void validate(const TrainOptions& options) {
  kChecks.one_of("--worker-mode", options.worker_mode, {"thread", "process"});
  kChecks.one_of("--endpoint", options.endpoint, {"inproc", "ipc", "tcp"});
  kChecks.one_of("--mode", options.mode, {"lockstep", "async"});
  kChecks.one_of("--device", options.device, {"cpu", "cuda"});
  kChecks.positive("--num-envs", static_cast<double>(options.num_environments));
  kChecks.positive("--steps", static_cast<double>(options.total_steps));
  kChecks.positive("--eval-episodes", static_cast<double>(options.evaluation_episodes));
  kChecks.positive("--fragment-steps", static_cast<double>(options.fragment_steps));
  kChecks.positive("--keep-checkpoints", static_cast<double>(options.keep_checkpoints));
  kChecks.positive("--worker-wait", options.worker_wait);
  if (options.checkpoint_every < 0.0) {
    kChecks.refuse("--checkpoint-every", "0 or more seconds",
                   std::to_string(options.checkpoint_every));
  }
  kChecks.text("--out", options.out, "a folder");
  kChecks.text("--env", options.environment, "a name from `corral envs`");
  if (options.num_workers > options.num_environments) {
    kChecks.refuse("--workers",
                   "at most --num-envs (" + std::to_string(options.num_environments) + ")",
                   std::to_string(options.num_workers));
  }
  if (options.endpoint == "inproc" && options.worker_mode == "process" &&
      options.num_workers > 0 && options.bind.empty()) {
    kChecks.refuse("--endpoint inproc", "ipc or tcp when --worker-mode is process", "inproc");
  }
  validate(options.ppo);
  validate(options.dqn);
}

}  // namespace rl

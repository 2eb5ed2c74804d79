#include "src/cli/common_options.h"

namespace rl::cli {

void add_resume(OptionTable& table, bool& resume) {
  table.add({"resume", &resume, "", {},
             "continue the run in --out from its newest checkpoint, with its own options", {},
             false});
}

void add_worker_mode(OptionTable& table, TrainOptions& options) {
  table.add({"worker-mode", &options.worker_mode, "MODE", {}, "what a local worker is",
             {"thread", "process"}});
}

void add_connection(OptionTable& table, TrainOptions& options) {
  table.add({"endpoint", &options.endpoint, "KIND", {}, "how local workers reach the learner",
             {"inproc", "ipc", "tcp"}});
  table.add({"bind", &options.bind, "URL", {},
             "full address instead of --endpoint, e.g. tcp://0.0.0.0:5555 (needs --keys)"});
  table.add({"keys", &options.keys, "DIR", {},
             "encrypt and authenticate with keys of `corral keygen`"});
}

void add_worker_wait(OptionTable& table, TrainOptions& options) {
  table.add({"worker-wait", &options.worker_wait, "seconds", {0, kLongestWait, true},
             "how long a round may wait for a silent worker"});
}

}  // namespace rl::cli

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "apps/corral/command.h"
#include "apps/corral/stop_signals.h"
#include "apps/corral/terminal.h"
#include "rl/cli/command_line.h"
#include "rl/cli/help.h"
#include "rl/envs/registry.h"
#include "rl/rollout/worker.h"
#include "rl/transport/keys.h"

namespace rl::app {
namespace {

struct Request {
  std::string connect{};
  std::string keys{};
  std::string key{};
  std::string name{};
  double slot = -1;
  bool has_slot = false;
  double retry = 15;
  std::uint64_t threads = 0;
  bool quiet = false;
};

cli::OptionTable request_table(Request& request) {
  cli::OptionTable table;
  table.add({"connect", &request.connect, "URL", {},
             "where the learner listens, e.g. tcp://10.0.0.5:5555"});
  table.add({"keys", &request.keys, "DIR", {},
             "folder with learner.pub and worker-NAME.key of `corral keygen`"});
  table.add({"key", &request.key, "NAME", {},
             "which worker's key of that folder; without it, the first by name"});
  table.add({"name", &request.name, "NAME", {},
             "shown by the learner; without it, host and process number"});
  table.add({"slot", cli::MaybeNumber{&request.slot, &request.has_slot}, "",
             {.low = 0, .high = 4095}, "which share of the environments to take; none: any"});
  table.add({"retry", &request.retry, "seconds", {.low = 0, .high = 86400, .low_open = true},
             "how long to look for a learner, at the start and after losing one"});
  table.add({"threads", &request.threads, "", {.low = 0, .high = 1024},
             "that complete texts, in runs of language models; 0: the machine's"});
  table.add({"quiet", &request.quiet, "", {}, "speak of trouble only"});
  return table;
}

Request parse(const std::vector<std::string>& words) {
  Request request;
  cli::OptionTable table = request_table(request);
  table.set_all(cli::parse_command_line(table, words, 0).assignments);
  if (request.connect.empty()) {
    throw Error({.where = cli::kCommandLine,
                 .what = "a worker must be told where the learner listens",
                 .expected = "--connect URL",
                 .remedy = "corral learner prints the whole line when it starts"});
  }
  if (request.slot != std::floor(request.slot)) {
    throw Error({.where = cli::kCommandLine, .what = "option --slot cannot take this value",
                 .expected = "none, or a whole number from 0 to 4095"});
  }
  if (request.name.empty()) request.name = host_name() + "-" + std::to_string(getpid());
  return request;
}

// worker-NAME.key in the folder.
std::filesystem::path worker_key_file(const Request& request) {
  const std::filesystem::path folder = request.keys;
  if (!request.key.empty()) return folder / ("worker-" + request.key + ".key");
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("worker-") && name.ends_with(".key")) files.push_back(entry.path());
  }
  if (!files.empty()) return *std::min_element(files.begin(), files.end());
  throw Error({.where = request.keys,
               .what = "there is no worker's key in the folder",
               .expected = "learner.pub and worker-NAME.key",
               .remedy = "copy both here from the folder made by corral keygen"});
}

rollout::WorkerRunOptions options_of(const Request& request) {
  rollout::WorkerRunOptions options;
  options.transport.connect = request.connect;
  options.name = request.name;
  if (request.has_slot) options.slot = static_cast<std::int32_t>(request.slot);
  options.retry = std::chrono::milliseconds(static_cast<std::int64_t>(request.retry * 1000));
  options.generator.threads = request.threads;
  if (!request.keys.empty()) {
    transport::use_keys(options.transport, worker_key_file(request),
                        std::filesystem::path(request.keys) / "learner.pub");
  }
  transport::validate(options.transport);
  return options;
}

}  // namespace

int run_worker_command(const std::vector<std::string>& words) {
  const Request request = understand([&] { return parse(words); });
  const rollout::WorkerRunOptions options = options_of(request);
  const StopSignals& signals =
      stop_on_signals("stopping after the last fragment is acknowledged; again: at once");
  const auto log = [&](const std::string& line) {
    std::fprintf(stderr, "%s: %s\n", request.name.c_str(), line.c_str());
  };
  if (!request.quiet) log("looking for a learner at " + request.connect);
  const rollout::WorkerSummary summary =
      rollout::run_worker(options, builtin_environments(), signals.stop, log);
  if (request.quiet && summary.fragments_lost == 0) return kDone;
  log("made " + std::to_string(summary.steps) + " steps in " + std::to_string(summary.fragments) +
      " fragments over " + std::to_string(summary.connections) + " connections; " +
      std::to_string(summary.fragments_lost) + " fragments lost");
  return kDone;
}

std::string worker_help(std::size_t width) {
  Request request;
  return "corral worker: steps environments for a learner, on this host or another.\n"
         "\n"
         "Usage: corral worker --connect URL [--keys DIR] [--NAME VALUE]...\n"
         "\n"
         "Work for a learner on this machine (`corral learner` prints the line to use):\n"
         "  corral worker --connect tcp://127.0.0.1:5555\n"
         "\n"
         "Work for a learner on another host, waiting ten minutes for it to come up:\n"
         "  corral worker --connect tcp://learner-host:5555 --keys keys --retry 600\n"
         "\n"
         "The learner says which environment, with which seeds; nothing else is to be set here.\n"
         "\n" +
         cli::option_help(request_table(request), width);
}

}  // namespace rl::app

#include <cstdio>

#include "apps/corral/command.h"
#include "rl/cli/command_line.h"
#include "rl/cli/help.h"
#include "rl/transport/keys.h"

namespace rl::app {
namespace {

struct Request {
  std::string folder{};
  std::string worker = "1";
};

cli::OptionTable request_table(Request& request) {
  cli::OptionTable table;
  table.add({"worker", &request.worker, "NAME", {},
             "whose key to make; one per host lets you shut out one host"});
  return table;
}

Request parse(const std::vector<std::string>& words) {
  Request request;
  cli::OptionTable table = request_table(request);
  const cli::CommandLine line = cli::parse_command_line(table, words, 1);
  table.set_all(line.assignments);
  if (line.arguments.empty()) {
    throw Error({.where = cli::kCommandLine,
                 .what = "no folder for the keys is named",
                 .remedy = "e.g. corral keygen keys"});
  }
  request.folder = line.arguments[0];
  return request;
}

}  // namespace

int run_keygen(const std::vector<std::string>& words) {
  const Request request = understand([&] { return parse(words); });
  transport::make_keys(request.folder, request.worker);
  const char* folder = request.folder.c_str();
  const char* worker = request.worker.c_str();
  std::printf("%s/learner.key, learner.pub  the learner's keys; learner.key stays on its host\n"
              "%s/worker-%s.key  a worker's keys\n"
              "%s/allowed_workers/%s.pub  lets this worker in; delete it to shut the worker out\n"
              "\n"
              "Learner: corral learner --bind tcp://0.0.0.0:5555 --keys %s\n"
              "Worker:  copy learner.pub and worker-%s.key into a folder DIR on its host, then\n"
              "         corral worker --connect tcp://LEARNER-HOST:5555 --keys DIR\n",
              folder, folder, worker, folder, worker, folder, worker);
  return kDone;
}

std::string keygen_help(std::size_t width) {
  Request request;
  return "corral keygen: keys for learners and workers that talk over a network.\n"
         "\n"
         "Usage: corral keygen DIR [--worker NAME]\n"
         "\n"
         "Make a learner's keys and those of a first worker, then listen to the network:\n"
         "  corral keygen keys\n"
         "  corral learner --bind tcp://0.0.0.0:5555 --keys keys --out runs/wide\n"
         "\n"
         "Let a second host in, with a key of its own:\n"
         "  corral keygen keys --worker host2\n"
         "\n"
         "Nothing is ever overwritten. What each key may do: docs/security.md.\n"
         "\n" +
         cli::option_help(request_table(request), width);
}

}  // namespace rl::app
